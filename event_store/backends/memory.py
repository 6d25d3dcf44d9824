"""Events in this process's memory: a peer of the databases for tests, gone with the process."""

from __future__ import annotations

import operator
import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from event_store.append_condition import AppendCondition
from event_store.backends.base import (
    Appended,
    Backend,
    Bound,
    CategoryInfo,
    EncodedEvent,
    JsonValue,
    Order,
    Selection,
    StreamInfo,
    StreamPosition,
    StreamSelection,
)
from event_store.codec import decode, decode_plain
from event_store.events import RecordedEvent
from event_store.exceptions import (
    AppendConditionFailed,
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    WrongExpectedVersion,
)
from event_store.expected_version import ExpectedVersion, matches
from event_store.streams import category_of

NEWEST = 1_000
_ABSENT = object()
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(eq=False)
class _Stored:
    """An event, and every place where it is shown."""

    event: EncodedEvent
    category: str
    global_position: int
    recorded_at: datetime
    valid_at: datetime
    shown_in: dict[str, StreamPosition] = field(default_factory=dict)

    @property
    def written_to(self) -> StreamPosition | None:
        return next((place for place in self.shown_in.values() if place.written_here), None)


@dataclass(eq=False)
class _Stream:
    created_at: datetime
    events: list[_Stored] = field(default_factory=list)


