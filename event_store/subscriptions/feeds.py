"""What a subscription reads: the whole store up to the horizon, or one stream to its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from event_store.durable import DurableSubscriber
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.query import EventQuery
from event_store.store import EventStore
from event_store.subscriptions.checkpoints import stream_version


class Feed(ABC):
    """The events that a subscription wants, in the order of its checkpoint; data and metadata as JSON text."""

    def __init__(self, store: EventStore, subscriber: DurableSubscriber, query: EventQuery[Any]) -> None:
        self._store, self._everything = store, query.as_json()
        types = subscriber.types()
        # A base class that no event extends yet has no types.
        self._is_empty = types is not None and not types
        self._query = (query.of_type(*sorted(types)) if types else query).as_json()

    def read(self, *, after: int, end: int, limit: int) -> list[RecordedEvent[str]]:
        """Up to `limit` events behind a position, up to `end`."""
        if self._is_empty or end <= after:
            return []
        return list(self._query.after(after).before_or_equal(end)[:limit])

    def behind(self, *, after: int, most: int) -> tuple[int, RecordedEvent[str] | None]:
        """How many events lie behind a position, final or not, `most` at most; and the first of them."""
        if self._is_empty:
            return 0, None
        left = self._query.after(after)
        return left[:most].count(), left.first()

    def find(self, event_id: UUID) -> RecordedEvent[str] | None:
        """One event as this subscription reads it; as it stands in the store, where its stream shows it no more."""
        return self._everything.with_ids(event_id).first() or self._store.events.with_ids(event_id).as_json().first()

    @abstractmethod
    def end(self) -> int:
        """The last position that may be read. Ask before reading."""

    @abstractmethod
    def position_of(self, event: RecordedEvent[Any]) -> int: ...


class StoreFeed(Feed):
    """Events by global position, up to the horizon. A category is that of the stream that an event was written to."""

    def __init__(self, store: EventStore, subscriber: DurableSubscriber, horizon: Horizon) -> None:
        events = store.events
        super().__init__(
            store, subscriber, events if subscriber.category is None else events.in_category(subscriber.category)
        )
        self._horizon = horizon

    def end(self) -> int:
        return self._horizon.read()

    def position_of(self, event: RecordedEvent[Any]) -> int:
        return event.global_position


class StreamFeed(Feed):
    """Events of one stream, written there or linked, by their position there: it has no holes, and needs no horizon."""

    def __init__(self, store: EventStore, subscriber: DurableSubscriber) -> None:
        super().__init__(store, subscriber, store.events.in_stream(subscriber.stream))
        self._stream, self._using = subscriber.stream, store.backend.using

    def end(self) -> int:
        return stream_version(self._stream, using=self._using)

    def position_of(self, event: RecordedEvent[Any]) -> int:
        if event.position is None:
            raise AssertionError("an event that was read from a stream has a position there")
        return event.position


def feed_of(store: EventStore, subscriber: DurableSubscriber, horizon: Horizon) -> Feed:
    return StreamFeed(store, subscriber) if subscriber.stream else StoreFeed(store, subscriber, horizon)
