"""The event store: publish, append, link, read. The page to read first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from event_store import context
from event_store.append_condition import AppendCondition
from event_store.asynchronous import async_twin
from event_store.backends.base import Backend, CategoryInfo, EncodedEvent, StreamInfo, StreamPosition
from event_store.codec import decode, decode_plain, encode, encode_metadata
from event_store.events import Event, NewEvent, RecordedEvent, check_time
from event_store.exceptions import (
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    InvalidEvent,
    InvalidStoreSettings,
    SubscribersNestedTooDeeply,
    WrongExpectedVersion,
)
from event_store.expected_version import ANY, ExpectedVersion, check_expected_version
from event_store.handlers import HandlerOrClass
from event_store.identifiers import new_id
from event_store.messages import type_of
from event_store.query import BATCH_SIZE, EventQuery
from event_store.query_arguments import whole_number
from event_store.signals import post_append, post_link, pre_append
from event_store.stream_query import StreamQuery
from event_store.streams import check_stream_name, check_writable_stream
from event_store.subscriber_registry import Subscriber
from event_store.subscribers import Registration, called_at_once, immediate_subscriber, immediate_subscribers
from event_store.write_arguments import (
    Linkable,
    Links,
    OnDuplicate,
    Publishable,
    Write,
    checked_write,
    id_of,
    linkables,
    repeated,
)

MOST_NESTED = 32
"""Subscribers in each other's calls; far below Python's own limit, so that the error can name them."""


class EventStore:
    """
    One store of events, reached as `event_store` or `event_stores["name"]`.

    Args:
        alias: its name in EVENT_STORES.
        backend: where the events are kept.
        wake_up: "inline": durable subscribers run right after the writer's commit, in the same process;
            "worker": only `manage.py run_subscriptions` runs them.
        new_id: makes the ids of events that come without one.
    """

    def __init__(
        self, backend: Backend, *, alias: str = "default", wake_up: str = "inline", new_id: Callable[[], UUID] = new_id
    ) -> None:
        if not isinstance(backend, Backend):
            raise InvalidStoreSettings(f"backend: takes one such as MemoryBackend(), not {backend!r}.")
        self.alias, self.backend, self.wake_up = alias, backend, wake_up
        self._new_id = new_id

    def publish(
        self,
        events: Publishable | Sequence[Publishable],
        *,
        stream: str,
        expected_version: ExpectedVersion = ANY,
        links: Links = (),
        condition: AppendCondition | None = None,
        on_duplicate: OnDuplicate = "raise",
    ) -> list[RecordedEvent[Any]]:
        """
        Store events at the end of one stream and let subscribers react, all or nothing.

        Args:
            events: one event, or 0..n; their order is kept. `NewEvent` sets an id, times or metadata.
            stream: 1..255 characters, not starting with `$`.
            expected_version: `ANY`, `NO_STREAM`, `STREAM_EXISTS`, or the position (int >= -1) of the last event
                that the caller has read.
            links: further streams that show the same events, or a mapping of them to their expected versions.
            condition: streams that must not have changed since the caller has read them.
            on_duplicate: "ignore" makes a repetition harmless: when this stream (and each of `links`) has all of these
                events, by id, type and data, they are returned as stored and nobody is notified. Each event needs an
                id of its own (`NewEvent(event, id=…)`).
        Returns:
            The recorded events in the order given; times are aware UTC, to the microsecond.
        Raises:
            WrongExpectedVersion: a stream has moved on; nothing was stored.
            AppendConditionFailed: a stream of the condition has moved on; nothing was stored.
            DuplicateEvent: one of the ids is already stored; nothing was stored.
            InvalidEvent, UnstorablePayload, InvalidStreamName, InvalidExpectedVersion: an argument is wrong.
            SubscribersNestedTooDeeply: subscribers publish what calls them again.
            Whatever an immediate subscriber raises, with a note that names it; nothing was stored then.
        """
        write = checked_write(
            events,
            stream=stream,
            expected_version=expected_version,
            links=links,
            condition=condition,
            on_duplicate=on_duplicate,
        )
        return self._publish(write)

    def publish_reserved(
        self, event: Publishable, *, stream: str, expected_version: ExpectedVersion = ANY
    ) -> RecordedEvent[Any]:
        """`publish` of one event for the owner of a reserved stream: process managers write to their own with it."""
        write = checked_write(
            event,
            stream=stream,
            expected_version=expected_version,
            links=(),
            condition=None,
            on_duplicate="raise",
            is_owner=True,
        )
        return self._publish(write)[0]

    def append(
        self,
        events: Publishable | Sequence[Publishable],
        *,
        stream: str,
        expected_version: ExpectedVersion = ANY,
        links: Links = (),
        condition: AppendCondition | None = None,
        on_duplicate: OnDuplicate = "raise",
    ) -> list[RecordedEvent[Any]]:
        """Store events as `publish` does, but call no immediate subscriber; durable ones still see them."""
        write = checked_write(
            events,
            stream=stream,
            expected_version=expected_version,
            links=links,
            condition=condition,
            on_duplicate=on_duplicate,
        )
        recorded, is_new = self._store(write)
        if is_new:
            self._announce(recorded, write)
        return recorded

    def link(
        self,
        event_ids: Linkable | Iterable[Linkable],
        *,
        stream: str,
        expected_version: ExpectedVersion = ANY,
    ) -> list[RecordedEvent[Any]]:
        """
        Show stored events at the end of a further stream, all or none. They are not stored a second time.

        Args:
            event_ids: ids or recorded events, one or 0..n; their order is kept.
        Returns:
            The events in the order given, with their position in that stream.
        Raises:
            EventNotFound: an id that the store does not have.
            EventAlreadyLinked: the stream already shows one of them, or one was given twice.
            WrongExpectedVersion: the stream has moved on.
        """
        return self.link_reserved(event_ids, stream=check_writable_stream(stream), expected_version=expected_version)

    def link_reserved(
        self, event_ids: Linkable | Iterable[Linkable], *, stream: str, expected_version: ExpectedVersion = ANY
    ) -> list[RecordedEvent[Any]]:
        """`link` for the owner of a reserved stream: process managers write to their own streams with it."""
        given = linkables(event_ids)
        ids = [id_of(each, argument="event_ids") for each in given]
        expected = check_expected_version(expected_version)
        if twice := repeated(ids):
            raise EventAlreadyLinked(twice, stream=stream)
        if not ids:
            return []
        known = {each.id: each for each in given if isinstance(each, RecordedEvent)}
        # Read first: one that cannot be read must not be linked by a call that raises.
        known.update(self._read([each for each in ids if each not in known]))
        first = self.backend.link(ids, stream=stream, expected_version=expected, linked_at=_now())
        linked = [
            msgspec.structs.replace(known[event_id], stream=stream, position=first + index)
            for index, event_id in enumerate(ids)
        ]
        post_link.send(sender=self, events=linked, streams=(stream,))
        return linked

    def delete_stream(self, stream: str, *, expected_version: ExpectedVersion = ANY) -> int:
        """
        Remove a stream's links; its events stay in the store and in their other streams.

        Returns:
            How many links there were (0 for a stream that does not exist).
        """
        name, expected = check_writable_stream(stream), check_expected_version(expected_version)
        return self.backend.delete_stream(name, expected_version=expected)

    @property
    def events(self) -> EventQuery[Any]:
        """All events of the store, to be narrowed down: `events.in_stream("Order$42").backward()[:10]`."""
        return EventQuery(self.backend, store=self.alias)

    @property
    def streams(self) -> StreamQuery:
        """All streams that show an event, by name: `streams.in_category("Order")[:50]`."""
        return StreamQuery(self.backend)

    def recently_changed_streams(self, limit: int = 50) -> list[StreamInfo]:
        """Streams that show one of the newest 1,000 events, the last changed one first."""
        return self.backend.recently_changed_streams(whole_number("limit", limit, least=0))

    def categories(self, limit: int = 50, *, after: str = "", count_up_to: int = 1_000) -> list[CategoryInfo]:
        """
        The first categories of streams that show an event, by name, each with how many of its streams do; one statement.

        Args:
            limit: how many, 0 or more. A stream without a `$` in its name is a category of its own: there may be many.
            after: only those behind this name.
            count_up_to: no more streams of one category are counted than these, 1 or more.
        """
        limit = whole_number("limit", limit, least=0)
        after = "" if after == "" else check_stream_name(after, argument="after")
        return self.backend.categories(
            limit, after=after, count_up_to=whole_number("count_up_to", count_up_to, least=1)
        )

    def event_types(self) -> list[str]:
        """Every type that the store has events of, by name; a look-up for each type, however many events there are."""
        return self.backend.event_types()

    def streams_of(self, event: Linkable) -> list[StreamPosition]:
        """Every stream that shows the event with its position there, the one it was written to first."""
        return self.backend.streams_of(id_of(event, argument="event"))

    def global_position(self, event: Linkable) -> int:
        """Where the event stands in the whole store. Raises EventNotFound."""
        return self.backend.positions_of(id_of(event, argument="event"))[0]

    def position_in_stream(self, event: Linkable, stream: str) -> int:
        """Where the event stands in a stream that shows it. Raises EventNotFound."""
        event_id, streams = id_of(event, argument="event"), frozenset([check_stream_name(stream)])
        position = self.backend.positions_of(event_id, streams=streams)[1]
        if position is None:
            raise AssertionError("a backend names the position in a stream that it was asked for")
        return position

    def is_in_stream(self, event: Linkable, stream: str) -> bool:
        """Whether the stream shows the event, written there or linked."""
        try:
            self.position_in_stream(event, stream)
        except EventNotFound:
            return False
        return True

    def subscribe(self, handler: HandlerOrClass, *event_classes: type[Event]) -> Registration:
        """
        Have a handler called at once with each event of these classes that is published in this store, by any thread.

        Returns:
            The registration; its `unsubscribe()` ends it. Subscribed twice, a handler is called twice.
        Raises:
            InvalidSubscriber: see `@subscriber`.
        """
        new = immediate_subscriber(handler, event_classes, store=self.alias, where="event_store.subscribe")
        immediate_subscribers.add(new)
        return Registration(new)

    def subscribed(self, handler: HandlerOrClass, *event_classes: type[Event]) -> AbstractContextManager[None]:
        """
        `with event_store.subscribed(seen.append, OrderConfirmed):` as `subscribe`, for what the block itself publishes.

        Other threads, and async tasks that were started outside, do not see it; neither do durable subscribers that are
        woken inside.
        """
        new = immediate_subscriber(handler, event_classes, store=self.alias, where="event_store.subscribed")
        return context.subscriber_block(new)

    def metadata(self, **values: Any) -> AbstractContextManager[None]:
        """`with event_store.metadata(user_id=7):` adds to everything published inside; nests, follows async tasks."""
        return context.metadata_block(values)

    def caused_by(self, event: RecordedEvent[Any]) -> AbstractContextManager[None]:
        """Everything published inside names this event as its cause and belongs to its conversation."""
        if not isinstance(event, RecordedEvent):
            raise InvalidEvent(f"caused_by: takes a recorded event, not {event!r}.")
        return context.cause_block(causation_id=event.id, correlation_id=event.correlation_id)

    def clock(self, clock: context.Clock) -> AbstractContextManager[None]:
        """Everything published inside is recorded at the time that `clock()` says (aware): tests, demos, imports."""
        if not callable(clock):
            raise InvalidEvent(f"clock: takes a function that gives a datetime, not {clock!r}.")
        return context.clock_block(clock)

    def atomic(self) -> AbstractContextManager[Any]:
        """A transaction on the store's database, whatever a router says."""
        return self.backend.atomic()

    apublish = async_twin(publish)
    aappend = async_twin(append)
    alink = async_twin(link)
    adelete_stream = async_twin(delete_stream)
    arecently_changed_streams = async_twin(recently_changed_streams)
    acategories = async_twin(categories)
    aevent_types = async_twin(event_types)
    astreams_of = async_twin(streams_of)
    aglobal_position = async_twin(global_position)
    aposition_in_stream = async_twin(position_in_stream)
    ais_in_stream = async_twin(is_in_stream)

    def _publish(self, write: Write) -> list[RecordedEvent[Any]]:
        subscribers = self._immediate_subscribers(write.events)
        # Without a subscriber one statement is atomic by itself, and two round trips cheaper.
        with self.atomic() if subscribers else nullcontext():
            recorded, is_new = self._store(write)
            if is_new:
                for event in recorded:
                    self._notify(event, subscribers.get(type(event.data), ()))
                self._announce(recorded, write)
        return recorded

    def _immediate_subscribers(self, events: Sequence[NewEvent[Any]]) -> dict[type[Event], tuple[Subscriber, ...]]:
        # Decided once for each publish: who is registered meanwhile would be called outside its transaction.
        wanting = {
            event_class: called_at_once(event_class, store=self.alias)
            for event_class in {type(each.event) for each in events}
        }
        return {event_class: subscribers for event_class, subscribers in wanting.items() if subscribers}

    def _store(self, write: Write) -> tuple[list[RecordedEvent[Any]], bool]:
        """The recorded events, and whether they are new."""
        if not write.events:
            return [], False
        encoded = self._encoded(write.events)
        if twice := repeated([each.id for each in encoded]):
            raise DuplicateEvent(twice)
        pre_append.send(sender=self, events=list(write.events), stream=write.stream)
        try:
            appended = self.backend.append(
                encoded,
                stream=write.stream,
                expected_version=write.expected_version,
                links=write.links,
                condition=write.condition,
                recorded_at=_now(),
            )
        except (DuplicateEvent, WrongExpectedVersion):
            if write.on_duplicate == "ignore" and (stored := self._stored_before(write)):
                return stored, False
            raise
        return [
            RecordedEvent(
                id=stored.id,
                type=stored.type,
                schema_version=stored.schema_version,
                data=new.event,
                metadata=decode_plain(stored.metadata),
                correlation_id=stored.correlation_id,
                causation_id=stored.causation_id,
                recorded_at=appended.recorded_at,
                valid_at=stored.valid_at or appended.recorded_at,
                global_position=appended.global_positions[index],
                stream=write.stream,
                position=appended.first_position + index,
            )
            for index, (new, stored) in enumerate(zip(write.events, encoded, strict=True))
        ], True

    def _read(self, event_ids: Sequence[UUID]) -> dict[UUID, RecordedEvent[Any]]:
        found: dict[UUID, RecordedEvent[Any]] = {}
        for start in range(0, len(event_ids), BATCH_SIZE):
            some = self.events.with_ids(*event_ids[start : start + BATCH_SIZE])
            found.update((event.id, event) for event in some)
        return found

    def _stored_before(self, write: Write) -> list[RecordedEvent[Any]]:
        """The events of an equal write that was done before; none where anything differs."""
        ids = [each.id for each in write.events if each.id is not None]
        found = self._read(ids)
        stored = [found[event_id] for event_id in ids if event_id in found]
        if len(stored) < len(write.events) or not all(map(_is_equal, stored, write.events)):
            return []
        if any(event.stream != write.stream for event in stored):
            return []
        is_linked = all(self.events.in_stream(name).with_ids(*ids).count() == len(ids) for name in write.links)
        return stored if is_linked else []

    def _encoded(self, events: Sequence[NewEvent[Any]]) -> list[EncodedEvent]:
        current = context.current_context()
        ids = [each.id or self._made_id() for each in events]
        # A publish that nothing caused opens a conversation, named by its first event.
        correlation_id = current.correlation_id or ids[0]
        metadata = dict(current.metadata)
        return [
            EncodedEvent(
                id=event_id,
                type=type_of(type(new.event)),
                schema_version=new.event.__schema_version__,
                data=encode(new.event),
                metadata=encode_metadata({**metadata, **new.metadata}),
                correlation_id=new.correlation_id or correlation_id,
                causation_id=new.causation_id or current.causation_id,
                valid_at=None if new.valid_at is None else check_time("valid_at", new.valid_at),
            )
            for event_id, new in zip(ids, events, strict=True)
        ]

    def _made_id(self) -> UUID:
        made = self._new_id()
        if not isinstance(made, UUID):
            raise InvalidEvent(f"new_id: gave {made!r} in place of a uuid.")
        return made

    def _notify(self, event: RecordedEvent[Any], subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            if subscriber not in called_at_once(type(event.data), store=self.alias):
                # One that was called before it has unsubscribed it.
                continue
            try:
                self._call(subscriber, event)
            except Exception as error:
                error.add_note(f"Raised in the subscriber {subscriber.name}, called with {event.type} {event.id}.")
                raise

    def _call(self, subscriber: Subscriber, event: RecordedEvent[Any]) -> None:
        chain = (*context.current_context().reacting, subscriber.name)
        if len(chain) > MOST_NESTED:
            raise SubscribersNestedTooDeeply(chain)
        with context.reaction_block(reacting=chain, causation_id=event.id, correlation_id=event.correlation_id):
            subscriber.handle(event)
            self.backend.check_usable()

    def _announce(self, recorded: list[RecordedEvent[Any]], write: Write) -> None:
        if recorded:
            post_append.send(sender=self, events=recorded, streams=(write.stream, *write.links))


def _is_equal(stored: RecordedEvent[Any], new: NewEvent[Any]) -> bool:
    if stored.type != type_of(type(new.event)):
        return False
    # Compared as it would be read: an id in an untyped field is a text by now.
    return bool(stored.data == decode(stored.type, encode(new.event), event_id=stored.id))


def _now() -> datetime | None:
    clock = context.current_context().clock
    if clock is None:
        return None
    return check_time("clock", clock())
