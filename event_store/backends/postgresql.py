"""Writing on PostgreSQL: one call of a function, one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

import msgspec
from django.db import transaction
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
from event_store.expected_version import ANY, ExpectedVersion, as_number

FUNCTIONS = (
    "event_store_advance_stream_v1",
    "event_store_lock_stream_v1",
    "event_store_check_unchanged_v1",
    "event_store_append_v1",
    "event_store_link_v1",
)

POSITION_SEQUENCE = "event_store_storedevent_global_position_seq"
MEND_POSITIONS = (
    "SELECT setval('event_store_storedevent_global_position_seq',"
    " (SELECT max(global_position) FROM event_store_storedevent));"
)

_MOST_BYTES = 32 * 2**20
"""Of text in one call: a jsonb value holds 256 MiB, and short numbers grow sixfold in it."""
_ROW_BYTES = 300
"""Of an event's ids and times, and of the keys of its row."""


class _Answer(msgspec.Struct):
    """What `event_store_append_v1` and `event_store_link_v1` answer: one JSON value is read faster than seven columns."""

    status: str
    failed_stream: str | None
    actual_version: int | None
    failed_ids: list[UUID] | None
    # The rest means something only when it is stored.
    last_version: Any
    global_positions: Any = None
    recorded: datetime = datetime(1, 1, 1, tzinfo=UTC)


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


_answers = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True)
class _Where:
    """The streams of one append, and what the writer believes of them."""

    stream: str
    expected_version: ExpectedVersion
    links: Mapping[str, ExpectedVersion]
    condition: AppendCondition | None


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
    if sum(map(_size, events)) <= _MOST_BYTES:
        return _append(connection, events, _Where(stream, expected_version, links, condition), recorded_at)
    try:
        # Undone by itself when a part is refused.
        with transaction.atomic(using=connection.alias):
            return _append_parts(
                connection, _parts(events), _Where(stream, expected_version, links, condition), recorded_at
            )
    except DuplicateEvent as error:
        # It knows those of its own part.
        stored = _stored(connection, [event.id for event in events]) or set(error.event_ids)
        raise DuplicateEvent([event.id for event in events if event.id in stored]) from None


def _append_parts(
    connection: BaseDatabaseWrapper,
    parts: Sequence[Sequence[EncodedEvent]],
    where: _Where,
    recorded_at: datetime | None,
) -> Appended:
    first = _append(connection, parts[0], where, recorded_at)
    positions = list(first.global_positions)
    # The rows of all these streams are locked since the first part.
    same_place = _Where(where.stream, ANY, dict.fromkeys(where.links, ANY), None)
    for part in parts[1:]:
        rest = _append(connection, part, same_place, first.recorded_at)
        positions.extend(rest.global_positions)
    return Appended(first.first_position, positions, first.recorded_at)


def _append(
    connection: BaseDatabaseWrapper, events: Sequence[EncodedEvent], where: _Where, recorded_at: datetime | None
) -> Appended:
    answer = _call(
        connection,
        "SELECT to_jsonb(event_store_append_v1(%s, %s, %s::jsonb, %s::jsonb, %s::jsonb, %s))::text",
        [
            where.stream,
            as_number(where.expected_version),
            _json([_row(event) for event in events]),
            _json({name: as_number(expected) for name, expected in where.links.items()}) if where.links else None,
            _condition(where.condition),
            recorded_at,
        ],
    )
    if answer.status == "condition_failed" and where.condition is not None:
        read = where.condition.versions
        expected = read.get(answer.failed_stream or "", read)
        raise AppendConditionFailed(stream=answer.failed_stream, expected=expected, actual=answer.actual_version)
    if answer.status != "stored":
        _refuse(answer, {where.stream: where.expected_version, **where.links}, [event.id for event in events])
    return Appended(answer.last_version - len(events) + 1, answer.global_positions, answer.recorded.astimezone(UTC))


