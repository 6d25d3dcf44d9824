"""What SQLite itself can do: the standard library's sqlite3, the same rows, the same durability."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from columns import in_order_of_columns
from samples import DATA_AS_JSON, LINKABLE, METADATA_AS_JSON, TYPE, Neighbours, Place
from writing import Write

EVENT = {
    "event_id": None,
    "type": TYPE,
    "category": None,
    "schema_version": 1,
    "data": DATA_AS_JSON,
    "metadata": METADATA_AS_JSON,
    "correlation_id": None,
    "causation_id": None,
    "recorded_at": None,
    "valid_at": None,
}


@contextmanager
def appending(events: int) -> Iterator[Write]:
    values = in_order_of_columns(**dict.fromkeys(EVENT, "?"))
    insert = f"INSERT INTO event_store_storedevent ({', '.join(values)}) VALUES ({', '.join(values.values())})"

    def write(place: Place) -> None:
        now, conversation = _now(), uuid.uuid4().hex
        known = dict(EVENT, category=place.category, recorded_at=now, valid_at=now, correlation_id=conversation)
        rows = [[uuid.uuid4().hex if each == "event_id" else known[each] for each in values] for _ in range(events)]
        connection.execute("BEGIN IMMEDIATE")
        stream_id, version = _advance(connection, place, events, now)
        connection.executemany(insert, rows)
        [(last,)] = connection.execute("SELECT last_insert_rowid()").fetchall()
        _insert_links(connection, stream_id, version - events + 1, range(last - events + 1, last + 1), True, now)
        connection.execute("COMMIT")

    with _sqlite() as connection:
        yield write


@contextmanager
def linking(events: int) -> Iterator[Write]:
    """Links to events whose positions it knows."""
    neighbours = Neighbours(LINKABLE)

    def write(place: Place) -> None:
        first = place.version + 1
        connection.execute("BEGIN IMMEDIATE")
        stream_id, _ = _advance(connection, place, events, _now())
        _insert_links(connection, stream_id, first, neighbours.positions(place, events), False, _now())
        connection.execute("COMMIT")

    with _sqlite() as connection:
        yield write


@contextmanager
def _sqlite() -> Iterator[sqlite3.Connection]:
    """The settings of Django's own connection to the same file."""
    from django.db import connection as django_connection

    connection = sqlite3.connect(django_connection.settings_dict["NAME"], isolation_level=None, timeout=20)
    with django_connection.cursor() as cursor:
        for pragma in ("journal_mode", "synchronous", "foreign_keys"):
            cursor.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA {pragma} = {cursor.fetchone()[0]}")
    try:
        yield connection
    finally:
        connection.close()


def _advance(connection: sqlite3.Connection, place: Place, events: int, now: str) -> tuple[int, int]:
    sql = (
        "INSERT INTO event_store_stream AS s (name, category, version, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET version = s.version + ? RETURNING id, version"
    )
    [row] = connection.execute(sql, (place.stream, place.category, events - 1, now, events)).fetchall()
    return row


def _insert_links(
    connection: sqlite3.Connection, stream_id: int, first: int, events: Sequence[int], written_here: bool, now: str
) -> None:
    connection.executemany(
        "INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [(stream_id, first + index, event, written_here, now) for index, event in enumerate(events)],
    )


def _now() -> str:
    return str(datetime.now(UTC).replace(tzinfo=None))