class MemoryBackend(Backend):
    """
    Keeps encoded events, so that what is read has been through the codec as with a database.

    Writers take turns. A block of `atomic` that raises is undone; a transaction of Django's is not its business, and
    durable subscribers, whose checkpoints are in a database, do not read it.
    """

    keeps_checkpoints = False

    def __init__(self, *, using: str = "default") -> None:
        self.using = using
        self._lock = threading.RLock()
        self._events: list[_Stored] = []
        self._by_id: dict[UUID, _Stored] = {}
        self._streams: dict[str, _Stream] = {}
        self._undo: list[Callable[[], object]] = []
        self._depth = 0
        self._last_global_position = 0

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
        now = (recorded_at or datetime.now(UTC)).astimezone(UTC)
        with self._lock:
            self._check_streams({**links, stream: expected_version}, condition)
            if duplicates := [event.id for event in events if event.id in self._by_id]:
                raise DuplicateEvent(duplicates)
            first = self._version(stream) + 1
            stored = [self._store(event, category_of(stream), now) for event in events]
            for name in (stream, *links):
                self._show(stored, name, written_here=name == stream, now=now)
            return Appended(first, [each.global_position for each in stored], now)

    def link(
        self, event_ids: Sequence[UUID], *, stream: str, expected_version: ExpectedVersion, linked_at: datetime | None
    ) -> int:
        with self._lock:
            if missing := [event_id for event_id in event_ids if event_id not in self._by_id]:
                raise EventNotFound(missing)
            self._check_version(stream, expected_version)
            stored = [self._by_id[event_id] for event_id in event_ids]
            if linked := [each.event.id for each in stored if stream in each.shown_in]:
                raise EventAlreadyLinked(linked, stream=stream)
            first = self._version(stream) + 1
            self._show(stored, stream, written_here=False, now=(linked_at or datetime.now(UTC)).astimezone(UTC))
            return first

    def read(self, selection: Selection) -> list[RecordedEvent[Any]]:
        with self._lock:
            return [self._recorded(each, selection) for each in self._selected(selection)]

    def count(self, selection: Selection) -> int:
        with self._lock:
            return sum(1 for _ in self._selected(selection))

    def streams_of(self, event_id: UUID) -> list[StreamPosition]:
        with self._lock:
            if event_id not in self._by_id:
                raise EventNotFound([event_id])
            places = self._by_id[event_id].shown_in.values()
            return sorted(places, key=lambda place: (not place.written_here, place.linked_at, place.stream))

    def positions_of(self, event_id: UUID, *, streams: frozenset[str] | None = None) -> tuple[int, int | None]:
        with self._lock:
            stored = self._by_id.get(event_id)
            if stored is not None and streams is None:
                return stored.global_position, None
            for name in sorted(streams or ()):
                if stored is not None and name in stored.shown_in:
                    return stored.global_position, stored.shown_in[name].position
            raise EventNotFound([event_id], streams=streams)

    def streams(self, selection: StreamSelection) -> list[StreamInfo]:
        with self._lock:
            names = sorted(
                (name for name in self._streams if self._is_listed(name, selection)), reverse=selection.backward
            )
            return [self._info(name) for name in names[: selection.limit]]

    def recently_changed_streams(self, limit: int) -> list[StreamInfo]:
        with self._lock:
            names = dict.fromkeys(name for each in reversed(self._events[-NEWEST:]) for name in sorted(each.shown_in))
            return [self._info(name) for name in islice(names, limit)]

    def categories(self, limit: int, *, after: str, count_up_to: int) -> list[CategoryInfo]:
        with self._lock:
            shown = Counter(category_of(name) for name in self._streams if self._version(name) >= 0)
        names = sorted(name for name in shown if name > after)[:limit]
        return [CategoryInfo(name, min(shown[name], count_up_to)) for name in names]

    def event_types(self) -> list[str]:
        with self._lock:
            return sorted({each.event.type for each in self._events})

    def delete_stream(self, stream: str, *, expected_version: ExpectedVersion) -> int:
        with self._lock:
            self._check_version(stream, expected_version)
            kept = self._streams.get(stream)
            if kept is None:
                return 0
            removed, kept.events = kept.events, []
            places = [each.shown_in.pop(stream) for each in removed]
            self._on_undo(lambda: self._put_back(stream, removed, places))
            return len(removed)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        with self._lock:
            begun_at = len(self._undo)
            self._depth += 1
            try:
                yield
            except BaseException:
                while len(self._undo) > begun_at:
                    self._undo.pop()()
                raise
            finally:
                self._depth -= 1
                if not self._depth:
                    self._undo.clear()

    # ---- writing

    def _check_streams(self, wanted: Mapping[str, ExpectedVersion], condition: AppendCondition | None) -> None:
        read = {} if condition is None else condition.versions
        for name in sorted({*wanted, *read}):
            if name in wanted:
                self._check_version(name, wanted[name])
            if condition is not None and name in read:
                self._check_unchanged(name, read[name], condition.types)

    def _check_version(self, stream: str, expected: ExpectedVersion) -> None:
        actual = self._version(stream)
        if not matches(expected, actual):
            raise WrongExpectedVersion(stream=stream, expected=expected, actual=actual)

    def _check_unchanged(self, stream: str, read: int, types: frozenset[str] | None) -> None:
        actual = self._version(stream)
        newer = self._streams[stream].events[read + 1 :] if actual > read else []
        if actual < read or any(types is None or each.event.type in types for each in newer):
            raise AppendConditionFailed(stream=stream, expected=read, actual=actual)

    def _version(self, stream: str) -> int:
        return len(self._streams[stream].events) - 1 if stream in self._streams else -1

    def _store(self, event: EncodedEvent, category: str, now: datetime) -> _Stored:
        self._last_global_position += 1
        stored = _Stored(event, category, self._last_global_position, now, event.valid_at or now)
        self._events.append(stored)
        self._by_id[event.id] = stored
        self._on_undo(lambda: (self._events.pop(), self._by_id.pop(event.id)))
        return stored

    def _show(self, stored: Iterable[_Stored], stream: str, *, written_here: bool, now: datetime) -> None:
        if stream not in self._streams:
            self._streams[stream] = _Stream(created_at=now)
            self._on_undo(lambda: self._streams.pop(stream))
        shown = self._streams[stream].events
        for each in stored:
            each.shown_in[stream] = StreamPosition(stream, len(shown), written_here, now)
            shown.append(each)
            self._on_undo(lambda: shown.pop().shown_in.pop(stream))

    def _put_back(self, stream: str, removed: list[_Stored], places: list[StreamPosition]) -> None:
        self._streams[stream].events = removed
        for each, place in zip(removed, places, strict=True):
            each.shown_in[stream] = place

    def _on_undo(self, undo: Callable[[], object]) -> None:
        if self._depth:
            self._undo.append(undo)

    # ---- reading

    def _selected(self, selection: Selection) -> Iterator[_Stored]:
        def position(each: _Stored) -> int:
            return each.global_position if selection.stream is None else each.shown_in[selection.stream].position

        def key(each: _Stored) -> tuple[datetime, int]:
            return _time(each, selection.order), position(each)

        events = self._between(selection, position)
        if selection.event_ids is not None:
            wanted = frozenset(selection.event_ids)
            events = [each for each in events if each.event.id in wanted]
        if selection.order is not Order.POSITION:
            events = sorted(events, key=key)
        if selection.backward:
            events = events[::-1]
        chosen = (each for each in events if _is_wanted(each, selection))
        if selection.beyond is not None:
            beyond = selection.beyond
            chosen = (each for each in chosen if (key(each) < beyond if selection.backward else key(each) > beyond))
        return islice(chosen, selection.limit)

    def _between(self, selection: Selection, position: Callable[[_Stored], int]) -> list[_Stored]:
        events = self._events
        if selection.stream is not None:
            events = self._streams[selection.stream].events if selection.stream in self._streams else []
        start, end = 0, len(events)
        if (after := selection.after) is not None:
            start = (bisect_left if after.inclusive else bisect_right)(events, after.value, key=position)
        if (before := selection.before) is not None:
            end = (bisect_right if before.inclusive else bisect_left)(events, before.value, key=position)
        return events[start:end]

    def _recorded(self, stored: _Stored, selection: Selection) -> RecordedEvent[Any]:
        event = stored.event
        place = stored.written_to if selection.stream is None else stored.shown_in[selection.stream]
        data = event.data.decode()
        metadata: Any = event.metadata.decode()
        return RecordedEvent(
            id=event.id,
            type=event.type,
            schema_version=event.schema_version,
            data=data if selection.as_json else decode(event.type, data, event_id=event.id),
            metadata=metadata if selection.as_json else decode_plain(metadata),
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            recorded_at=stored.recorded_at,
            valid_at=stored.valid_at,
            global_position=stored.global_position,
            stream=None if place is None else place.stream,
            position=None if place is None else place.position,
        )

    def _is_listed(self, name: str, selection: StreamSelection) -> bool:
        return (
            self._version(name) >= 0
            and name.startswith(selection.prefix)
            and selection.category in (None, category_of(name))
            and (selection.after is None or name > selection.after)
            and (selection.before is None or name < selection.before)
        )

    def _info(self, name: str) -> StreamInfo:
        return StreamInfo(name, category_of(name), self._version(name), self._streams[name].created_at)


