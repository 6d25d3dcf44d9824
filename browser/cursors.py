"""Pages by position: what comes next is asked for by the last row that was seen, never by counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, QueryDict

T = TypeVar("T")
SIZES = (50, 100, 200)
MOST_FOUND = 20
MOST_BATCHES = 20
GREATEST = 2**63 - 1


@dataclass(frozen=True)
class Size:
    rows: int
    query: str
    is_current: bool


@dataclass(frozen=True)
class Searched:
    """The numbers that were looked through; `is_whole` when they were all there are in that direction."""

    lowest: int
    highest: int
    is_newest: bool
    is_whole: bool


@dataclass(frozen=True)
class Page(Generic[T]):
    """
    Rows newest first (or in the list's own order), and the query strings of the neighbouring pages, "" for none.

    `goes_on`: the page begins somewhere in the list, so that no rows does not mean no list.
    `leaves_out`: rows that the visitor may not see were read and left out; the cursors go by what was read.
    `searched`: only these were looked through, where not all were; `earlier` and `later` go on behind them.
    `sizes`: how many rows a page may have, with the query strings that ask for so many.
    """

    rows: Sequence[T]
    size: int
    earlier: str
    later: str
    first: str
    last: str
    goes_on: bool = False
    leaves_out: bool = False
    searched: Searched | None = None
    sizes: Sequence[Size] = ()

    @property
    def has_sizes(self) -> bool:
        """Whether another size would show anything else."""
        return bool(self.goes_on or self.earlier or self.later or len(self.rows) > SIZES[0])

    def showing(self, rows: Sequence[T]) -> Page[T]:
        """The same page with these of its rows."""
        return replace(self, rows=rows, leaves_out=self.leaves_out or len(rows) < len(self.rows))


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


def position_asked(request: HttpRequest, name: str) -> int | None:
    """The position that a parameter names, None without it. Raises Http404 for what is none."""
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise Http404(f"{name}={text} is not a position") from None
    if not -1 <= number <= GREATEST:
        raise Http404(f"{name}={text} is not a position")
    return number


def page_by_number(
    request: HttpRequest,
    read: Callable[[int | None, int | None, int], Sequence[T]],
    number_of: Callable[[T], int],
    *,
    start: int | None = None,
) -> Page[T]:
    """
    A page of rows that are numbered, newest first.

    Args:
        read: (before, after, limit) gives rows newest first below `before`, or oldest first above `after`.
        number_of: a row's number.
        start: the number to begin with, where the address names no place.
    """
    size = page_size(request)
    after = position_asked(request, "after")
    if after is not None:
        found = list(read(None, after, size + 1))
        rows = found[:size][::-1]
        return _page(request, rows, number_of, size, has_later=len(found) > size, has_earlier=True)
    before = _before(request, start)
    found = list(read(before, None, size + 1))
    return _page(request, found[:size], number_of, size, has_later=before is not None, has_earlier=len(found) > size)


def page_by_window(
    request: HttpRequest,
    read: Callable[[int, int, bool, int], Sequence[T]],
    number_of: Callable[[T], int],
    *,
    newest: Callable[[], int],
    window: int,
    start: int | None = None,
) -> Page[T]:
    """
    As `page_by_number`, but each page looks through `window` numbers at most, for what no index can find.

    Args:
        read: (low, high, backward, limit) gives the rows from `low` to `high`, both included, newest first if `backward`.
        newest: the greatest number that there is.
    """
    size, after, before = page_size(request), position_asked(request, "after"), _before(request, start)
    if after is not None:
        low, high, last = min(after + 1, GREATEST), min(after + window, GREATEST), newest()
        found = list(read(low, high, False, size + 1))
        page = _page(request, found[:size][::-1], number_of, size, has_later=len(found) > size, has_earlier=True)
        if len(found) > size:
            return page
        goes_on = _query(request, after=high) if high < last else ""
        return replace(page, later=goes_on, searched=Searched(low, min(high, last), high >= last, not goes_on))
    high = newest() if before is None else max(before - 1, -1)
    low = max(high - window + 1, 0)
    found = list(read(low, high, True, size + 1))
    page = _page(request, found[:size], number_of, size, has_later=before is not None, has_earlier=len(found) > size)
    if len(found) > size:
        return page
    goes_on = _query(request, before=low) if low > 0 else ""
    back = _query(request, after=high) if before is not None else ""
    return replace(page, earlier=goes_on, later=back, searched=Searched(low, high, before is None, not goes_on))


def _before(request: HttpRequest, start: int | None) -> int | None:
    before = position_asked(request, "before")
    return before if before is not None or start is None else min(start + 1, GREATEST)


def page_from_oldest(
    request: HttpRequest,
    read: Callable[[int | None, int | None, int], Sequence[T]],
    number_of: Callable[[T], int],
    *,
    size: int | None = None,
) -> Page[T]:
    """
    A page of rows that are numbered, oldest first, from the beginning of the list.

    Args:
        read: as for `page_by_number`: what is read below `before` comes newest first.
        size: how many rows; without it the visitor's choice.
    """
    sizes = [] if size else _sizes(request, page_size(request))
    size = size or page_size(request)
    before, after = position_asked(request, "before"), position_asked(request, "after")
    if before is not None:
        found = list(read(before, None, size + 1))
        rows, has_earlier, has_later = found[:size][::-1], len(found) > size, True
    else:
        found = list(read(None, -1 if after is None else after, size + 1))
        rows, has_earlier, has_later = found[:size], after is not None, len(found) > size
    return Page(
        rows,
        size,
        earlier=_query(request, before=number_of(rows[0])) if rows and has_earlier else "",
        later=_query(request, after=number_of(rows[-1])) if rows and has_later else "",
        first=_query(request) if has_earlier or (not rows and "after" in request.GET) else "",
        last=_query(request, before=GREATEST) if has_later else "",
        goes_on=before is not None or after is not None,
        sizes=sizes,
    )


def page_by_key(
    request: HttpRequest,
    read: Callable[[str | None, int], Sequence[T]],
    key_of: Callable[[T], str],
    *,
    size: int | None = None,
    shown: Callable[[Sequence[T]], Sequence[T]] | None = None,
    is_narrowed: bool = False,
) -> Page[T]:
    """
    A page of rows in the order of a key; only forward, and back to the first.

    Args:
        size: the page's own, not the visitor's.
        shown: the rows that the visitor may see; the others are passed over as if they were not there.
        is_narrowed: names were asked for, so that not even many rows passed over may be noticed: the list ends there.
    """
    sizes = [] if size else _sizes(request, page_size(request))
    size, start = size or page_size(request), request.GET.get("from")
    found, reached = (
        (list(read(start, size + 1)), "") if shown is None else _passing(read, key_of, shown, start, size + 1)
    )
    goes_on_at = key_of(found[size - 1]) if len(found) > size else "" if is_narrowed else reached
    later = _query(request, **{"from": goes_on_at}) if goes_on_at else ""
    first = _query(request) if start else ""
    leaves_out = bool(reached and later)
    return Page(found[:size], size, "", later, first, "", goes_on=bool(start), leaves_out=leaves_out, sizes=sizes)


def _passing(
    read: Callable[[str | None, int], Sequence[T]],
    key_of: Callable[[T], str],
    shown: Callable[[Sequence[T]], Sequence[T]],
    start: str | None,
    limit: int,
) -> tuple[list[T], str]:
    """The first rows that are shown; with the key of the last one read where the search was given up before the end."""
    found: list[T] = []
    for _batch in range(MOST_BATCHES):
        rows = read(start, limit)
        found += shown(rows)
        if len(found) >= limit or len(rows) < limit:
            return found[:limit], ""
        start = key_of(rows[-1])
    return found, start or ""


def _page(
    request: HttpRequest,
    rows: Sequence[T],
    number_of: Callable[[T], int],
    size: int,
    *,
    has_later: bool,
    has_earlier: bool,
) -> Page[T]:
    goes_on = not {"before", "after", "from"}.isdisjoint(request.GET)
    return Page(
        rows,
        size,
        earlier=_query(request, before=number_of(rows[-1])) if rows and has_earlier else "",
        later=_query(request, after=number_of(rows[0])) if rows and has_later else "",
        first=_query(request, after=-1) if has_earlier else "",
        last=_query(request) if has_later or (goes_on and not rows) else "",
        goes_on=goes_on,
        sizes=_sizes(request, size),
    )


def _sizes(request: HttpRequest, current: int) -> list[Size]:
    others = request.GET.copy()
    others.pop("size", None)
    return [Size(each, "?" + urlencode([*_pairs(others), ("size", each)]), each == current) for each in SIZES]


def _query(request: HttpRequest, **position: Any) -> str:
    kept = [(name, value) for name, value in _pairs(request.GET) if name not in ("before", "after", "from")]
    return "?" + urlencode([*kept, *position.items()])


def _pairs(parameters: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in parameters.lists() for value in values]
