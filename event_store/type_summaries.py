"""What the store holds of each type of event, by its index, however many events there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections

from event_store.backends.selects import Dialect, read_time
from event_store.stores import event_store

COUNTED_UP_TO = 10_000
NEWEST = 20

# Each type is found by a jump in an index, and each count ends at a number: a GROUP BY would read every event. Between a type
# and itself: from an equality PostgreSQL may conclude that all types are as frequent, and walk past all events of the others.
_OF_TYPE = "FROM event_store_storedevent e WHERE e.type BETWEEN named.type AND named.type"
_NEWEST = f"{_OF_TYPE} ORDER BY e.type DESC, e.global_position DESC LIMIT %(newest)s"
_SUMMARIES = f"""
    WITH RECURSIVE named (type, number) AS (
        SELECT (SELECT MIN(e.type) FROM event_store_storedevent e WHERE e.type > %(after)s), 1
        UNION ALL
        SELECT (SELECT MIN(e.type) FROM event_store_storedevent e WHERE e.type > named.type), number + 1
          FROM named WHERE named.type IS NOT NULL AND number < %(limit)s)
    SELECT
        named.type,
        (SELECT count(*) FROM (
            SELECT 1 {_OF_TYPE} ORDER BY e.type, e.global_position LIMIT %(most)s
        ) AS counted),
        (SELECT {{array}}(n.global_position) FROM (SELECT e.global_position {_NEWEST}) AS n),
        (SELECT {{array}}(n.category) FROM (SELECT e.category {_NEWEST}) AS n),
        (SELECT {{array}}({{recorded_at}}) FROM (SELECT e.recorded_at {_NEWEST}) AS n)
    FROM named WHERE named.type IS NOT NULL
"""  # noqa: S608 - our own columns only


@dataclass(frozen=True)
class NewestEvent:
    """Where an event stands in the whole store, the category of the stream it was written to, and when (aware UTC)."""

    global_position: int
    category: str
    recorded_at: datetime


@dataclass(frozen=True)
class EventTypeSummary:
    """`count` ends at 10,001, which means more than 10,000. `newest`: 1..20 events of the type, the newest first."""

    type: str
    count: int
    newest: Sequence[NewestEvent]


def event_type_summaries(*, after: str = "", limit: int = 100) -> list[EventTypeSummary]:
    """
    The types that the default store has events of, by name; one statement.

    Args:
        after: of those behind this name, byte by byte.
        limit: the first so many, at least 1.
    """
    using = event_store.backend.using
    dialect = Dialect(connections[using].vendor)
    array = "json_agg" if dialect.is_postgresql else "json_group_array"
    parameters: dict[str, Any] = {"after": after, "limit": limit, "most": COUNTED_UP_TO + 1, "newest": NEWEST}
    with connections[using].cursor() as cursor:
        cursor.execute(_SUMMARIES.format(array=array, recorded_at=dialect.time_column("n.recorded_at")), parameters)
        return [
            EventTypeSummary(name, count, _newest(*map(_values, arrays))) for name, count, *arrays in cursor.fetchall()
        ]


def _newest(positions: list[int], categories: list[str], times: list[int | str]) -> list[NewestEvent]:
    return [
        NewestEvent(position, category, read_time(time))
        for position, category, time in zip(positions, categories, times, strict=True)
    ]


def _values(array: Any) -> list[Any]:
    # The drivers give JSON as text or taken apart.
    return list(json.loads(array) if isinstance(array, str) else array)
