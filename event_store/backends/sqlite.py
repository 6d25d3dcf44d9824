"""Writing on SQLite: the same steps as PostgreSQL's function, in one transaction that writes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from event_store.append_condition import AppendCondition
from event_store.backends.base import Appended, EncodedEvent
from event_store.exceptions import (
    AppendConditionFailed,
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    WrongExpectedVersion,
)
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
    condition: AppendCondition | None,
    recorded_at: datetime | None,
) -> Appended:
    now = (recorded_at or datetime.now(UTC)).astimezone(UTC)
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            wanted = {**links, stream: expected_version}
            advanced = _advance_streams(cursor, wanted, len(events), condition, now)
            positions = _insert_events(cursor, events, category_of(stream), now)
            _insert_links(cursor, _links(advanced, positions, written_to=stream, now=now))
    except IntegrityError as error:
        # Looking for duplicates beforehand would cost every append a statement.
        with connection.cursor() as cursor:
            stored = _global_positions(cursor, [event.id for event in events])
        if not stored:
            raise
        raise DuplicateEvent([event.id for event in events if event.id in stored]) from error
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
        try:
            stream_id, last_version = _advance_stream(cursor, stream, expected_version, len(event_ids), now)
        except WrongExpectedVersion:
            # Said first, as everywhere; but the first statement has to be one that writes.
            _found(cursor, event_ids)
            raise
        found = _found(cursor, event_ids)
        positions = [found[event_id] for event_id in event_ids]
        _refuse_linked(cursor, stream, stream_id, found)
        first = last_version - len(event_ids) + 1
        _insert_links(cursor, _links({stream: (stream_id, last_version)}, positions, written_to=None, now=now))
    return first


def _advance_streams(
    cursor: Any,
    wanted: Mapping[str, ExpectedVersion],
    count: int,
    condition: AppendCondition | None,
    now: datetime,
) -> dict[str, tuple[int, int]]:
    read = {} if condition is None else condition.versions
    advanced: dict[str, tuple[int, int]] = {}
    for name in sorted({*wanted, *read}):
        if name in wanted:
            advanced[name] = _advance_stream(cursor, name, wanted[name], count, now)
            actual = advanced[name][1] - count
        else:
            actual = _locked_version(cursor, name)
        if name in read and condition is not None:
            _refuse_changed(cursor, name, actual, read[name], condition.types)
    return advanced


def _locked_version(cursor: Any, stream: str) -> int:
    # It writes, so that nobody else does from here on.
    cursor.execute("UPDATE event_store_stream SET version = version WHERE name = %s RETURNING version", [stream])
    row = cursor.fetchone()
    return -1 if row is None else int(row[0])


def _refuse_changed(cursor: Any, stream: str, actual: int, read: int, types: frozenset[str] | None) -> None:
    # A stream that is shorter than what was read has been deleted meanwhile.
    if actual != read and (actual < read or _has_changed(cursor, stream, read, types)):
        raise AppendConditionFailed(stream=stream, expected=read, actual=actual)


def _advance_stream(cursor: Any, name: str, expected: ExpectedVersion, count: int, now: datetime) -> tuple[int, int]:
    row = (
        _insert_stream(cursor, name, count, now)
        if expected == NO_STREAM
        else _update_stream(cursor, name, expected, count)
    )
    if row is None and expected is ANY:
        row = _insert_stream(cursor, name, count, now)
    if row is None:
        raise WrongExpectedVersion(stream=name, expected=expected, actual=_locked_version(cursor, name))
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


def _has_changed(cursor: Any, stream: str, read: int, types: frozenset[str] | None) -> bool:
    if types is None:
        return True
    cursor.execute(
        "SELECT 1 FROM event_store_streamlink l"  # noqa: S608 - placeholders only
        " JOIN event_store_storedevent e ON e.global_position = l.global_position"
        " WHERE l.stream_id = (SELECT id FROM event_store_stream WHERE name = %s) AND l.position > %s"
        f" AND e.type IN ({_marks(sorted(types))}) LIMIT 1",
        [stream, read, *sorted(types)],
    )
    return cursor.fetchone() is not None


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


def _found(cursor: Any, event_ids: Sequence[UUID]) -> dict[UUID, int]:
    found = _global_positions(cursor, event_ids)
    if missing := [event_id for event_id in event_ids if event_id not in found]:
        raise EventNotFound(missing)
    return found


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


def _insert_events(cursor: Any, events: Sequence[EncodedEvent], category: str, now: datetime) -> list[int]:
    insert = (
        "INSERT INTO event_store_storedevent (event_id, type, category, schema_version, data, metadata, correlation_id,"
        " causation_id, recorded_at, valid_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    if len(events) == 1:
        cursor.execute(insert, _event_row(events[0], category, _time(now)))
        return [cursor.lastrowid]
    recorded_at = _time(now)
    cursor.executemany(insert, [_event_row(event, category, recorded_at) for event in events])
    # Nobody else can write meanwhile, and AUTOINCREMENT counts on by one.
    cursor.execute("SELECT last_insert_rowid()")
    last: int = cursor.fetchone()[0]
    return list(range(last - len(events) + 1, last + 1))


def _event_row(event: EncodedEvent, category: str, recorded_at: str) -> list[Any]:
    return [
        event.id.hex,
        event.type,
        category,
        event.schema_version,
        event.data.decode(),
        event.metadata.decode(),
        event.correlation_id and event.correlation_id.hex,
        event.causation_id and event.causation_id.hex,
        recorded_at,
        recorded_at if event.valid_at is None else _time(event.valid_at),
    ]


def _links(
    advanced: Mapping[str, tuple[int, int]], positions: Sequence[int], *, written_to: str | None, now: datetime
) -> list[tuple[Any, ...]]:
    linked_at = _time(now)
    return [
        (stream_id, last_version - len(positions) + number, at, name == written_to, linked_at)
        for name, (stream_id, last_version) in advanced.items()
        for number, at in enumerate(positions, start=1)
    ]


def _insert_links(cursor: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    insert = (
        "INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)"
        " VALUES (%s, %s, %s, %s, %s)"
    )
    if len(rows) == 1:
        cursor.execute(insert, rows[0])
    else:
        cursor.executemany(insert, rows)


def _time(value: datetime) -> str:
    # As Django's own DateTimeField writes it, so that models read it back and text order is time order.
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