def _call(connection: BaseDatabaseWrapper, sql: str, parameters: list[Any]) -> _Answer:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return _answers.decode(cursor.fetchone()[0])


def _parts(events: Sequence[EncodedEvent]) -> list[Sequence[EncodedEvent]]:
    """The events in runs that one jsonb value can hold."""
    parts, start, size = [], 0, 0
    for number, event in enumerate(events):
        own = _size(event)
        if size + own > _MOST_BYTES and number > start:
            parts.append(events[start:number])
            start, size = number, 0
        size += own
    return [*parts, events[start:]]


def _stored(connection: BaseDatabaseWrapper, event_ids: Sequence[UUID]) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id FROM event_store_storedevent WHERE event_id = ANY(%s)", [list(event_ids)])
        return {row[0] for row in cursor.fetchall()}


def link(
    connection: BaseDatabaseWrapper,
    event_ids: Sequence[UUID],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    linked_at: datetime | None,
) -> int:
    answer = _call(
        connection,
        "SELECT to_jsonb(event_store_link_v1(%s, %s, %s::uuid[], %s))::text",
        [stream, as_number(expected_version), list(event_ids), linked_at],
    )
    if answer.status != "stored":
        _refuse(answer, {stream: expected_version}, event_ids)
    return int(answer.last_version) - len(event_ids) + 1


def missing_functions(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of our functions that the database does not have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted FROM unnest(%s::text[]) AS wanted WHERE NOT EXISTS (SELECT FROM pg_proc WHERE proname = wanted"
            " AND pg_function_is_visible(oid))",
            [list(FUNCTIONS)],
        )
        return [row[0] for row in cursor.fetchall()]


class PositionSequence(NamedTuple):
    """
    What the horizon relies on.

    Attributes:
        cache: how many numbers a session takes at once.
        last_value: the last number given out, 0 for none, None for whoever may not see the sequence.
        greatest: the greatest position of an event, 0 for none.
    """

    cache: int
    last_value: int | None
    greatest: int
    is_standby: bool


def position_sequence(connection: BaseDatabaseWrapper) -> PositionSequence:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seqcache, CASE WHEN has_sequence_privilege(seqrelid, 'SELECT')"
            " THEN coalesce(pg_sequence_last_value(seqrelid), 0) END,"
            " (SELECT coalesce(max(global_position), 0) FROM event_store_storedevent), pg_is_in_recovery()"
            " FROM pg_sequence WHERE seqrelid = %s::regclass",
            [POSITION_SEQUENCE],
        )
        return PositionSequence(*cursor.fetchone())


def install_functions(connection: BaseDatabaseWrapper) -> None:
    """Create our functions in the current schema; those of other versions stay, for rolling deploys."""
    with connection.cursor() as cursor:
        for name in FUNCTIONS:
            cursor.execute(files("event_store.sql").joinpath(f"{name}.sql").read_text())


def _size(event: EncodedEvent) -> int:
    return len(event.data) + len(event.metadata) + 4 * len(event.type) + _ROW_BYTES


def _condition(condition: AppendCondition | None) -> str | None:
    if condition is None:
        return None
    types = {} if condition.types is None else {"t": sorted(condition.types)}
    return _json({name: {"v": version, **types} for name, version in condition.versions.items()})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


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


def _refuse(answer: _Answer, expected: Mapping[str, Any], event_ids: Sequence[UUID]) -> NoReturn:
    stream = answer.failed_stream
    if answer.status == "wrong_version":
        believed = expected if stream is None else expected[stream]
        raise WrongExpectedVersion(stream=stream, expected=believed, actual=answer.actual_version)
    # A stricter isolation level may hide the events in the way: then it is one of these.
    failed = [each for each in event_ids if not answer.failed_ids or each in answer.failed_ids]
    if answer.status == "duplicate_event":
        raise DuplicateEvent(failed)
    if answer.status == "already_linked":
        raise EventAlreadyLinked(failed, stream=next(iter(expected)))
    raise EventNotFound(failed)
