"""A selection of events or streams as one SELECT, for PostgreSQL and for SQLite."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from event_store.backends.base import Bound, JsonValue, Order, Selection, StreamSelection
from event_store.streams import end_of_prefix

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_STREAM = "event_store_streamlink l JOIN event_store_storedevent e ON e.global_position = l.global_position"
_FROM_ALL = (
    "event_store_storedevent e"
    " LEFT JOIN event_store_streamlink l ON l.global_position = e.global_position AND l.written_here"
    " LEFT JOIN event_store_stream s ON s.id = l.stream_id"
)
# One look-up for each row: joined otherwise, a page in the middle would walk through the links of all events before it.
_FROM_ALL_LATERAL = (
    "event_store_storedevent e LEFT JOIN LATERAL (SELECT l.position, s.name FROM event_store_streamlink l"
    " JOIN event_store_stream s ON s.id = l.stream_id"
    " WHERE l.global_position = e.global_position AND l.written_here LIMIT 1) l ON true"
)
_IN_STREAMS = (
    "e.global_position IN (SELECT shown.global_position FROM event_store_streamlink shown"
    " JOIN event_store_stream named ON named.id = shown.stream_id WHERE {names})"
)
_MANY = 100
_NEWEST = 1_000

Statement = tuple[str, list[Any]]


class Dialect:
    """What the two databases write differently."""

    def __init__(self, vendor: str) -> None:
        self.is_postgresql = vendor == "postgresql"

    def uuid(self, value: UUID) -> UUID | str:
        return value if self.is_postgresql else value.hex

    def time(self, value: datetime) -> datetime | str:
        # On SQLite as Django's own DateTimeField writes it, so that models read it back and text order is time order.
        return value if self.is_postgresql else str(value.astimezone(UTC).replace(tzinfo=None))

    def time_column(self, column: str) -> str:
        """A time in a form that `read_time` takes: the drivers' own reading is slow, or loses the zone."""
        return f"(extract(epoch FROM {column}) * 1000000)::bigint" if self.is_postgresql else f"{column} || '+00:00'"

    def json_column(self, column: str) -> str:
        """JSON as the text that is stored."""
        return f"{column}::text" if self.is_postgresql else column


def read_time(value: int | str) -> datetime:
    """Aware UTC, from what `Dialect.time_column` selects."""
    return datetime.fromisoformat(value) if isinstance(value, str) else _EPOCH + timedelta(microseconds=value)


def read_uuid(value: UUID | str) -> UUID:
    return UUID(int=int(value, 16)) if isinstance(value, str) else value


class _Where:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._conditions: list[str] = []
        self.parameters: list[Any] = []

    def __str__(self) -> str:
        return " AND ".join(self._conditions) or "1 = 1"

    def add(self, condition: str, *parameters: Any) -> None:
        self._conditions.append(condition)
        self.parameters.extend(parameters)

    def add_any_of(self, column: str, values: Collection[Any], *, around: str = "{names}") -> None:
        condition, parameters = self._any_of(column, list(values))
        self.add(around.format(names=condition), *parameters)

    def add_bound(self, column: str, sign: str, bound: Bound[Any] | None) -> None:
        if bound is not None:
            self.add(f"{column} {sign}{'=' if bound.inclusive else ''} %s", bound.value)

    def add_json(self, column: str, wanted: JsonValue) -> None:
        compared = _compared_in_postgresql if self._dialect.is_postgresql else _compared_in_sqlite
        condition, parameters = compared(column, wanted)
        self.add(condition, *parameters)

    def _any_of(self, column: str, values: list[Any]) -> Statement:
        if not values:
            return "1 = 0", []
        if len(values) == 1:
            # An index gives these in the order of its second column.
            return f"{column} = %s", values
        if len(values) <= _MANY:
            return f"{column} IN ({', '.join(['%s'] * len(values))})", values
        if self._dialect.is_postgresql:
            return f"{column} = ANY(%s)", [values]
        return f"{column} IN (SELECT value FROM json_each(%s))", [msgspec.json.encode(values).decode()]  # noqa: S608 - our own columns only


def select_events(selection: Selection, dialect: Dialect) -> Statement:
    """The rows of events: their JSON as text, then their position and (outside a stream) their stream's name."""
    data, metadata = dialect.json_column("e.data"), dialect.json_column("e.metadata")
    recorded_at, valid_at = dialect.time_column("e.recorded_at"), dialect.time_column("e.valid_at")
    columns = (
        f"e.event_id, e.type, e.schema_version, {data}, {metadata}, e.correlation_id, e.causation_id,"
        f" {recorded_at}, {valid_at}, e.global_position, l.position"
    )
    if selection.stream is not None:
        return _select(selection, columns, _FROM_STREAM, dialect)
    if dialect.is_postgresql:
        return _select(selection, f"{columns}, l.name", _FROM_ALL_LATERAL, dialect)
    return _select(selection, f"{columns}, s.name", _FROM_ALL, dialect)


