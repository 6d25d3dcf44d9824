"""Handling events in one transaction with whatever notes that it is done: the checkpoint, or the end of a failure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from event_store.codec import typed
from event_store.context import handling_block
from event_store.durable import DurableSubscriber
from event_store.events import RecordedEvent
from event_store.store import EventStore
from event_store.subscriptions.errors import is_conflict

CONFLICTS_IN_A_ROW = 10


@dataclass(frozen=True)
class Unit:
    """An event, read as JSON text, as a part of one sequence."""

    event: RecordedEvent[str]
    sequence: str
    checkpoint: int | None = None
    """Where the checkpoint moves to with it; None where more of the same event follows."""
    is_sure: bool = True
    """False where the sequence could not be told before, so that it is asked for again."""


def handle(
    store: EventStore,
    subscriber: DurableSubscriber,
    units: Sequence[Unit],
    *,
    begin: Callable[[], bool],
    finish: Callable[[], None] = lambda: None,
) -> bool:
    """
    Call the handler, in one transaction with what `begin` and `finish` write. Conflicts are repeated at once.

    Args:
        units: 1..n; several only of a subscriber without several sequences for one event.
        begin: the first statements of the transaction; False ends it without calling the handler.
        finish: the last ones.
    Returns:
        What `begin` returned.
    Raises:
        Whatever the handler raises; nothing was written then.
    """
    for attempt in range(CONFLICTS_IN_A_ROW):
        try:
            return _handle(store, subscriber, units, begin, finish)
        except Exception as error:
            if attempt == CONFLICTS_IN_A_ROW - 1 or not is_conflict(error):
                raise
            time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, hides nothing
    raise AssertionError("unreachable")


def _handle(
    store: EventStore,
    subscriber: DurableSubscriber,
    units: Sequence[Unit],
    begin: Callable[[], bool],
    finish: Callable[[], None],
) -> bool:
    with store.atomic():
        if not begin():
            return False
        events = [_decoded(subscriber, unit) for unit in units]
        if subscriber.takes_list:
            with _context_of(events):
                subscriber.call(events, units[0].sequence)
        else:
            for event, unit in zip(events, units, strict=True):
                with _context_of([event]):
                    subscriber.call([event], unit.sequence)
        finish()
    return True


def _decoded(subscriber: DurableSubscriber, unit: Unit) -> RecordedEvent[Any]:
    event = typed(unit.event)
    if not unit.is_sure:
        # Raises once more, or is told now.
        subscriber.sequences(event)
    return event


def _context_of(events: Sequence[RecordedEvent[Any]]) -> Any:
    if len(events) > 1:
        # What a batch causes has no single cause, and nobody's metadata.
        return handling_block(metadata={}, causation_id=None, correlation_id=None)
    [event] = events
    return handling_block(metadata=event.metadata, causation_id=event.id, correlation_id=event.correlation_id)
