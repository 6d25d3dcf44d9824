"""Writing on PostgreSQL: one call of a function, one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NoReturn
from uuid import UUID

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from event_store.backends.base import Appended, EncodedEvent
from event_store.exceptions import DuplicateEvent, EventAlreadyLinked, EventNotFound, WrongExpectedVersion
from event_store.expected_version import ExpectedVersion, as_number

FUNCTIONS = ("event_store_advance_stream_v1", "event_store_append_v1", "event_store_link_v1")


class _Row(msgspec.Struct, omit_defaults=True):
    """One event as `event_store_append_v1` takes it."""

    i: UUID
    t: str
    s: int
    d: msgspec.Raw
    m: msgspec.Raw
    c: UUID | None = None
    b: UUID | None = None
    v: datetime | None = None


def append(
    connection: BaseDatabaseWrapper,
    events: Sequence[EncodedEvent],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    links: Mapping[str, ExpectedVersion],
    recorded_at: datetime | None,
) -> Appended:
    link_versions = {name: as_number(expected) for name, expected in links.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, failed_stream, actual_version, failed_ids, last_version, global_positions, recorded"
            " FROM event_store_append_v1(%s, %s, %s::jsonb, %s::jsonb, %s)",
            [
                stream,
                as_number(expected_version),
                msgspec.json.encode([_row(event) for event in events]).decode(),
                msgspec.json.encode(link_versions).decode() if links else None,
                recorded_at,
            ],
        )
        status, failed_stream, actual, failed_ids, last_version, positions, recorded = cursor.fetchone()
    if status != "stored":
        # A stricter isolation level may hide the events in the way: then it is one of these.
        ids = failed_ids or [event.id for event in events]
        _refuse(status, failed_stream, {stream: expected_version, **links}, actual, ids)
    return Appended(last_version - len(events) + 1, positions, recorded.astimezone(UTC))


def link(
    connection: BaseDatabaseWrapper,
    event_ids: Sequence[UUID],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    linked_at: datetime | None,
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, failed_stream, actual_version, failed_ids, last_version"
            " FROM event_store_link_v1(%s, %s, %s::uuid[], %s)",
            [stream, as_number(expected_version), list(event_ids), linked_at],
        )
        status, failed_stream, actual, failed_ids, last_version = cursor.fetchone()
    if status != "stored":
        _refuse(status, failed_stream, {stream: expected_version}, actual, failed_ids or list(event_ids))
    return int(last_version) - len(event_ids) + 1


def missing_functions(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of our functions that the database does not have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted FROM unnest(%s::text[]) AS wanted WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = wanted"
            " AND pg_function_is_visible(oid))",
            [list(FUNCTIONS)],
        )
        return [row[0] for row in cursor.fetchall()]


def install_functions(connection: BaseDatabaseWrapper) -> None:
    """Create our functions in the current schema; those of other versions stay, for rolling deploys."""
    with connection.cursor() as cursor:
        for name in FUNCTIONS:
            cursor.execute(files("event_store.sql").joinpath(f"{name}.sql").read_text())


def _row(event: EncodedEvent) -> _Row:
    return _Row(
        i=event.id,
        t=event.type,
        s=event.schema_version,
        d=msgspec.Raw(event.data),
        m=msgspec.Raw(event.metadata),
        c=event.correlation_id,
        b=event.causation_id,
        v=event.valid_at,
    )


def _refuse(
    status: str,
    failed_stream: str,
    expected: Mapping[str, Any],
    actual: int | None,
    ids: Sequence[UUID],
) -> NoReturn:
    if status == "wrong_version":
        raise WrongExpectedVersion(stream=failed_stream, expected=expected[failed_stream], actual=actual)
    if status == "duplicate_event":
        raise DuplicateEvent(ids)
    if status == "already_linked":
        raise EventAlreadyLinked(ids, stream=failed_stream)
    raise EventNotFound(ids)
