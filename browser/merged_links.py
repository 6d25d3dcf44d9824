"""What several streams show, merged in the order of the store, however long the streams are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import BigIntegerField, ExpressionWrapper, F

from event_store.models import Stream, StreamLink

# As many links are sorted in no time; of a longer stream, one meets some soon by walking through all links.
LONG = 50_000


@dataclass(frozen=True)
class Place:
    """A stream, by its number, and where in it."""

    stream: int
    position: int
    is_written_here: bool


@dataclass(frozen=True)
class Merged:
    """An event, by its global position, with each place at which one of the streams shows it."""

    event: int
    places: Sequence[Place]


def merged_links(streams: Sequence[Stream], before: int | None, after: int | None, limit: int) -> list[Merged]:
    """
    At most `limit` events that any of the streams shows, in one query: the newest first below `before`, or the oldest
    first above `after`, which are global positions. Exactly one of both is given.
    """
    if not streams:
        return []
    merged: dict[int, list[Place]] = {}
    # An event among the first of all is among the first of each stream that shows it.
    for event, stream, position, written_here in sorted(_rows(streams, before, after, limit), reverse=after is None):
        merged.setdefault(event, []).append(Place(stream, position, bool(written_here)))
    return [Merged(event, places) for event, places in list(merged.items())[:limit]]


def _rows(streams: Sequence[Stream], before: int | None, after: int | None, limit: int) -> list[Any]:
    parts, parameters = [], []
    for number, stream in enumerate(streams):
        links = _links(stream, before, after)[:limit]
        sql, of_part = links.query.get_compiler(using=links.db).as_sql()
        parts.append(f"SELECT * FROM ({sql}) AS part{number}")  # noqa: S608 - Django's own SQL
        parameters += of_part
    with connections[StreamLink.objects.db].cursor() as cursor:
        # Not union(): SQLite knows no LIMIT in its parts.
        cursor.execute(" UNION ALL ".join(parts), parameters)
        return list(cursor.fetchall())


def _links(stream: Stream, before: int | None, after: int | None) -> Any:
    links = StreamLink.objects.values_list("event_id", "stream_id", "position", "written_here")
    if stream.version < LONG:
        links = links.filter(stream=stream)
    else:
        number = ExpressionWrapper(F("stream_id") + 0, output_field=BigIntegerField())
        links = links.alias(number=number).filter(number=stream.pk)
    if after is not None:
        return links.filter(event_id__gt=after).order_by("event_id")
    return links.filter(event_id__lt=before).order_by("-event_id")
