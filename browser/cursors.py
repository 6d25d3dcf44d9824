"""Pages by position: what comes next is asked for by the last row that was seen, never by counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

T = TypeVar("T")
SIZES = (50, 100, 200)
MOST_FOUND = 20


@dataclass(frozen=True)
class Page(Generic[T]):
    """
    Rows newest first (or in the list's own order), and the query strings of the neighbouring pages, "" for none.

    `goes_on`: the page begins somewhere in the list, so that no rows does not mean no list.
    `leaves_out`: rows that the visitor may not see were read and left out; the cursors go by what was read.
    """

    rows: Sequence[T]
    size: int
    earlier: str
    later: str
    first: str
    last: str
    goes_on: bool = False
    leaves_out: bool = False

    def showing(self, rows: Sequence[T]) -> Page[T]:
        """The same page with these of its rows."""
        return replace(self, rows=rows, leaves_out=len(rows) < len(self.rows))


@dataclass(frozen=True)
class Found(Generic[T]):
    """The first results; `is_more` when there are others."""

    rows: Sequence[T]
    is_more: bool


def first_of(found: Sequence[T], most: int = MOST_FOUND) -> Found[T]:
    """The first `most` of what was found, of which one more was asked for."""
    return Found(found[:most], is_more=len(found) > most)


def page_size(request: HttpRequest) -> int:
    """50, 100 or 200 rows."""
    wanted = request.GET.get("size", "")
    return int(wanted) if wanted in map(str, SIZES) else SIZES[0]


def page_by_number(
    request: HttpRequest,
    read: Callable[[int | None, int | None, int], Sequence[T]],
    number_of: Callable[[T], int],
) -> Page[T]:
    """
    A page of rows that are numbered, newest first.

    Args:
        read: (before, after, limit) gives rows newest first below `before`, or oldest first above `after`.
        number_of: a row's number.
    """
    size = page_size(request)
    after = _number(request, "after")
    if after is not None:
        found = list(read(None, after, size + 1))
        rows = found[:size][::-1]
        return _page(request, rows, number_of, size, has_later=len(found) > size, has_earlier=True)
    before = _number(request, "before")
    found = list(read(before, None, size + 1))
    return _page(request, found[:size], number_of, size, has_later=before is not None, has_earlier=len(found) > size)


def page_by_key(
    request: HttpRequest, read: Callable[[str | None, int], Sequence[T]], key_of: Callable[[T], str]
) -> Page[T]:
    """A page of rows in the order of a key; only forward, and back to the first."""
    size, start = page_size(request), request.GET.get("from")
    found = list(read(start, size + 1))
    later = _query(request, **{"from": key_of(found[size - 1])}) if len(found) > size else ""
    return Page(found[:size], size, "", later, _query(request) if start else "", "", bool(start))


def _page(
    request: HttpRequest,
    rows: Sequence[T],
    number_of: Callable[[T], int],
    size: int,
    *,
    has_later: bool,
    has_earlier: bool,
) -> Page[T]:
    goes_on = "before" in request.GET or "after" in request.GET
    return Page(
        rows,
        size,
        earlier=_query(request, before=number_of(rows[-1])) if rows and has_earlier else "",
        later=_query(request, after=number_of(rows[0])) if rows and has_later else "",
        first=_query(request, after=-1) if has_earlier else "",
        last=_query(request) if has_later or (goes_on and not rows) else "",
        goes_on=goes_on,
    )


def _query(request: HttpRequest, **position: Any) -> str:
    kept = [
        (name, value)
        for name, values in request.GET.lists()
        if name not in ("before", "after", "from")
        for value in values
    ]
    return "?" + urlencode([*kept, *position.items()])


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise Http404(f"{name}={text} is not a position") from None
    if not -1 <= number < 2**63:
        raise Http404(f"{name}={text} is not a position")
    return number
