"""What an aggregate amounted to after each of its events: folded anew with today's code. It never decides."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from event_store.aggregates.aggregate import Aggregate, aggregate_classes
from event_store.aggregates.snapshots import OWN
from event_store.codec import to_plain, typed
from event_store.events import RecordedEvent
from event_store.stores import event_store
from event_store.streams import category_of


@dataclass(frozen=True)
class ReplayedEvent:
    """
    One event of an aggregate, and its attributes before and after it as JSON-like plain data, by name.

    `number` is the position. A value that JSON cannot hold is given as the name of its class, `<Basket>`. From the event at
    which applying raises on, `state` is None, `error` has the traceback and `failed_at` the number of that event; an event
    that today's class cannot read is such a one.
    """

    number: int
    event: RecordedEvent[Any]
    state_before: dict[str, Any] | None
    state: dict[str, Any] | None
    error: str = ""
    failed_at: int | None = None


def aggregate_class(category: str) -> type[Aggregate] | None:
    """The class whose streams are of a category, of several the one that was declared last; None for no class."""
    return aggregate_classes.get(category)


def replay_aggregate(stream: str, *, start: int = 0, limit: int = 2000) -> Iterator[ReplayedEvent]:
    """
    The events of an aggregate's stream in order; none where no class has its category.

    Args:
        start: number of the first event, from 0. Those before it are folded, too.
        limit: of events.
    """
    found = aggregate_class(category_of(stream))
    if found is None:
        return
    folding = _Folding(found, stream.partition("$")[2])
    for event in event_store.events.in_stream(stream).as_json().before(start + limit):
        replayed = folding.step(event, is_shown=(event.position or 0) >= start)
        if replayed.number >= start:
            yield replayed


class _Folding:
    def __init__(self, aggregate: type[Aggregate], aggregate_id: str) -> None:
        self._aggregate: Aggregate | None = None
        self._error = ""
        self._failed_at: int | None = None
        try:
            self._aggregate = aggregate(aggregate_id)
        except Exception:
            self._fail(0)

    def step(self, event: RecordedEvent[str], *, is_shown: bool) -> ReplayedEvent:
        number = event.position or 0
        before = self._plain() if is_shown else None
        read: RecordedEvent[Any] = event
        try:
            read = typed(event)
            if self._aggregate is not None and not self._error:
                self._aggregate.load([read])
        except Exception:
            self._fail(number)
        state = self._plain() if is_shown else None
        return ReplayedEvent(number, read, before, state, self._error, self._failed_at)

    def _plain(self) -> dict[str, Any] | None:
        if self._aggregate is None or self._error:
            return None
        return {name: _plain(value) for name, value in vars(self._aggregate).items() if name not in OWN}

    def _fail(self, number: int) -> None:
        if not self._error:
            self._error, self._failed_at = traceback.format_exc(), number


def _plain(value: Any) -> Any:
    try:
        return to_plain(value)
    except Exception:
        return f"<{type(value).__name__}>"
