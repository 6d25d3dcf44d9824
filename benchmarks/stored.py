"""After a turn: whether it has really stored the rows that it claims. It looks at the rows of that turn only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import samples


class Rows(Protocol):
    """`mark` before a turn, `check` after it."""

    def mark(self) -> None: ...

    def check(self, calls: int, events: int) -> None: ...


class OurRows:
    """
    Events with their links, in streams that are new; or links alone, to events that were there.

    Args:
        streams: how many streams each event is to be shown in.
        is_link: no event may have been added.
    """

    def __init__(self, *, streams: int = 1, is_link: bool = False) -> None:
        self._streams, self._is_link = streams, is_link
        self._last_event = self._last_stream = 0

    def mark(self) -> None:
        self._last_event = _one("SELECT COALESCE(MAX(global_position), 0) FROM event_store_storedevent")
        self._last_stream = _one("SELECT COALESCE(MAX(id), 0) FROM event_store_stream")

    def check(self, calls: int, events: int) -> None:
        written = calls * events
        stored = _one("SELECT COUNT(*) FROM event_store_storedevent WHERE global_position > %s", self._last_event)
        links = _one("SELECT COUNT(*) FROM event_store_streamlink WHERE stream_id > %s", self._last_stream)
        versions = _one("SELECT SUM(version + 1) FROM event_store_stream WHERE id > %s", self._last_stream)
        _expect("events", stored, 0 if self._is_link else written)
        _expect("links", links, written * self._streams)
        _expect("positions given out", versions, written * self._streams)
        if not self._is_link:
            self._check_one_event()

    def _check_one_event(self) -> None:
        from event_store.models import StoredEvent, StreamLink

        event = StoredEvent.objects.get(global_position=self._last_event + 1)
        _expect("data", event.data, samples.DATA)
        _expect("metadata", event.metadata, samples.METADATA)
        _expect("type", event.type, samples.TYPE)
        _expect("conversation", event.correlation_id is not None, True)
        link = StreamLink.objects.select_related("stream").get(event=event, written_here=True)
        _expect("category", event.category, link.stream.category)
        _expect("category of the stream", link.stream.category, link.stream.name.partition("$")[0])


class TheirRows:
    """
    Rows of `eventsourcing`.

    Args:
        column: what counts its rows.
        decode: the state of a row as data and metadata.
    """

    def __init__(self, column: str, decode: Callable[[bytes], object]) -> None:
        self._column, self._decode = column, decode
        self._last = 0

    def mark(self) -> None:
        self._last = _one(f"SELECT COALESCE(MAX({self._column}), 0) FROM stored_events")

    def check(self, calls: int, events: int) -> None:
        stored = _one(f"SELECT COUNT(*) FROM stored_events WHERE {self._column} > %s", self._last)
        _expect("rows", stored, calls * events)
        state = _one(f"SELECT state FROM stored_events WHERE {self._column} > %s LIMIT 1", self._last)
        _expect("state", self._decode(bytes(state)), {"data": samples.DATA, "metadata": samples.METADATA})


def _one(sql: str, *parameters: object) -> object:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, not {wanted!r}")
