"""The event store: publish, append, link, read. The page to read first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from event_store import context
from event_store.backends.base import Backend, EncodedEvent, StreamPosition
from event_store.codec import decode_plain, encode, encode_metadata
from event_store.events import Event, NewEvent, RecordedEvent, check_is_event, check_time
from event_store.exceptions import DuplicateEvent, EventAlreadyLinked, InvalidEvent, InvalidStreamName
from event_store.expected_version import ANY, ExpectedVersion, check_expected_version
from event_store.identifiers import new_id
from event_store.messages import type_of
from event_store.query import EventQuery
from event_store.signals import events_stored
from event_store.streams import check_writable_stream
from event_store.subscribers import immediate_subscribers

Publishable: TypeAlias = Event | NewEvent[Any]
Linkable: TypeAlias = UUID | str | RecordedEvent[Any]


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
        self.alias, self.backend, self.wake_up = alias, backend, wake_up
        self._new_id = new_id

    def publish(
        self,
        events: Publishable | Sequence[Publishable],
        *,
        stream: str,
        expected_version: ExpectedVersion = ANY,
        links: Iterable[str] | Mapping[str, ExpectedVersion] = (),
    ) -> list[RecordedEvent[Any]]:
        """
        Store events at the end of one stream and let subscribers react, all or nothing.

        Args:
            events: one event, or 0..n; their order is kept. `NewEvent` sets an id, times or metadata.
            stream: 1..255 characters, not starting with `$`.
            expected_version: `ANY`, `NO_STREAM`, `STREAM_EXISTS`, or the position (int >= -1) of the last event
                that the caller has read.
            links: further streams that show the same events, or a mapping of them to their expected versions.
        Returns:
            The recorded events in the order given; times are aware UTC, to the microsecond.
        Raises:
            WrongExpectedVersion: a stream has moved on; nothing was stored.
            DuplicateEvent: one of the ids is already stored; nothing was stored.
            InvalidEvent, UnstorablePayload, InvalidStreamName, InvalidExpectedVersion: an argument is wrong.
            Whatever an immediate subscriber raises; nothing was stored then.
        """
        new_events = _as_list(events)
        with self._transaction_for_subscribers(new_events):
            recorded = self._store(new_events, stream, expected_version, links)
            for event in recorded:
                self._notify(event)
            self._announce(recorded)
        return recorded

    def append(
        self,
        events: Publishable | Sequence[Publishable],
        *,
        stream: str,
        expected_version: ExpectedVersion = ANY,
        links: Iterable[str] | Mapping[str, ExpectedVersion] = (),
    ) -> list[RecordedEvent[Any]]:
        """Store events as `publish` does, but call no immediate subscriber; durable ones still see them."""
        recorded = self._store(_as_list(events), stream, expected_version, links)
        self._announce(recorded)
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
        given = _as_linkables(event_ids)
        ids = [each.id if isinstance(each, RecordedEvent) else _uuid(each) for each in given]
        expected = check_expected_version(expected_version)
        if twice := _repeated(ids):
            raise EventAlreadyLinked(twice, stream=stream)
        if not ids:
            return []
        first = self.backend.link(ids, stream=stream, expected_version=expected, linked_at=_now())
        known = {each.id: each for each in given if isinstance(each, RecordedEvent)}
        if unknown := [each for each in ids if each not in known]:
            known.update({event.id: event for event in self.events.with_ids(*unknown)})
        return [
            msgspec.structs.replace(known[event_id], stream=stream, position=first + index)
            for index, event_id in enumerate(ids)
        ]

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
        return EventQuery(self.backend)

    def streams_of(self, event: Linkable) -> list[StreamPosition]:
        """Every stream that shows the event with its position there, the one it was written to first."""
        return self.backend.streams_of(event.id if isinstance(event, RecordedEvent) else _uuid(event))

    def metadata(self, **values: Any) -> AbstractContextManager[None]:
        """`with event_store.metadata(user_id=7):` adds to everything published inside; nests, follows async tasks."""
        return context.metadata_block(**values)

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

    def _transaction_for_subscribers(self, events: Sequence[NewEvent[Any]]) -> AbstractContextManager[Any]:
        # Without a subscriber one statement is atomic by itself, and two round trips cheaper.
        if any(immediate_subscribers.wanting(type(each.event)) for each in events):
            return self.atomic()
        return nullcontext()

    def _store(
        self,
        events: Sequence[NewEvent[Any]],
        stream: str,
        expected_version: ExpectedVersion,
        links: Iterable[str] | Mapping[str, ExpectedVersion],
    ) -> list[RecordedEvent[Any]]:
        name, expected = check_writable_stream(stream), check_expected_version(expected_version)
        checked_links = _checked_links(links, stream=name)
        if not events:
            return []
        encoded = self._encoded(events)
        if twice := _repeated([each.id for each in encoded]):
            raise DuplicateEvent(twice)
        appended = self.backend.append(
            encoded, stream=name, expected_version=expected, links=checked_links, recorded_at=_now()
        )
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
                stream=name,
                position=appended.first_position + index,
            )
            for index, (new, stored) in enumerate(zip(events, encoded, strict=True))
        ]

    def _encoded(self, events: Sequence[NewEvent[Any]]) -> list[EncodedEvent]:
        current = context.current_context()
        ids = [each.id or self._new_id() for each in events]
        # A publish that nothing caused opens a conversation, named by its first event.
        correlation_id = current.correlation_id or ids[0]
        return [
            EncodedEvent(
                id=event_id,
                type=type_of(type(new.event)),
                schema_version=new.event.__schema_version__,
                data=encode(new.event),
                metadata=encode_metadata({**current.metadata, **new.metadata}),
                correlation_id=new.correlation_id or correlation_id,
                causation_id=new.causation_id or current.causation_id,
                valid_at=new.valid_at,
            )
            for event_id, new in zip(ids, events, strict=True)
        ]

    def _notify(self, event: RecordedEvent[Any]) -> None:
        for subscriber in immediate_subscribers.wanting(type(event.data)):
            with self.caused_by(event):
                subscriber.handle(event)

    def _announce(self, recorded: list[RecordedEvent[Any]]) -> None:
        if recorded:
            events_stored.send(sender=self, events=recorded)


def _as_list(events: Publishable | Sequence[Publishable]) -> list[NewEvent[Any]]:
    if isinstance(events, (Event, NewEvent)):
        return [_as_new(events)]
    if isinstance(events, (str, bytes, Mapping, type)) or not isinstance(events, Iterable):
        check_is_event(events)
    return [_as_new(each) for each in events]


def _as_new(event: Publishable) -> NewEvent[Any]:
    return event if isinstance(event, NewEvent) else NewEvent(event)


def _as_linkables(event_ids: Linkable | Iterable[Linkable]) -> list[Linkable]:
    if isinstance(event_ids, (UUID, str, RecordedEvent)) or not isinstance(event_ids, Iterable):
        return [event_ids]
    return list(event_ids)


def _uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise InvalidEvent(f"event_ids: {value!r} is neither the id of an event (a uuid) nor a recorded event.")


def _checked_links(links: Iterable[str] | Mapping[str, ExpectedVersion], *, stream: str) -> dict[str, ExpectedVersion]:
    if isinstance(links, (str, bytes)) or not isinstance(links, Iterable):
        raise InvalidStreamName(f"links: takes a list of stream names, not {links!r}; write links=[{links!r}].")
    versions = links if isinstance(links, Mapping) else dict.fromkeys(links, ANY)
    checked = {
        check_writable_stream(name, argument="links"): check_expected_version(expected)
        for name, expected in versions.items()
    }
    if stream in checked:
        raise InvalidStreamName(f"links: {stream!r} is the stream that the events are written to already.")
    return checked


def _repeated(ids: Sequence[UUID]) -> list[UUID]:
    if len(ids) == len(set(ids)):
        return []
    return [each for each in dict.fromkeys(ids) if ids.count(each) > 1]


def _now() -> datetime | None:
    clock = context.current_context().clock
    if clock is None:
        return None
    return check_time("clock", clock())
