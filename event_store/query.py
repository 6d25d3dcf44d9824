"""Reading: an immutable, lazy builder in the manner of a QuerySet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar, cast, overload
from uuid import UUID

from event_store.backends.base import Backend, Selection
from event_store.events import Event, RecordedEvent, event_types
from event_store.exceptions import InvalidQuery
from event_store.streams import check_stream_name

D = TypeVar("D")
E = TypeVar("E", bound=Event)

BATCH_SIZE = 500
MAX_POSITION = 2**63 - 1


class EventQuery(Generic[D]):
    """
    Events of the store, in global order; of one stream after `in_stream`, in its order.

        event_store.events.in_stream("Order$42").of_type(MenuOffered).backward()[:10]

    Every method returns a new query; nothing is read before it is iterated or asked for a value. Iterating reads
    in batches by position, so it neither repeats nor skips events while others append.
    """

    def __init__(self, backend: Backend, selection: Selection | None = None) -> None:
        self._backend = backend
        self._selection = selection or Selection()

    def in_stream(self, stream: str) -> Self:
        """Events shown in one stream, written there or linked. Raises InvalidStreamName."""
        return self._with(stream=check_stream_name(stream))

    @overload
    def of_type(self, first: type[E], /) -> EventQuery[E]: ...
    @overload
    def of_type(self, first: type[E] | str, /, *others: type[E] | str) -> EventQuery[Any]: ...
    def of_type(self, first: Any, /, *others: Any) -> EventQuery[Any]:
        """Events of any of these classes (with their subclasses) or type names."""
        types = frozenset().union(*(_types_named_by(each) for each in (first, *others)))
        return cast("EventQuery[Any]", self._with(types=types))

    def with_ids(self, *event_ids: UUID | str) -> Self:
        """Events of these ids; ids that the store does not have are left out."""
        return self._with(event_ids=tuple(_uuid(each) for each in event_ids))

    def after(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events behind a position (of the stream, or global) or an event; the bound itself is left out."""
        return self._with(after=_bound("after", bound))

    def before(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events ahead of a position (of the stream, or global) or an event; the bound itself is left out."""
        return self._with(before=_bound("before", bound))

    def backward(self) -> Self:
        """The newest first."""
        return self._with(backward=True)

    def forward(self) -> Self:
        """The oldest first, as without it."""
        return self._with(backward=False)

    def limit(self, count: int) -> Self:
        """At most so many events (0 or more)."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InvalidQuery(f"limit: takes a whole number from 0, not {count!r}.")
        current = self._selection.limit
        return self._with(limit=count if current is None else min(count, current))

    def as_json(self) -> EventQuery[str]:
        """`data` and `metadata` as the JSON text that the database keeps (PostgreSQL writes numbers its own way)."""
        return cast("EventQuery[str]", self._with(as_json=True))

    def first(self) -> RecordedEvent[D] | None:
        """The first event in the query's direction, or None."""
        return next(iter(self.limit(1)), None)

    def last(self) -> RecordedEvent[D] | None:
        """The last event in the query's direction, or None."""
        if self._selection.limit is not None:
            return next(reversed(list(self)), None)
        return self._with(backward=not self._selection.backward).first()

    def count(self) -> int:
        """How many events there are. It counts each one: bound it with `limit` where there may be many."""
        return self._backend.count(self._selection)

    def exists(self) -> bool:
        return self.first() is not None

    def batches(self, size: int = BATCH_SIZE) -> Iterator[list[RecordedEvent[D]]]:
        """Lists of up to `size` events, each read when it is asked for."""
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InvalidQuery(f"size: takes a whole number from 1, not {size!r}.")
        return self._read_batches(size)

    def __iter__(self) -> Iterator[RecordedEvent[D]]:
        for batch in self._read_batches(BATCH_SIZE):
            yield from batch

    def __getitem__(self, index: slice) -> Self:
        """`[:n]` only: to go on from somewhere, use `after` or `before`, which need not count."""
        if not isinstance(index, slice) or index.start or index.step not in (None, 1) or index.stop is None:
            raise InvalidQuery("Only [:n] is possible: go on from an event or a position with after() or before().")
        return self.limit(index.stop)

    def __repr__(self) -> str:
        asked = {name: value for name, value in vars(self._selection).items() if value not in (None, False)}
        return f"<EventQuery {asked}>"

    def _read_batches(self, size: int) -> Iterator[list[RecordedEvent[D]]]:
        selection = self._selection
        remaining = selection.limit
        while remaining is None or remaining > 0:
            wanted = size if remaining is None else min(size, remaining)
            batch = self._backend.read(replace(selection, limit=wanted))
            if batch:
                yield batch
            if len(batch) < wanted:
                return
            remaining = None if remaining is None else remaining - wanted
            selection = _behind(selection, batch[-1])

    def _with(self, **changes: Any) -> Self:
        return type(self)(self._backend, replace(self._selection, **changes))


def _behind(selection: Selection, event: RecordedEvent[Any]) -> Selection:
    position = event.global_position if selection.stream is None else event.position
    return replace(selection, before=position) if selection.backward else replace(selection, after=position)


def _types_named_by(event_class: object) -> frozenset[str]:
    if isinstance(event_class, str):
        return frozenset([event_class])
    if isinstance(event_class, type) and issubclass(event_class, Event):
        return event_types.types_of(event_class)
    raise InvalidQuery(f"of_type: takes event classes and type names, not {event_class!r}.")


def _bound(name: str, bound: object) -> int | UUID:
    if isinstance(bound, RecordedEvent):
        return bound.id
    if isinstance(bound, UUID):
        return bound
    if isinstance(bound, bool) or not isinstance(bound, int) or not -1 <= bound <= MAX_POSITION:
        raise InvalidQuery(f"{name}: takes a position (a whole number from -1), an event or its id, not {bound!r}.")
    return bound


def _uuid(value: object) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise InvalidQuery(f"with_ids: {value!r} is not a uuid.") from None