def _is_wanted(stored: _Stored, selection: Selection) -> bool:
    event = stored.event
    return (
        (selection.streams is None or not selection.streams.isdisjoint(stored.shown_in))
        and selection.category in (None, stored.category)
        and (selection.types is None or event.type in selection.types)
        and event.type not in selection.excluded_types
        and selection.correlation_id in (None, event.correlation_id)
        and selection.causation_id in (None, event.causation_id)
        and _is_in_time(_time(stored, selection.order), selection.newer_than, selection.older_than)
        and all(_holds(event.data, each) for each in selection.data)
        and all(_holds(event.metadata, each) for each in selection.metadata)
    )


def _time(stored: _Stored, order: Order) -> datetime:
    return stored.valid_at if order is Order.VALID_AT else stored.recorded_at


def _is_in_time(time: datetime, newer: Bound[datetime] | None, older: Bound[datetime] | None) -> bool:
    if newer is not None and (time < newer.value or (time == newer.value and not newer.inclusive)):
        return False
    return older is None or time < older.value or (time == older.value and older.inclusive)


def _holds(text: bytes, wanted: JsonValue) -> bool:
    found = decode_plain(text)
    for key in wanted.path:
        found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
    if found is _ABSENT or wanted.comparison == "exists":
        return found is not _ABSENT
    # true is 1 for Python.
    is_equal = isinstance(found, bool) is isinstance(wanted.value, bool) and bool(found == wanted.value)
    if wanted.comparison in ("=", "!="):
        return is_equal is (wanted.comparison == "=")
    return _kind(found) is _kind(wanted.value) is not None and _COMPARED[wanted.comparison](found, wanted.value)


def _kind(value: Any) -> type | None:
    """What can be less or greater than another one of its kind."""
    if isinstance(value, bool):
        return None
    return str if isinstance(value, str) else float if isinstance(value, (int, float)) else None
