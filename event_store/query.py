"""Reading events: an immutable, lazy builder in the manner of a QuerySet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Self, TypeVar, cast, overload
from uuid import UUID

from msgspec.structs import asdict, replace

from event_store.asynchronous import async_twin, each_of
from event_store.backends.base import Backend, Bound, Comparison, Order, Selection
from event_store.events import Event, RecordedEvent
from event_store.exceptions import InvalidQuery, InvalidStreamName
from event_store.query_arguments import (
    json_comparison,
    json_values,
    position_or_event,
    time_bound,
    types_of,
    uuid_of,
    whole_number,
)
from event_store.streams import check_category, check_stream_name

D = TypeVar("D")
E = TypeVar("E", bound=Event)

BATCH_SIZE = 1000
TYPE_STREAM, CATEGORY_STREAM = "$type-", "$category-"
CORRELATION_STREAM, CAUSATION_STREAM = "$correlation-", "$causation-"


class EventQuery(Generic[D]):
    """
    Events of the store, in global order; of one stream after `in_stream`, in its order.

        event_store.events.in_stream("Order$42").of_type(MenuOffered).backward()[:10]

    Every method returns a new query; nothing is read before it is iterated or asked for a value. Iterating reads
    in batches by position, so it neither repeats nor skips events while others append. A query can be pickled: what
    is kept is what it asks, and the name of its store.
    """

    def __init__(self, backend: Backend, selection: Selection | None = None, *, store: str = "default") -> None:
        self._backend, self._store = backend, store
        self._selection = selection or Selection()

    # ---- which events

    def in_stream(self, stream: str) -> Self:
        """
        Events shown in one stream, written there or linked.

        `$type-…`, `$category-…`, `$correlation-…` and `$causation-…` stand for `of_type`, `in_category`,
        `with_correlation_id` and `with_causation_id`; their events come in global order.

        Raises:
            InvalidStreamName: also for other names that start with `$`.
        """
        if isinstance(stream, str) and stream.startswith("$"):
            return self._in_derived_stream(stream)
        return self._with(stream=check_stream_name(stream), streams=None)

    def in_streams(self, *streams: str) -> Self:
        """Events that any of these streams shows, each once, in global order. Raises InvalidStreamName."""
        names = [check_stream_name(each, argument="streams") for each in streams]
        for name in names:
            if name.startswith("$"):
                raise InvalidStreamName(f"streams: {name!r} is a query of its own: read it with in_stream().")
        return self._with(stream=None, streams=frozenset(names))

    def in_category(self, category: str) -> Self:
        """Events that were written to a stream of this category (the part of its name before the first `$`). Raises InvalidStreamName."""
        return self._with(category=check_category(category))

    @overload
    def of_type(self, first: type[E], /) -> EventQuery[E]: ...
    @overload
    def of_type(self, first: type[E] | str, /, *others: type[E] | str) -> EventQuery[Any]: ...
    def of_type(self, first: Any, /, *others: Any) -> EventQuery[Any]:
        """Events of any of these classes (with their subclasses) or type names."""
        return cast("EventQuery[Any]", self._with(types=types_of("of_type", first, *others)))

    def not_of_type(self, first: type[Event] | str, /, *others: type[Event] | str) -> Self:
        """Events of none of these classes (with their subclasses) or type names."""
        excluded = types_of("not_of_type", first, *others)
        return self._with(excluded_types=self._selection.excluded_types | excluded)

    def with_ids(self, *event_ids: UUID | str) -> Self:
        """Events of these ids; ids that the store does not have are left out."""
        return self._with(event_ids=tuple(uuid_of("with_ids", each) for each in event_ids))

    def with_correlation_id(self, correlation_id: UUID | str) -> Self:
        """Events of one conversation."""
        return self._with(correlation_id=uuid_of("with_correlation_id", correlation_id))

    def with_causation_id(self, causation_id: UUID | str) -> Self:
        """Events that one event or command directly caused."""
        return self._with(causation_id=uuid_of("with_causation_id", causation_id))

    def with_data(self, values: Mapping[str, Any] | None = None, /, **fields: Any) -> Self:
        """
        Events whose data has these values: `with_data(menu_id="vegan", customer={"city": "Kraków"})`.

        Numbers are equal by value; texts, ids, dates and decimals as they are stored. Without an index every event
        that the rest of the query selects is looked at (PostgreSQL: see the GIN index in docs/reading.md).

        Raises:
            InvalidQuery: a value that is no scalar, or a key with quotes, backslashes or control characters; more
                than 100 values.
        """
        return self._with(data=json_values(self._selection.data, "with_data", values, fields))

    def where_data(self, path: str | Sequence[str], comparison: Comparison, value: Any = None, /) -> Self:
        """
        Events whose data compares so: `where_data("price", ">=", 20)`, `where_data(["customer", "city"], "exists")`.

        Args:
            path: a key, or the keys that lead to the value through nested objects.
            comparison: `=`; `!=` (there is a value, and another one); `<`, `<=`, `>`, `>=` (a number with numbers, a text
                with texts by code point); `exists` (there is a value, even null; `value` is not looked at).

        No index answers anything but `=`: narrow the query down by something else.

        Raises:
            InvalidQuery: as `with_data`; also for true, false or None where one would have to be less than the other.
        """
        return self._with(data=json_comparison(self._selection.data, "where_data", path, comparison, value))

    def with_metadata(self, values: Mapping[str, Any] | None = None, /, **fields: Any) -> Self:
        """Events whose metadata has these values, as `with_data`."""
        return self._with(metadata=json_values(self._selection.metadata, "with_metadata", values, fields))

    # ---- from where to where, in the order of the stream (or of the store), whatever the direction

    def after(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events behind a position (of the stream, or global) or an event; the bound itself is left out."""
        return self._with(after=position_or_event("after", bound))

    def after_or_equal(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events from a position or an event on, the bound itself included."""
        return self._with(after=position_or_event("after_or_equal", bound, inclusive=True))

    def before(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events ahead of a position (of the stream, or global) or an event; the bound itself is left out."""
        return self._with(before=position_or_event("before", bound))

    def before_or_equal(self, bound: int | UUID | RecordedEvent[Any]) -> Self:
        """Events up to a position or an event, the bound itself included."""
        return self._with(before=position_or_event("before_or_equal", bound, inclusive=True))

    def up_to_horizon(self) -> Self:
        """
        Only what is final: events behind which nothing can appear in global order any more, so that whoever goes on
        after the last one misses none. For exports, live pages and readers that keep a position of their own.

        Asked at the beginning of each reading, and of each `count`, `first` or `last`. Where others are writing it
        waits for them, 250 ms at most, and then leaves out what is not known to be final. In the order of one stream
        everything is final: after `in_stream` it changes nothing.

        Raises:
            HorizonUnavailable: when it is read on a standby, or in a REPEATABLE READ or SERIALIZABLE transaction.
        """
        return self._with(up_to_horizon=True)

    # ---- when: recorded, or valid after `as_of`

    def newer_than(self, time: datetime) -> Self:
        """Events recorded (after `as_of`: valid) later than this aware time."""
        return self._with(newer_than=time_bound("newer_than", time))

    def newer_than_or_equal(self, time: datetime) -> Self:
        """Events recorded (after `as_of`: valid) at this aware time or later."""
        return self._with(newer_than=time_bound("newer_than_or_equal", time, inclusive=True))

    def older_than(self, time: datetime) -> Self:
        """Events recorded (after `as_of`: valid) earlier than this aware time."""
        return self._with(older_than=time_bound("older_than", time))

    def older_than_or_equal(self, time: datetime) -> Self:
        """Events recorded (after `as_of`: valid) at this aware time or earlier."""
        return self._with(older_than=time_bound("older_than_or_equal", time, inclusive=True))

    def between(self, start: datetime, end: datetime) -> Self:
        """Events from `start` (included) to `end` (left out)."""
        return self.newer_than_or_equal(start).older_than(end)

    # ---- in which order, and how many

    def as_at(self) -> Self:
        """In the order of recording time; the position decides between equal times."""
        return self._with(order=Order.RECORDED_AT)

    def as_of(self) -> Self:
        """In the order of validity; the position decides between equal times. Bounds of time mean validity, too."""
        return self._with(order=Order.VALID_AT)

    def backward(self) -> Self:
        """The newest first."""
        return self._with(backward=True)

    def forward(self) -> Self:
        """The oldest first, as without it."""
        return self._with(backward=False)

    def limit(self, count: int) -> Self:
        """At most so many events (0 or more)."""
        count = whole_number("limit", count, least=0)
        current = self._selection.limit
        return self._with(limit=count if current is None else min(count, current))

    def __getitem__(self, index: slice) -> Self:
        """`[:n]` only: to go on from somewhere, use `after` or `before`, which need not count."""
        if not isinstance(index, slice) or index.start or index.step not in (None, 1) or index.stop is None:
            raise InvalidQuery("Only [:n] is possible: go on from an event or a position with after() or before().")
        return self.limit(index.stop)

    def as_json(self) -> EventQuery[str]:
        """`data` and `metadata` as the JSON text that the database keeps (PostgreSQL writes numbers its own way)."""
        return cast("EventQuery[str]", self._with(as_json=True))

    # ---- the answer

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
        return self._backend.count(self._with_positions())

    def exists(self) -> bool:
        return self.limit(1).as_json().first() is not None

    def batches(self, size: int = BATCH_SIZE) -> Iterator[list[RecordedEvent[D]]]:
        """Lists of up to `size` events, each read when it is asked for."""
        return self._read_batches(whole_number("size", size, least=1))

    def __iter__(self) -> Iterator[RecordedEvent[D]]:
        for batch in self._read_batches(BATCH_SIZE):
            yield from batch

    # ---- the same for `async`

    afirst = async_twin(first)
    alast = async_twin(last)
    acount = async_twin(count)
    aexists = async_twin(exists)

    async def abatches(self, size: int = BATCH_SIZE) -> AsyncIterator[list[RecordedEvent[D]]]:
        """`batches` for `async for`: one hop to a thread for each."""
        async for batch in each_of(self.batches(size)):
            yield batch

    async def aiterator(self, size: int = BATCH_SIZE) -> AsyncIterator[RecordedEvent[D]]:
        """The events one by one, read in batches of `size`."""
        async for batch in self.abatches(size):
            for event in batch:
                yield event

    def __aiter__(self) -> AsyncIterator[RecordedEvent[D]]:
        return self.aiterator()

    # ----

    def __repr__(self) -> str:
        unasked = Selection()
        asked = {name: value for name, value in asdict(self._selection).items() if value != getattr(unasked, name)}
        return f"<EventQuery {asked}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _query_of_store, (self._store, self._selection)

    def _in_derived_stream(self, name: str) -> Self:
        for prefix, narrowed in (
            (TYPE_STREAM, self.of_type),
            (CATEGORY_STREAM, self.in_category),
            (CORRELATION_STREAM, self.with_correlation_id),
            (CAUSATION_STREAM, self.with_causation_id),
        ):
            if name.startswith(prefix):
                return cast("Self", narrowed(name.removeprefix(prefix)))
        raise InvalidStreamName(
            f"stream: {name!r} starts with $, which the store keeps for itself; what can be read is "
            f"{TYPE_STREAM}…, {CATEGORY_STREAM}…, {CORRELATION_STREAM}… and {CAUSATION_STREAM}…"
        )

    def _read_batches(self, size: int) -> Iterator[list[RecordedEvent[D]]]:
        remaining = self._selection.limit
        if remaining == 0:
            return
        selection = self._with_positions()
        while remaining is None or remaining > 0:
            wanted = size if remaining is None else min(size, remaining)
            batch = self._backend.read(replace(selection, limit=wanted))
            if batch:
                yield batch
            if len(batch) < wanted:
                return
            remaining = None if remaining is None else remaining - wanted
            selection = _behind(selection, batch[-1])

    def _with_positions(self) -> Selection:
        """The selection with positions in place of events and the horizon as bounds, looked up once."""
        selection = self._selection
        if selection.after is None and selection.before is None and not selection.up_to_horizon:
            return selection
        after, before = self._with_position(selection.after), self._with_position(selection.before)
        if selection.up_to_horizon and selection.stream is None:
            before = _earlier(before, Bound(self._backend.horizon(), inclusive=True))
        return replace(selection, after=after, before=before, up_to_horizon=False)

    def _with_position(self, bound: Bound[int | UUID] | None) -> Bound[int | UUID] | None:
        if bound is None or isinstance(bound.value, int):
            return bound
        selection = self._selection
        streams = selection.streams if selection.stream is None else frozenset([selection.stream])
        in_store, in_stream = self._backend.positions_of(bound.value, streams=streams)
        position = in_store if selection.stream is None or in_stream is None else in_stream
        return Bound(position, bound.inclusive)

    def _with(self, **changes: Any) -> Self:
        return type(self)(self._backend, replace(self._selection, **changes), store=self._store)


def _earlier(end: Bound[Any] | None, other: Bound[Any]) -> Bound[Any]:
    if end is None or end.value + end.inclusive > other.value + other.inclusive:
        return other
    return end


def _behind(selection: Selection, event: RecordedEvent[Any]) -> Selection:
    position = event.global_position if selection.stream is None or event.position is None else event.position
    if selection.order is not Order.POSITION:
        time = event.valid_at if selection.order is Order.VALID_AT else event.recorded_at
        return replace(selection, beyond=(time, position))
    bound: Bound[int | UUID] = Bound(position)
    return replace(selection, before=bound) if selection.backward else replace(selection, after=bound)


def _query_of_store(store: str, selection: Selection) -> EventQuery[Any]:
    # Stores are made of queries: the other way round only when a pickled one comes back.
    from event_store.stores import event_stores

    return EventQuery(event_stores[store].backend, selection, store=store)
