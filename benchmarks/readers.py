"""Ways to read the same events: as the benchmark's streams of 1, 10 and 1,000, or 1,000 of all."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from database import analyze
from rivals import EVENTSOURCING_AT_ONCE, eventsourcing_recorder
from samples import DATA, METADATA, TYPE, Noted

from event_store import NewEvent, event_store

STREAMS = {1: 200, 10: 100, 1000: 5}
"""How many there are of each length."""


class Wanted(NamedTuple):
    """A whole stream, or `length` events after a global position."""

    length: int
    of_all: bool = False

    def __str__(self) -> str:
        return f"{self.length:,} of all" if self.of_all else f"stream of {self.length:,}"

    def any_stream(self) -> str:
        return f"Read-{self.length}${random.randrange(STREAMS[self.length])}"

    def any_position(self) -> int:
        return random.randrange(sum(length * count for length, count in STREAMS.items()) - self.length)


Reader = Callable[[Wanted], Sequence[Any]]


@dataclass
class PlainNoted:
    order_id: str
    text: str


@dataclass
class PlainRow:
    id: UUID
    type: str
    schema_version: int
    data: PlainNoted
    metadata: dict[str, Any]
    correlation_id: UUID | None
    causation_id: UUID | None
    recorded_at: datetime
    valid_at: datetime
    global_position: int
    position: int
    stream: str


def store_streams() -> None:
    """Ours and those of `eventsourcing`, with statistics as they are in a store that has been used."""
    from eventsourcing.persistence import JSONTranscoder, StoredEvent

    state = JSONTranscoder().encode({"data": DATA, "metadata": METADATA})
    with eventsourcing_recorder(create_table=True) as recorder:
        for length, count in STREAMS.items():
            for number in range(count):
                stream = f"Read-{length}${number}"
                events = [NewEvent(Noted(**DATA), metadata=METADATA) for _ in range(length)]
                event_store.append(events, stream=stream)
                rows = [StoredEvent(_originator(stream), position, TYPE, state) for position in range(length)]
                for start in range(0, length, EVENTSOURCING_AT_ONCE):
                    recorder.insert_events(rows[start : start + EVENTSOURCING_AT_ONCE])
    analyze()


@contextmanager
def cursor_rows() -> Iterator[Reader]:
    """Django's cursor with the SQL written by hand, not decoded."""
    from django.db import connection

    text = "e.data::text, e.metadata::text" if connection.vendor == "postgresql" else "e.data, e.metadata"
    columns = (
        f"SELECT e.event_id, e.type, e.schema_version, {text}, e.correlation_id, e.causation_id, e.recorded_at, e.valid_at,"
        " e.global_position, l.position"
    )
    of_stream = (
        f"{columns} FROM event_store_streamlink l JOIN event_store_storedevent e ON e.global_position = l.global_position"
        " WHERE l.stream_id = (SELECT id FROM event_store_stream WHERE name = %s) ORDER BY l.position"
    )
    of_all = (
        f"{columns}, s.name FROM event_store_storedevent e LEFT JOIN event_store_streamlink l"
        " ON l.global_position = e.global_position AND l.written_here LEFT JOIN event_store_stream s ON s.id = l.stream_id"
        " WHERE e.global_position > %s ORDER BY e.global_position LIMIT %s"
    )

    def read(wanted: Wanted) -> Sequence[Any]:
        with connection.cursor() as cursor:
            if wanted.of_all:
                cursor.execute(of_all, [wanted.any_position(), wanted.length])
                return cursor.fetchall()
            stream = wanted.any_stream()
            cursor.execute(of_stream, [stream])
            return [(*row, stream) for row in cursor.fetchall()]

    yield read


@contextmanager
def cursor_classes() -> Iterator[Reader]:
    """The same, with `json.loads` and data classes; on SQLite ids and aware times have to be made, too."""
    from django.db import connection

    to_id = UUID if connection.vendor == "sqlite" else _same
    to_time = _aware if connection.vendor == "sqlite" else _same

    def decoded(row: Sequence[Any]) -> PlainRow:
        event_id, event_type, version, data, metadata, correlation_id, causation_id, recorded_at, valid_at, *place = row
        return PlainRow(
            to_id(event_id),
            event_type,
            version,
            PlainNoted(**json.loads(data)),
            json.loads(metadata),
            correlation_id and to_id(correlation_id),
            causation_id and to_id(causation_id),
            to_time(recorded_at),
            to_time(valid_at),
            *place,
        )

    with cursor_rows() as read:
        yield lambda wanted: [decoded(row) for row in read(wanted)]


@contextmanager
def typed_events() -> Iterator[Reader]:
    yield lambda wanted: list(_query(wanted))


@contextmanager
def json_events() -> Iterator[Reader]:
    yield lambda wanted: list(_query(wanted).as_json())


@contextmanager
def model_instances() -> Iterator[Reader]:
    from event_store.models import StoredEvent, StreamLink

    def read(wanted: Wanted) -> Sequence[Any]:
        if wanted.of_all:
            return list(
                StoredEvent.objects.filter(global_position__gt=wanted.any_position()).order_by("global_position")[
                    : wanted.length
                ]
            )
        links = StreamLink.objects.filter(stream__name=wanted.any_stream()).order_by("position")
        return [link.event for link in links.select_related("event")]

    yield read


@contextmanager
def eventsourcing_events() -> Iterator[Reader]:
    """Its recorder, and its transcoder into the same data classes."""
    from eventsourcing.persistence import JSONTranscoder

    decode = JSONTranscoder().decode

    def read(wanted: Wanted) -> Sequence[Any]:
        if wanted.of_all:
            rows = recorder.select_notifications(wanted.any_position() + 1, wanted.length)
        else:
            rows = recorder.select_events(_originator(wanted.any_stream()))
        return [
            _Theirs(row, PlainNoted(**state["data"]), state["metadata"]) for row in rows if (state := decode(row.state))
        ]

    with eventsourcing_recorder() as recorder:
        yield read


@dataclass
class _Theirs:
    row: Any
    data: PlainNoted
    metadata: dict[str, Any]


def _query(wanted: Wanted) -> Any:
    if wanted.of_all:
        return event_store.events.after(wanted.any_position())[: wanted.length]
    return event_store.events.in_stream(wanted.any_stream())


def _originator(stream: str) -> UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, stream)


def _same(value: Any) -> Any:
    return value


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
