"""Some streams of a category, the newest if they can be had cheaply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from event_store.stores import event_store

NEWEST = 20_000

# No index has the streams of a category by age: the newest of all are looked through, and the rest comes by name.
_SAMPLE = """
    SELECT id, name, version, 1 FROM (
        SELECT id, name, version, category FROM event_store_stream ORDER BY id DESC LIMIT %(newest)s
    ) AS newest WHERE category = %(category)s
    UNION ALL
    SELECT id, name, version, 0 FROM (
        SELECT id, name, version FROM event_store_stream WHERE category = %(category)s ORDER BY name DESC LIMIT %(limit)s
    ) AS last
"""


@dataclass(frozen=True)
class SampledStream:
    """`version` as in `Stream`: -1 for one that has become empty."""

    id: int
    name: str
    version: int


@dataclass(frozen=True)
class StreamSample:
    """The newest first. `is_all`: the category has no others. `is_newest`: it has no newer ones."""

    streams: Sequence[SampledStream]
    is_all: bool
    is_newest: bool


def sample_streams(category: str, *, limit: int) -> StreamSample:
    """
    Streams of a category; one statement, however many streams there are.

    They are the newest ones if so many of them are among the newest 20,000 streams of the default store; if not, those that
    are, and then the last ones by name.

    Args:
        limit: at most so many, at least 1.
    """
    parameters: dict[str, Any] = {"newest": NEWEST, "category": category, "limit": limit}
    with connections[event_store.backend.using].cursor() as cursor:
        cursor.execute(_SAMPLE, parameters)
        rows = cursor.fetchall()
    by_age = sorted((SampledStream(*row[:3]) for row in rows if row[3]), key=lambda each: -each.id)[:limit]
    by_name = [SampledStream(*row[:3]) for row in rows if not row[3]]
    known = {each.id for each in by_age}
    others = [each for each in by_name if each.id not in known][: limit - len(by_age)]
    is_all = len(by_name) < limit
    sampled = sorted([*by_age, *others], key=lambda each: -each.id)
    return StreamSample(sampled, is_all, is_newest=is_all or not others)
