"""Loading aggregates, and storing what they have decided."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Generic, TypeVar

from event_store.aggregates import snapshots
from event_store.aggregates.aggregate import Aggregate
from event_store.asynchronous import async_twin
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidAggregate, WrongExpectedVersion
from event_store.expected_version import ExpectedVersion
from event_store.store import EventStore
from event_store.stores import event_store

logger = logging.getLogger("event_store.aggregates")

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")
Links = Iterable[str] | Mapping[str, ExpectedVersion]


class AggregateRepository(Generic[A]):
    """
    Loads aggregates of one class and stores what they recorded.

        orders = AggregateRepository(Order)
        orders.change("42", lambda order: order.confirm())

    Raises:
        InvalidAggregate: something else than a subclass of Aggregate.
    """

    def __init__(self, aggregate_class: type[A], *, store: EventStore = event_store) -> None:
        if not (isinstance(aggregate_class, type) and issubclass(aggregate_class, Aggregate)):
            raise InvalidAggregate(f"AggregateRepository takes a subclass of Aggregate, not {aggregate_class!r}.")
        self.aggregate_class, self._store = aggregate_class, store

    def load(self, aggregate_id: str) -> A:
        """The aggregate of this id; one without events when there are none."""
        aggregate = self.aggregate_class(aggregate_id)
        if self._keeps_snapshots:
            found = snapshots.find(self._store, aggregate)
            if found is not None:
                restored, snapshot = found
                # With the event of the snapshot itself: the stream may have been deleted, and written anew.
                events = iter(self._store.events.in_stream(restored.stream).after(snapshot.version - 1))
                last = next(events, None)
                if last is not None and (last.id, last.position) == (snapshot.event_id, snapshot.version):
                    restored.load(events)
                    return restored
        aggregate.load(self._store.events.in_stream(aggregate.stream))
        return aggregate

    def store(self, aggregate: A, *, links: Links = ()) -> list[RecordedEvent[Any]]:
        """
        Publish what the aggregate recorded.

        Raises:
            WrongExpectedVersion: the stream has moved on since it was loaded; nothing was stored.
        """
        before = aggregate.version
        with self._store.atomic() if self._keeps_snapshots else nullcontext():
            stored = self._store.publish(
                aggregate.recorded, stream=aggregate.stream, expected_version=aggregate.version, links=links
            )
            aggregate.recorded = []
            aggregate.version += len(stored)
            if self._keeps_snapshots and snapshots.is_due(aggregate, before):
                self._take_snapshot(aggregate, stored[-1])
        return stored

    def change(self, aggregate_id: str, decide: Callable[[A], R], *, attempts: int = 5, links: Links = ()) -> R:
        """
        Load, decide and store, in one transaction; anew when somebody else was faster.

        Args:
            decide: called with the aggregate, at each attempt; what it writes besides is undone with an attempt.
            attempts: 1 or more.
        Returns:
            What `decide` returns.
        Raises:
            WrongExpectedVersion: the stream had moved on at the last attempt, too; nothing was stored.
            Whatever `decide` raises; nothing was stored.
        """
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            raise ValueError(f"attempts is {attempts!r}: a whole number from 1.")
        for attempt in range(attempts):
            try:
                with self._store.atomic():
                    aggregate = self.load(aggregate_id)
                    answer = decide(aggregate)
                    self.store(aggregate, links=links)
                    return answer
            except WrongExpectedVersion:
                if attempt == attempts - 1:
                    raise
                time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, hides nothing
        raise AssertionError("unreachable")

    @contextmanager
    def changing(self, aggregate_id: str) -> Iterator[A]:
        """
        `with orders.changing("42") as order: order.confirm()` loads, and stores at the end unless it raised.

        Raises:
            WrongExpectedVersion: somebody else was faster. A block cannot be run again: `change` can.
        """
        aggregate = self.load(aggregate_id)
        yield aggregate
        self.store(aggregate)

    aload = async_twin(load)
    astore = async_twin(store)
    achange = async_twin(change)

    @property
    def _keeps_snapshots(self) -> bool:
        return self.aggregate_class.snapshot_every is not None and self._store.backend.keeps_checkpoints

    def _take_snapshot(self, aggregate: A, last: RecordedEvent[Any]) -> None:
        try:
            snapshots.take(self._store, aggregate, last)
        except InvalidAggregate:
            # The events are what counts: without a snapshot, all of them are read.
            logger.exception("There is no snapshot of %s", aggregate.stream)
