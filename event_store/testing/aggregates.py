"""Given events, when a decision is made, then new ones: aggregates tried without a database."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from event_store.aggregates import snapshots
from event_store.aggregates.aggregate import Aggregate
from event_store.events import Event, check_is_event

A = TypeVar("A", bound=Aggregate)


def given_aggregate(aggregate_class: type[A], *events: Event, id: str = "1") -> AggregateScenario[A]:
    """
    An aggregate after these events:

        given_aggregate(Order, OrderPlaced(order_id="1")).when(lambda order: order.confirm()).then(OrderConfirmed(order_id="1"))
    """
    return AggregateScenario(aggregate_class, id).given(*events)


class AggregateScenario(Generic[A]):
    """
    What an aggregate decides. Several `when` go on from each other; each `then…` is about the last one.

    Attributes:
        aggregate: as it is now, for what it shows.
        answer: what the last decision has returned.
    """

    def __init__(self, aggregate_class: type[A], aggregate_id: str) -> None:
        self.aggregate = aggregate_class(aggregate_id)
        self.answer: Any = None
        self._class, self._id = aggregate_class, aggregate_id
        self._happened: list[Event] = []
        self._decided: list[Event] = []
        self._error: Exception | None = None
        self._is_seen = True

    def given(self, *events: Event) -> AggregateScenario[A]:
        """These have happened, too."""
        self._raise_unseen()
        for event in events:
            check_is_event("given", event)
            self.aggregate.apply(event)
            self._happened.append(event)
        self._check()
        return self

    def when(self, decide: Callable[[A], Any]) -> AggregateScenario[A]:
        """Have the aggregate decide. What it raises is for `then_raises`, and raised again where nobody asks for it."""
        self._raise_unseen()
        self._error, self.answer = None, None
        try:
            self.answer = decide(self.aggregate)
        except Exception as error:
            self._error, self._is_seen = error, False
            self.aggregate = self._rebuilt()
            self._decided = []
            return self
        self._decided, self.aggregate.recorded = self.aggregate.recorded, []
        self._happened += self._decided
        self._check()
        return self

    def then(self, *events: Event) -> AggregateScenario[A]:
        """The decision recorded exactly these. Raises AssertionError."""
        self._raise_unseen()
        if self._decided != list(events):
            raise AssertionError(self._told(events))
        return self

    def then_nothing(self) -> AggregateScenario[A]:
        """The decision recorded nothing. Raises AssertionError."""
        return self.then()

    def then_raises(self, error_class: type[Exception], match: str = "") -> AggregateScenario[A]:
        """
        The decision was refused.

        Args:
            match: a regular expression that its words have.
        Raises:
            AssertionError: it was not, or otherwise.
        """
        error, self._is_seen = self._error, True
        if not isinstance(error, error_class) or not re.search(match, str(error)):
            words = f" with {match!r}" if match else ""
            raise AssertionError(self._told((), f"{error_class.__name__}{words}")) from error
        return self

    def _check(self) -> None:
        rebuilt = self._rebuilt()
        for name, value in vars(self.aggregate).items():
            if name not in snapshots.OWN and vars(rebuilt).get(name) != value:
                raise AssertionError(
                    f"{self._class.__name__}.{name} is {value!r}, and its events amount to {vars(rebuilt).get(name)!r}: "
                    "decisions change attributes by the events that they record alone."
                )
        if self._class.snapshot_every is not None:
            snapshots.check(self.aggregate)

    def _rebuilt(self) -> A:
        rebuilt = self._class(self._id)
        for event in self._happened:
            rebuilt.apply(event)
        return rebuilt

    def _raise_unseen(self) -> None:
        if not self._is_seen and self._error is not None:
            raise self._error

    def _told(self, expected: Any, refusal: str = "") -> str:
        before = self._happened[: len(self._happened) - len(self._decided)]
        found = f"{type(self._error).__name__}: {self._error}" if self._error else ""
        lines = [
            f"{self._class.__name__} {self._id}, given",
            *_indented(before),
            "was expected to decide",
            *_indented([refusal] if refusal else expected),
            "and decided",
            *_indented([found] if found else self._decided),
        ]
        return "\n".join(lines)


def _indented(things: Any) -> list[str]:
    return [f"  {each if isinstance(each, str) else repr(each)}" for each in things] or ["  nothing"]
