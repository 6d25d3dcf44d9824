"""Aggregates: decide from past events, record new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

from event_store.events import Event, RecordedEvent
from event_store.expected_version import ExpectedVersion
from event_store.store import EventStore
from event_store.stores import event_store

A = TypeVar("A", bound="Aggregate")
M = TypeVar("M", bound=Callable[..., None])


def applies(*event_classes: type[Event]) -> Callable[[M], M]:
    """Mark the method that changes an aggregate's attributes when one of these events has happened."""

    def mark(method: M) -> M:
        method.applies_events = event_classes  # type: ignore[attr-defined]
        return method

    return mark


class Aggregate:
    """
    What past events of one stream amount to, and the decisions that are made from it.

    Class attributes:
        category: its streams are `category$id`; the class's name if left out.

    Attributes:
        version: position of the last stored event, -1 when there is none.
        recorded: events that were decided on and are not stored yet.
    """

    category: ClassVar[str] = ""
    _appliers: ClassVar[Mapping[type[Event], str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.category = cls.__dict__.get("category", cls.__name__)
        appliers = dict(cls._appliers)
        for name, method in vars(cls).items():
            appliers.update(dict.fromkeys(getattr(method, "applies_events", ()), name))
        cls._appliers = appliers

    def __init__(self, aggregate_id: str) -> None:
        self.id = aggregate_id
        self.version = -1
        self.recorded: list[Event] = []

    @property
    def stream(self) -> str:
        return f"{self.category}${self.id}"

    def record(self, event: Event) -> None:
        """Decide that this has happened: applied at once, stored by the repository."""
        self.apply(event)
        self.recorded.append(event)

    def apply(self, event: Any) -> None:
        """Change the attributes. The nearest class of an event counts; one without a method changes none."""
        for event_class in type(event).__mro__:
            if event_class in self._appliers:
                getattr(self, self._appliers[event_class])(event)
                return

    def load(self, events: Iterable[RecordedEvent[Any]]) -> None:
        """Apply what is stored."""
        for event in events:
            self.apply(event.data)
            self.version = event.position if event.position is not None else self.version


class AggregateRepository(Generic[A]):
    """Loads aggregates of one class and stores what they recorded."""

    def __init__(self, aggregate_class: type[A], *, store: EventStore = event_store) -> None:
        self.aggregate_class, self._store = aggregate_class, store

    def load(self, aggregate_id: str) -> A:
        """The aggregate of this id; one without events when there are none."""
        aggregate = self.aggregate_class(aggregate_id)
        aggregate.load(self._store.events.in_stream(aggregate.stream))
        return aggregate

    def store(
        self, aggregate: A, *, links: Iterable[str] | Mapping[str, ExpectedVersion] = ()
    ) -> list[RecordedEvent[Any]]:
        """
        Publish what the aggregate recorded.

        Raises:
            WrongExpectedVersion: the stream has moved on since it was loaded; nothing was stored.
        """
        stored = self._store.publish(
            aggregate.recorded, stream=aggregate.stream, expected_version=aggregate.version, links=links
        )
        aggregate.recorded = []
        aggregate.version += len(stored)
        return stored

    @contextmanager
    def changing(self, aggregate_id: str) -> Iterator[A]:
        """`with orders.changing("42") as order: order.confirm()` loads, and stores at the end unless it raised."""
        aggregate = self.load(aggregate_id)
        yield aggregate
        self.store(aggregate)
