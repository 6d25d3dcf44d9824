"""Listing streams: an immutable, lazy builder, as for events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from msgspec.structs import replace

from event_store.asynchronous import async_twin, each_of
from event_store.backends.base import Backend, StreamInfo, StreamSelection
from event_store.exceptions import InvalidQuery
from event_store.query_arguments import whole_number
from event_store.streams import check_category, check_stream_name

BATCH_SIZE = 1000


class StreamQuery:
    """
    Streams that show at least one event, by name, byte by byte.

        event_store.streams.in_category("Order").after("Order$42")[:50]
    """

    def __init__(self, backend: Backend, selection: StreamSelection | None = None) -> None:
        self._backend, self._selection = backend, selection or StreamSelection()

    def with_prefix(self, prefix: str) -> Self:
        """Streams whose name begins so; all for an empty one."""
        return self._with(prefix="" if prefix == "" else check_stream_name(prefix, argument="prefix"))

    def in_category(self, category: str) -> Self:
        """Streams of one category: what stands before the first `$` of their names."""
        return self._with(category=check_category(category))

    def after(self, name: str) -> Self:
        """Streams behind this name; the name itself, which need not exist, is left out."""
        return self._with(after=check_stream_name(name, argument="after"))

    def before(self, name: str) -> Self:
        """Streams ahead of this name; the name itself, which need not exist, is left out."""
        return self._with(before=check_stream_name(name, argument="before"))

    def backward(self) -> Self:
        """The last names first."""
        return self._with(backward=True)

    def limit(self, count: int) -> Self:
        """At most so many streams (0 or more)."""
        count, current = whole_number("limit", count, least=0), self._selection.limit
        return self._with(limit=count if current is None else min(count, current))

    def __getitem__(self, index: slice) -> Self:
        """`[:n]` only: to go on from somewhere, use `after`."""
        if not isinstance(index, slice) or index.start or index.step not in (None, 1) or index.stop is None:
            raise InvalidQuery("Only [:n] is possible: go on from a name with after() or before().")
        return self.limit(index.stop)

    def first(self) -> StreamInfo | None:
        return next(iter(self.limit(1)), None)

    def exists(self) -> bool:
        return self.first() is not None

    afirst = async_twin(first)
    aexists = async_twin(exists)

    def batches(self, size: int = BATCH_SIZE) -> Iterator[list[StreamInfo]]:
        """Lists of up to `size` streams, each read when it is asked for."""
        return self._read_batches(whole_number("size", size, least=1))

    def __iter__(self) -> Iterator[StreamInfo]:
        for batch in self._read_batches(BATCH_SIZE):
            yield from batch

    async def __aiter__(self) -> AsyncIterator[StreamInfo]:
        async for batch in each_of(self.batches()):
            for stream in batch:
                yield stream

    def _read_batches(self, size: int) -> Iterator[list[StreamInfo]]:
        selection, remaining = self._selection, self._selection.limit
        while remaining is None or remaining > 0:
            wanted = size if remaining is None else min(size, remaining)
            batch = self._backend.streams(replace(selection, limit=wanted))
            if batch:
                yield batch
            if len(batch) < wanted:
                return
            remaining = None if remaining is None else remaining - wanted
            last = batch[-1].name
            selection = replace(selection, before=last) if selection.backward else replace(selection, after=last)

    def _with(self, **changes: Any) -> Self:
        return type(self)(self._backend, replace(self._selection, **changes))
