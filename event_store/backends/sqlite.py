"""Writing on SQLite: the same steps as PostgreSQL's function, in one transaction that writes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from event_store.backends.base import Appended, EncodedEvent
from event_store.exceptions import DuplicateEvent, EventAlreadyLinked, EventNotFound, WrongExpectedVersion
from event_store.expected_version import ANY, NO_STREAM, STREAM_EXISTS, ExpectedVersion
from event_store.streams import category_of

_IDS_AT_ONCE = 500


def append(
    connection: BaseDatabaseWrapper,
    events: Sequence[EncodedEvent],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    links: Mapping[str, ExpectedVersion],
    recorded_at: datetime | None,
) -> Appended:
    now = (recorded_at or datetime.now(UTC)).astimezone(UTC)
    wanted = {**links, stream: expected_version}
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        advanced = {name: _advance_stream(cursor, name, wanted[name], len(events), now) for name in sorted(wanted)}
        _refuse_duplicates(cursor, events)
        positions = _insert_events(cursor, events, now)
        for name, (stream_id, last_version) in advanced.items():
            first = last_version - len(events) + 1
            _insert_links(cursor, stream_id, first, positions, written_here=name == stream, now=now)
    return Appended(advanced[stream][1] - len(events) + 1, positions, now)


def link(
    connection: BaseDatabaseWrapper,
    event_ids: Sequence[UUID],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    linked_at: datetime | None,
) -> int:
    now = (linked_at or datetime.now(UTC)).astimezone(UTC)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        stream_id, last_version = _advance_stream(cursor, stream, expected_version, len(event_ids), now)
        found = _global_positions(cursor, event_ids)
        if missing := [event_id for event_id in event_ids if event_id not in found]:
            raise EventNotFound(missing)
        positions = [found[event_id] for event_id in event_ids]
        _refuse_linked(cursor, stream, stream_id, found)
        first = last_version - len(event_ids) + 1
        _insert_links(cursor, stream_id, first, positions, written_here=False, now=now)
    return first


def _advance_stream(cursor: Any, name: str, expected: ExpectedVersion, count: int, now: datetime) -> tuple[int, int]:
    row = (
        _insert_stream(cursor, name, count, now)
        if expected == NO_STREAM
        else _update_stream(cursor, name, expected, count)
    )
    if row is None and expected is ANY:
        row = _insert_stream(cursor, name, count, now)
    if row is None:
        cursor.execute("SELECT version FROM event_store_stream WHERE name = %s", [name])
        actual = cursor.fetchone()
        raise WrongExpectedVersion(stream=name, expected=expected, actual=-1 if actual is None else actual[0])
    return row


def _update_stream(cursor: Any, name: str, expected: ExpectedVersion, count: int) -> tuple[int, int] | None:
    condition, parameters = "", [count, name]
    if expected is STREAM_EXISTS:
        condition = " AND version >= 0"
    elif expected is not ANY:
        condition, parameters = " AND version = %s", [count, name, expected]
    cursor.execute(
        f"UPDATE event_store_stream SET version = version + %s WHERE name = %s{condition} RETURNING id, version",  # noqa: S608 - fixed words and placeholders only
        parameters,
    )
    row: tuple[int, int] | None = cursor.fetchone()
    return row


def _insert_stream(cursor: Any, name: str, count: int, now: datetime) -> tuple[int, int] | None:
    cursor.execute(
        "INSERT INTO event_store_stream AS s (name, category, version, created_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version WHERE s.version = -1 RETURNING id, version",
        [name, category_of(name), count - 1, _time(now)],
    )
    row: tuple[int, int] | None = cursor.fetchone()
    return row


def _refuse_duplicates(cursor: Any, events: Sequence[EncodedEvent]) -> None:
    if stored := _global_positions(cursor, [event.id for event in events]):
        raise DuplicateEvent([event.id for event in events if event.id in stored])


def _refuse_linked(cursor: Any, stream: str, stream_id: int, found: Mapping[UUID, int]) -> None:
    positions = list(found.values())
    linked: set[int] = set()
    for start in range(0, len(positions), _IDS_AT_ONCE):
        some = positions[start : start + _IDS_AT_ONCE]
        cursor.execute(
            "SELECT global_position FROM event_store_streamlink"  # noqa: S608 - placeholders only
            f" WHERE stream_id = %s AND global_position IN ({_marks(some)})",
            [stream_id, *some],
        )
        linked.update(row[0] for row in cursor.fetchall())
    if linked:
        raise EventAlreadyLinked([event_id for event_id, at in found.items() if at in linked], stream=stream)


def _global_positions(cursor: Any, event_ids: Sequence[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for start in range(0, len(event_ids), _IDS_AT_ONCE):
        some = [event_id.hex for event_id in event_ids[start : start + _IDS_AT_ONCE]]
        cursor.execute(
            f"SELECT event_id, global_position FROM event_store_storedevent WHERE event_id IN ({_marks(some)})",  # noqa: S608 - fixed words and placeholders only
            some,
        )
        found.update((UUID(row[0]), row[1]) for row in cursor.fetchall())
    return found


def _insert_events(cursor: Any, events: Sequence[EncodedEvent], now: datetime) -> list[int]:
    insert = (
        "INSERT INTO event_store_storedevent (event_id, type, schema_version, data, metadata, correlation_id,"
        " causation_id, recorded_at, valid_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    if len(events) == 1:
        cursor.execute(insert, _event_row(events[0], now))
        return [cursor.lastrowid]
    cursor.executemany(insert, [_event_row(event, now) for event in events])
    # Nobody else can write meanwhile, and AUTOINCREMENT counts on by one.
    cursor.execute("SELECT last_insert_rowid()")
    last: int = cursor.fetchone()[0]
    return list(range(last - len(events) + 1, last + 1))


def _event_row(event: EncodedEvent, now: datetime) -> list[Any]:
    return [
        event.id.hex,
        event.type,
        event.schema_version,
        event.data.decode(),
        event.metadata.decode(),
        event.correlation_id and event.correlation_id.hex,
        event.causation_id and event.causation_id.hex,
        _time(now),
        _time(event.valid_at or now),
    ]


def _insert_links(
    cursor: Any, stream_id: int, first: int, positions: Sequence[int], *, written_here: bool, now: datetime
) -> None:
    insert = (
        "INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)"
        " VALUES (%s, %s, %s, %s, %s)"
    )
    rows = [(stream_id, first + index, at, written_here, _time(now)) for index, at in enumerate(positions)]
    if len(rows) == 1:
        cursor.execute(insert, rows[0])
    else:
        cursor.executemany(insert, rows)


def _time(value: datetime) -> str:
    # As Django's own DateTimeField writes it, so that models read it back and text order is time order.
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
