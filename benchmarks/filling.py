"""
Fill an empty store with many events in a few statements.

Of every 1,000 events in a row, 140 streams have 7 or 8 each, in turns. Two streams make a conversation, in which each event
caused the next one of its stream, and every 28th stream is also linked into the stream of a process. Everything about
event number i (from 0) follows from i, so that a reader knows what to ask for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from columns import in_order_of_columns
from samples import METADATA_AS_JSON

BLOCK, STREAMS_IN_BLOCK, STREAMS_PER_PROCESS = 1000, 140, 28
FREQUENT_TYPE, RARE_TYPE = "benchmark.ItemAdded", "benchmark.Recalled"
FREQUENT_CATEGORY, RARE_CATEGORY = "Order", "Recall"
_EVENTS_AT_ONCE = 1_000_000
_FIRST, _MILLISECONDS_APART = datetime(2026, 1, 1, tzinfo=UTC), 50

_STREAM = f"(i / {BLOCK} * {STREAMS_IN_BLOCK} + i % {BLOCK} % {STREAMS_IN_BLOCK})"
_POSITION = f"(i % {BLOCK} / {STREAMS_IN_BLOCK})"
_CONVERSATION = f"(i / {BLOCK} * {BLOCK} + i % {BLOCK} % {STREAMS_IN_BLOCK} / 2 * 2)"
_LONGER_STREAMS = BLOCK % STREAMS_IN_BLOCK


class Filling:
    """
    Args:
        count: of events, a multiple of 1,000. However many they are, 20 have the rare type, 14 the rare category.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.blocks = count // BLOCK
        self.streams = self.blocks * STREAMS_IN_BLOCK
        self.processes = self.streams // STREAMS_PER_PROCESS

    def store(self) -> None:
        """Into the database of Django's connection, which has to be empty."""
        from django.db import connection

        dialect = _PostgreSQL() if connection.vendor == "postgresql" else _SQLite()
        with connection.cursor() as cursor:
            cursor.execute(dialect.before)
            self._store_streams(cursor, dialect)
            for low in range(0, self.count, _EVENTS_AT_ONCE):
                self._store_events(cursor, dialect, low, min(low + _EVENTS_AT_ONCE, self.count))
            for statement in dialect.after:
                cursor.execute(statement)
            self._check(cursor)

    def any_stream(self) -> str:
        number = random.randrange(self.streams)
        return f"{self._category(number)}${number}"

    def any_process_stream(self) -> str:
        return f"OrderMatch${random.randrange(self.processes)}"

    def any_cause(self) -> UUID:
        """An event that caused one other."""
        return event_id(random.randrange(self.blocks) * BLOCK + random.randrange(BLOCK - STREAMS_IN_BLOCK))

    def any_conversation(self) -> UUID:
        """The correlation id of 14 to 16 events."""
        return event_id(random.randrange(self.blocks) * BLOCK + random.randrange(STREAMS_IN_BLOCK // 2) * 2)

    def any_position(self, before_the_end: int) -> int:
        return random.randrange(self.count - before_the_end)

    def any_time(self, before_the_end: int) -> datetime:
        return _FIRST + timedelta(milliseconds=_MILLISECONDS_APART * self.any_position(before_the_end))

    def _store_streams(self, cursor: Any, dialect: _PostgreSQL | _SQLite) -> None:
        last = f"CASE WHEN {{stream}} % {STREAMS_IN_BLOCK} < {_LONGER_STREAMS} THEN 7 ELSE 6 END"
        for count, first_id, category, version in (
            (self.streams, 1, self._category_of("i"), last.format(stream="i")),
            (self.processes, 1 + self.streams, "'OrderMatch'", last.format(stream=f"(i * {STREAMS_PER_PROCESS})")),
        ):
            columns = {
                "id": f"{first_id} + i",
                "name": f"({category}) || '$' || i",
                "category": category,
                "version": version,
                "created_at": dialect.time,
            }
            _insert(cursor, "event_store_stream", columns, dialect.numbers(0, count))

    def _store_events(self, cursor: Any, dialect: _PostgreSQL | _SQLite, low: int, high: int) -> None:
        numbers = dialect.numbers(low, high)
        events = in_order_of_columns(
            event_id=dialect.event_id("i"),
            type=self._type_of("i"),
            category=self._category_of(_STREAM),
            schema_version="1",
            data=dialect.data,
            metadata=f"'{METADATA_AS_JSON}'",
            correlation_id=dialect.event_id(_CONVERSATION),
            causation_id=f"CASE WHEN {_POSITION} > 0 THEN {dialect.event_id(f'(i - {STREAMS_IN_BLOCK})')} END",
            recorded_at=dialect.time,
            valid_at=dialect.time,
        )
        _insert(cursor, "event_store_storedevent", {"global_position": "1 + i", **events}, numbers)
        link = {"position": _POSITION, "global_position": "1 + i", "linked_at": dialect.time}
        written = {**link, "stream_id": f"1 + {_STREAM}", "written_here": "true"}
        _insert(cursor, "event_store_streamlink", written, numbers)
        process = f"1 + {self.streams} + {_STREAM} / {STREAMS_PER_PROCESS}"
        linked = {**link, "stream_id": process, "written_here": "false"}
        wanted = f"WHERE {_STREAM} % {STREAMS_PER_PROCESS} = 0"
        _insert(cursor, "event_store_streamlink", linked, f"{numbers} {wanted}")

    def _type_of(self, event: str) -> str:
        return (
            f"CASE WHEN {event} % {self.count // 20} = 7 THEN '{RARE_TYPE}' WHEN {_POSITION} = 0 THEN 'benchmark.Opened'"
            f" WHEN {_POSITION} < 6 THEN '{FREQUENT_TYPE}' ELSE 'benchmark.Closed' END"
        )

    def _category_of(self, stream: str) -> str:
        return (
            f"CASE WHEN {stream} % {self.streams // 2} = {STREAMS_IN_BLOCK - 1} THEN '{RARE_CATEGORY}'"
            f" WHEN {stream} % 10 < 5 THEN '{FREQUENT_CATEGORY}' WHEN {stream} % 10 < 8 THEN 'Customer' ELSE 'Menu' END"
        )

    def _category(self, stream: int) -> str:
        if stream % (self.streams // 2) == STREAMS_IN_BLOCK - 1:
            return RARE_CATEGORY
        return FREQUENT_CATEGORY if stream % 10 < 5 else "Customer" if stream % 10 < 8 else "Menu"

    def _check(self, cursor: Any) -> None:
        cursor.execute("SELECT COUNT(*) FROM event_store_storedevent")
        events = cursor.fetchone()[0]
        cursor.execute("SELECT SUM(version + 1), COUNT(*) FROM event_store_stream")
        positions, streams = cursor.fetchone()
        cursor.execute("SELECT COUNT(*) FROM event_store_streamlink")
        links = cursor.fetchone()[0]
        assert (events, streams) == (self.count, self.streams + self.processes), (events, streams)
        assert links == positions > events, (links, positions)


class _PostgreSQL:
    # Its own rows need no proof that they fit together.
    before = "SET session_replication_role = replica"
    after = (
        "SET session_replication_role = DEFAULT",
        "SELECT setval('event_store_storedevent_global_position_seq', max(global_position)) FROM event_store_storedevent",
        "SELECT setval('event_store_stream_id_seq', max(id)) FROM event_store_stream",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    )
    time = f"'{_FIRST.isoformat()}'::timestamptz + i * interval '{_MILLISECONDS_APART} milliseconds'"
    data = f"jsonb_build_object('order_id', {_STREAM}::text, 'text', repeat('x', 193))"

    def numbers(self, low: int, high: int) -> str:
        return f"generate_series({low}::bigint, {high - 1}) AS number (i)"

    def event_id(self, i: str) -> str:
        return (
            f"(lpad(to_hex({_FIRST_ID} + {i}), 12, '0') || '7' || lpad(to_hex({i} * 7919 % 4096), 3, '0') || '8'"
            f" || lpad(to_hex({i} * 2654435761 % {2**60}), 15, '0'))::uuid"
        )


class _SQLite:
    before = "PRAGMA synchronous = OFF"
    after = ("PRAGMA synchronous = NORMAL", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)")
    time = (
        f"strftime('%Y-%m-%d %H:%M:%f000', {int(_FIRST.timestamp())} + i * {_MILLISECONDS_APART / 1000}, 'unixepoch')"
    )
    data = f"""printf('{{"order_id":"%d","text":"{"x" * 193}"}}', {_STREAM})"""

    def numbers(self, low: int, high: int) -> str:
        return (
            f"(WITH RECURSIVE number (i) AS (SELECT {low} UNION ALL SELECT i + 1 FROM number WHERE i + 1 < {high})"
            " SELECT i FROM number)"
        )

    def event_id(self, i: str) -> str:
        return f"printf('%012x7%03x8%015x', {_FIRST_ID} + {i}, {i} * 7919 % 4096, {i} * 2654435761 % {2**60})"


_FIRST_ID = 1_700_000_000_000


def event_id(number: int) -> UUID:
    """Ids that rise with time, as ours do."""
    return UUID(f"{_FIRST_ID + number:012x}7{number * 7919 % 4096:03x}8{number * 2654435761 % 2**60:015x}")


def _insert(cursor: Any, table: str, columns: Mapping[str, str], numbers: str) -> None:
    cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {numbers}")