def select_count(selection: Selection, dialect: Dialect) -> Statement:
    """How many events they are; outside a stream without their places, which cost more than they."""
    tables = "event_store_storedevent e" if selection.stream is None else _FROM_STREAM
    sql, parameters = _select(selection, "1", tables, dialect)
    return f"SELECT COUNT(*) FROM ({sql}) AS selected", parameters  # noqa: S608 - fixed words and placeholders only


def select_positions(event_id: UUID, streams: frozenset[str] | None, dialect: Dialect) -> Statement:
    """An event's global position, and its position in the one of these streams that shows it."""
    where = _Where(dialect)
    where.add("e.event_id = %s", dialect.uuid(event_id))
    if streams is None:
        return f"SELECT e.global_position, NULL FROM event_store_storedevent e WHERE {where}", where.parameters  # noqa: S608 - fixed words and placeholders only
    where.add_any_of("s.name", sorted(streams))
    tables = f"{_FROM_STREAM} JOIN event_store_stream s ON s.id = l.stream_id"
    return f"SELECT e.global_position, l.position FROM {tables} WHERE {where} LIMIT 1", where.parameters  # noqa: S608 - fixed words and placeholders only


def select_streams(selection: StreamSelection, dialect: Dialect) -> Statement:
    where = _Where(dialect)
    where.add("s.version >= 0")
    if selection.prefix:
        where.add("s.name >= %s", selection.prefix)
        if (end := end_of_prefix(selection.prefix)) is not None:
            where.add("s.name < %s", end)
    if selection.category is not None:
        where.add("s.category = %s", selection.category)
    for sign, bound in ((">", selection.after), ("<", selection.before)):
        if bound is not None:
            where.add(f"s.name {sign} %s", bound)
    direction = " DESC" if selection.backward else ""
    sql = f"SELECT {_stream_columns(dialect)} FROM event_store_stream s WHERE {where} ORDER BY s.name{direction}"  # noqa: S608 - fixed words and placeholders only
    return _limited(sql, where.parameters, selection.limit)


def select_recently_changed(limit: int, dialect: Dialect) -> Statement:
    """The streams that show the newest events."""
    sql = f"""
        SELECT {_stream_columns(dialect)}
          FROM (SELECT l.stream_id, MAX(l.global_position) AS last_event
                  FROM (SELECT global_position FROM event_store_storedevent ORDER BY global_position DESC LIMIT {_NEWEST}) newest
                  JOIN event_store_streamlink l ON l.global_position = newest.global_position
                 GROUP BY l.stream_id) changed
          JOIN event_store_stream s ON s.id = changed.stream_id
         ORDER BY changed.last_event DESC, s.name LIMIT %s
    """  # noqa: S608 - fixed words and placeholders only
    return sql, [limit]


def _select(selection: Selection, columns: str, tables: str, dialect: Dialect) -> Statement:
    position = "e.global_position" if selection.stream is None else "l.position"
    where = _Where(dialect)
    if selection.stream is not None:
        where.add("l.stream_id = (SELECT id FROM event_store_stream WHERE name = %s)", selection.stream)
    if selection.streams is not None:
        where.add_any_of("named.name", sorted(selection.streams), around=_IN_STREAMS)
    where.add_bound(position, ">", selection.after)
    where.add_bound(position, "<", selection.before)
    _add_contents(where, selection, dialect)
    order = _add_times(where, selection, position, dialect)
    direction = " DESC" if selection.backward else ""
    sql = f"SELECT {columns} FROM {tables} WHERE {where} ORDER BY {', '.join(each + direction for each in order)}"  # noqa: S608 - fixed words and placeholders only
    return _limited(sql, where.parameters, selection.limit)


# From one type to the next through the index: it costs a look-up for each type, however many events there are.
SELECT_EVENT_TYPES = """
    WITH RECURSIVE each_type (type) AS (
        SELECT MIN(type) FROM event_store_storedevent
        UNION ALL
        SELECT (SELECT MIN(e.type) FROM event_store_storedevent e WHERE e.type > each_type.type)
          FROM each_type WHERE each_type.type IS NOT NULL)
    SELECT type FROM each_type WHERE type IS NOT NULL
"""


