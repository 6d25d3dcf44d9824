"""Events in SQL, through Django's cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any
from uuid import UUID

from django.db import DatabaseError, OperationalError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from event_store.append_condition import AppendCondition
from event_store.backends import postgresql, sqlite
from event_store.backends.base import (
    Appended,
    Backend,
    CategoryInfo,
    EncodedEvent,
    Selection,
    StreamInfo,
    StreamPosition,
    StreamSelection,
)
from event_store.backends.selects import (
    SELECT_CATEGORIES,
    SELECT_EVENT_TYPES,
    Dialect,
    read_time,
    read_uuid,
    select_count,
    select_events,
    select_positions,
    select_recently_changed,
    select_streams,
)
from event_store.codec import decode, decode_plain
from event_store.events import RecordedEvent
from event_store.exceptions import (
    BrokenTransaction,
    EventNotFound,
    InvalidStoreSettings,
    NotMigrated,
    WrongExpectedVersion,
)
from event_store.expected_version import ExpectedVersion, matches
from event_store.horizon import settled_horizon

_WRITERS: dict[str, ModuleType] = {"postgresql": postgresql, "sqlite": sqlite}
_MISSING_IN_POSTGRESQL = ("42P01", "42883")


class DatabaseBackend(Backend):
    """
    Args:
        using: the alias of the database in DATABASES; a router is never asked.
    """

    def __init__(self, *, using: str = "default") -> None:
        self.using = using

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    def append(
        self,
        events: Sequence[EncodedEvent],
        *,
        stream: str,
        expected_version: ExpectedVersion,
        links: Mapping[str, ExpectedVersion],
        condition: AppendCondition | None,
        recorded_at: datetime | None,
    ) -> Appended:
        with self._translated_errors():
            appended: Appended = self._writer().append(
                self.connection,
                events,
                stream=stream,
                expected_version=expected_version,
                links=links,
                condition=condition,
                recorded_at=recorded_at,
            )
        return appended

    def link(
        self, event_ids: Sequence[UUID], *, stream: str, expected_version: ExpectedVersion, linked_at: datetime | None
    ) -> int:
        with self._translated_errors():
            first: int = self._writer().link(
                self.connection, event_ids, stream=stream, expected_version=expected_version, linked_at=linked_at
            )
        return first

    def read(self, selection: Selection) -> list[RecordedEvent[Any]]:
        dialect = Dialect(self.connection.vendor)
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(*select_events(selection, dialect))
            rows = cursor.fetchall()
        return [_recorded(row, selection) for row in rows]

    def count(self, selection: Selection) -> int:
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(*select_count(selection, Dialect(self.connection.vendor)))
            number: int = cursor.fetchone()[0]
        return number

    def streams_of(self, event_id: UUID) -> list[StreamPosition]:
        with self._translated_errors(), self.connection.cursor() as cursor:
            linked_at = Dialect(self.connection.vendor).time_column("l.linked_at")
            cursor.execute(
                f"SELECT s.name, l.position, l.written_here, {linked_at} FROM event_store_storedevent e"  # noqa: S608
                " LEFT JOIN event_store_streamlink l ON l.global_position = e.global_position"
                " LEFT JOIN event_store_stream s ON s.id = l.stream_id"
                " WHERE e.event_id = %s ORDER BY l.written_here DESC, l.linked_at, s.name",
                [self._uuid(event_id)],
            )
            rows = cursor.fetchall()
        if not rows:
            raise EventNotFound([event_id])
        return [
            StreamPosition(name, position, bool(written_here), read_time(linked_at))
            for name, position, written_here, linked_at in rows
            if name is not None
        ]

    def positions_of(self, event_id: UUID, *, streams: frozenset[str] | None = None) -> tuple[int, int | None]:
        sql, parameters = select_positions(event_id, streams, Dialect(self.connection.vendor))
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            row: tuple[int, int | None] | None = cursor.fetchone()
        if row is None:
            raise EventNotFound([event_id], streams=streams)
        return row

    def streams(self, selection: StreamSelection) -> list[StreamInfo]:
        return self._stream_infos(*select_streams(selection, Dialect(self.connection.vendor)))

    def recently_changed_streams(self, limit: int) -> list[StreamInfo]:
        return self._stream_infos(*select_recently_changed(limit, Dialect(self.connection.vendor)))

    def categories(self, limit: int, *, after: str, count_up_to: int) -> list[CategoryInfo]:
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(SELECT_CATEGORIES, [after, limit, count_up_to, limit])
            return [CategoryInfo(*row) for row in cursor.fetchall()]

    def event_types(self) -> list[str]:
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(SELECT_EVENT_TYPES)
            return [row[0] for row in cursor.fetchall()]

    def delete_stream(self, stream: str, *, expected_version: ExpectedVersion) -> int:
        with self._translated_errors(), self.atomic(), self.connection.cursor() as cursor:
            # A write, so that the row is locked: a SELECT FOR UPDATE does not exist on SQLite.
            cursor.execute(
                "UPDATE event_store_stream SET version = version WHERE name = %s RETURNING id, version", [stream]
            )
            stream_id, version = cursor.fetchone() or (None, -1)
            if not matches(expected_version, version):
                raise WrongExpectedVersion(stream=stream, expected=expected_version, actual=version)
            cursor.execute("DELETE FROM event_store_streamlink WHERE stream_id = %s", [stream_id])
            removed: int = cursor.rowcount
            cursor.execute("UPDATE event_store_stream SET version = -1 WHERE id = %s", [stream_id])
            # A subscription to the stream sees what is written there anew.
            cursor.execute(
                "UPDATE event_store_subscription SET checkpoint = -1, fence = fence + 1 WHERE stream = %s", [stream]
            )
        return removed

    def horizon(self) -> int:
        with self._translated_errors():
            return settled_horizon(self.using)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        with transaction.atomic(using=self.using):
            yield
            self.check_usable()

    def check_usable(self) -> None:
        if transaction.get_rollback(self.using):
            # Django would roll back at the end of the block and say nothing.
            raise BrokenTransaction

    def _writer(self) -> ModuleType:
        try:
            return _WRITERS[self.connection.vendor]
        except KeyError:
            raise InvalidStoreSettings(
                f"The event store runs on PostgreSQL and SQLite; database {self.using!r} is {self.connection.vendor}."
            ) from None

    def _stream_infos(self, sql: str, parameters: list[Any]) -> list[StreamInfo]:
        with self._translated_errors(), self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return [
                StreamInfo(name, category, version, read_time(at)) for name, category, version, at in cursor.fetchall()
            ]

    def _uuid(self, value: UUID) -> UUID | str:
        return Dialect(self.connection.vendor).uuid(value)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (ProgrammingError, OperationalError) as error:
            if self._is_missing_tables(error):
                raise NotMigrated(self.using) from error
            raise

    def _is_missing_tables(self, error: DatabaseError) -> bool:
        if self.connection.vendor == "postgresql":
            return getattr(error.__cause__, "sqlstate", None) in _MISSING_IN_POSTGRESQL
        # SQLite has no code for a missing table.
        return "event_store_storedevent" not in self.connection.introspection.table_names()


def _recorded(row: Sequence[Any], selection: Selection) -> RecordedEvent[Any]:
    event_id, event_type, version, data, metadata, correlation_id, causation_id, recorded, valid, at = row[:10]
    recorded_at = read_time(recorded)
    return RecordedEvent(
        id=read_uuid(event_id),
        type=event_type,
        schema_version=version,
        data=data if selection.as_json else decode(event_type, data, event_id=event_id),
        metadata=metadata if selection.as_json else decode_plain(metadata),
        correlation_id=correlation_id and read_uuid(correlation_id),
        causation_id=causation_id and read_uuid(causation_id),
        recorded_at=recorded_at,
        valid_at=recorded_at if valid == recorded else read_time(valid),
        global_position=at,
        stream=selection.stream if selection.stream is not None else row[11],
        position=row[10],
    )