# From one category to the next through the index, and at most so many streams of each.
SELECT_CATEGORIES = """
    WITH RECURSIVE each_category (category, number) AS (
        SELECT (SELECT s.category FROM event_store_stream s WHERE s.category > %s AND s.version >= 0
                 ORDER BY s.category LIMIT 1), 1
        UNION ALL
        SELECT (SELECT s.category FROM event_store_stream s WHERE s.category > each_category.category AND s.version >= 0
                 ORDER BY s.category LIMIT 1), number + 1
          FROM each_category WHERE each_category.category IS NOT NULL AND number < %s)
    SELECT category,
           (SELECT COUNT(*) FROM (SELECT 1 FROM event_store_stream s
                                   WHERE s.category = each_category.category AND s.version >= 0 LIMIT %s) AS counted)
      FROM each_category WHERE category IS NOT NULL LIMIT %s
"""


def _stream_columns(dialect: Dialect) -> str:
    return f"s.name, s.category, s.version, {dialect.time_column('s.created_at')}"


def _add_contents(where: _Where, selection: Selection, dialect: Dialect) -> None:
    if selection.category is not None:
        where.add("e.category = %s", selection.category)
    if selection.types is not None:
        where.add_any_of("e.type", sorted(selection.types))
    if selection.excluded_types:
        where.add_any_of("e.type", sorted(selection.excluded_types), around="NOT ({names})")
    if selection.event_ids is not None:
        where.add_any_of("e.event_id", [dialect.uuid(each) for each in selection.event_ids])
    if selection.correlation_id is not None:
        where.add("e.correlation_id = %s", dialect.uuid(selection.correlation_id))
    if selection.causation_id is not None:
        where.add("e.causation_id = %s", dialect.uuid(selection.causation_id))
    for column, values in (("e.data", selection.data), ("e.metadata", selection.metadata)):
        for wanted in values:
            where.add_json(column, wanted)


def _add_times(where: _Where, selection: Selection, position: str, dialect: Dialect) -> list[str]:
    time = "e.valid_at" if selection.order is Order.VALID_AT else "e.recorded_at"
    for sign, bound in ((">", selection.newer_than), ("<", selection.older_than)):
        if bound is not None:
            where.add_bound(time, sign, Bound(dialect.time(bound.value), bound.inclusive))
    if selection.order is Order.POSITION:
        return [position]
    if selection.beyond is not None:
        sign, (last_time, last_position) = "<" if selection.backward else ">", selection.beyond
        where.add(f"({time}, {position}) {sign} (%s, %s)", dialect.time(last_time), last_position)
    return [time, position]


def _limited(sql: str, parameters: list[Any], limit: int | None) -> Statement:
    return (sql, parameters) if limit is None else (f"{sql} LIMIT %s", [*parameters, limit])


def _compared_in_postgresql(column: str, wanted: JsonValue) -> Statement:
    # strict: an array is not looked through for its items.
    path = f"strict {_path(wanted.path)}"
    exists = f"jsonb_path_exists({column}, %s::jsonpath, '{{}}', true)"
    equals = f"{column} @> %s::jsonb"
    if wanted.comparison == "exists":
        return exists, [path]
    if wanted.comparison == "=":
        return equals, [_document(wanted)]
    if wanted.comparison == "!=":
        return f"{exists} AND NOT {equals}", [path, _document(wanted)]
    return (
        f"jsonb_path_exists({column}, %s::jsonpath, %s::jsonb, true)",
        [f"{path} ? (@ {wanted.comparison} $value)", msgspec.json.encode({"value": wanted.value}).decode()],
    )


def _compared_in_sqlite(column: str, wanted: JsonValue) -> Statement:
    path, value = _path(wanted.path), wanted.value
    kind = f"json_type({column}, %s)"
    if wanted.comparison == "exists":
        return f"{kind} IS NOT NULL", [path]
    if wanted.comparison == "!=":
        equals, parameters = _compared_in_sqlite(column, JsonValue(wanted.path, value))
        return f"{kind} IS NOT NULL AND NOT ({equals})", [path, *parameters]
    if value is None or isinstance(value, bool):
        return f"{kind} = %s", [path, msgspec.json.encode(value).decode()]
    # true is 1 for SQLite.
    kinds = "('text')" if isinstance(value, str) else "('integer', 'real')"
    return f"{kind} IN {kinds} AND json_extract({column}, %s) {wanted.comparison} %s", [path, path, value]


def _document(wanted: JsonValue) -> str:
    value: Any = wanted.value
    for key in reversed(wanted.path):
        value = {key: value}
    return msgspec.json.encode(value).decode()


def _path(keys: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)
