"""All events, narrowed down by what they are and by what their data says."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from time import monotonic
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import Page, first_of, page_by_number, page_by_window, page_size
from browser.field_names import terms_for
from browser.live import Live, position_to_begin_at
from browser.newest_position import newest_position
from browser.search import SECONDS, WINDOW, EventSearch, without_empty
from browser.time_limit import TimeLimitReached, time_limit
from browser.type_names import beginning_with, named
from browser.views.base import EXPORT_EVENTS, BrowserView
from browser.views.events import LogRow, global_position, log_rows
from event_store import EventQuery, RecordedEvent, event_store

LOOKED_AT = 50
# For `where` of a visitor whom a policy limits: what is looked through for a page, and for each of its statements.
LIMITED_WINDOW, LIMITED_ROUND = 20_000, 5_000


class EventLogView(BrowserView):
    """Every event, newest first; `browser.search.FIELDS` narrow it down."""

    template_name = "browser/events.html"
    section = "events"
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.search = EventSearch(request.GET, self)
        if self.search.types != self.search.typed or self.search.has_new_quotes:
            return HttpResponseRedirect("?" + self.search.with_types(self.search.types))
        if any("" in values for _name, values in request.GET.lists()):
            return HttpResponseRedirect("?" + without_empty(request.GET))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        search = self.search
        unknown = "" if search.is_windowed else search.unknown_type
        self.head = self.final_position()
        page = None if search.errors or unknown else self._page()
        return super().get_context_data(
            page=page or Page((), page_size(self.request), "", "", "", ""),
            is_too_slow=page is None and not (search.errors or unknown),
            live=Live.of(self.request, self.url("tail"), self.head),
            search=search,
            type=next(iter(search.values["type"]), ""),
            unknown_type=unknown,
            candidates=first_of(self._candidates(unknown)) if unknown else None,
            fields=self._fields,
            seconds=SECONDS,
            may_export=self.may(EXPORT_EVENTS),
            window=f"{self._window:,}",
            **context,
        )

    def final_position(self) -> int | None:
        """Up to where events are shown; None for all that can be seen."""
        return position_to_begin_at(self.request)

    def _candidates(self, unknown: str) -> list[tuple[str, str]]:
        """Types that may be meant, with the query strings that ask for them instead."""
        known, terms = self.search.known_types, self.search.types
        return [
            (
                name,
                self.search.with_types([replace(each, name=name) if each.name == unknown else each for each in terms]),
            )
            for name in named(known, unknown) or beginning_with(known, unknown)
        ]

    def _fields(self) -> list[tuple[str, str]]:
        """Fields that the value alone may be meant for, with the query strings that look for it there."""
        if not (self.search.without_field and self.may_see_payload):
            return []
        # In place of the query for the page, which is not asked beside an error.
        events, types = event_store.events.as_json(), self.search.included
        newest = list((events.of_type(*types) if types else events).backward()[:LOOKED_AT])
        seen = self.sight.of_events(newest, lambda event: event.global_position)
        found = terms_for(self.search.without_field, (each.data for each in seen))
        return [(name, self.search.completed(term)) for name, term in found]

    @property
    def _is_guarded(self) -> bool:
        """Whether it must not be told, by no row, link or length of work, that hidden events have the values asked for."""
        return bool(self.search.values["where"]) and self.sight.is_limited

    @property
    def _window(self) -> int:
        return min(WINDOW, LIMITED_WINDOW) if self._is_guarded else WINDOW

    def _page(self) -> Page[LogRow] | None:
        """None when it took too long."""
        limit = nullcontext() if self.search.is_quick else time_limit(SECONDS, using=event_store.backend.using)
        try:
            with limit:
                page = self._windowed() if self.search.is_windowed or self._is_guarded else self._unbounded()
        except TimeLimitReached:
            return None
        return page.showing(self.sight.of_events(page.rows, global_position))

    def _unbounded(self) -> Page[LogRow]:
        return page_by_number(self.request, self._read, global_position)

    def _windowed(self) -> Page[LogRow]:
        read = self._read_guarded if self._is_guarded else self._read_between
        return page_by_window(self.request, read, global_position, newest=self._newest, window=self._window)

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[LogRow]:
        query = self.search.query if self.head is None else self.search.query.before_or_equal(self.head)
        query = (
            query.after(after) if after is not None else (query if before is None else query.before(before)).backward()
        )
        return log_rows(query[:limit], self)

    def _newest(self) -> int:
        return newest_position() if self.head is None else self.head

    def _read_between(self, low: int, high: int, backward: bool, limit: int) -> Sequence[LogRow]:
        return log_rows(self._between(low, high, backward)[:limit], self)

    def _read_guarded(self, low: int, high: int, backward: bool, limit: int) -> Sequence[LogRow]:
        """In rounds that ask for the same and as much whether hidden events match or not."""
        shown: list[RecordedEvent[str]] = []
        end = monotonic() + SECONDS
        for first, last in _rounds(low, min(high, self._newest()), backward):
            if monotonic() > end:
                raise TimeLimitReached
            seen = self.sight.seen_between(first, last)
            matching = next(self._between(first, last, backward).batches(LIMITED_ROUND), [])
            shown += [each for each in matching if each.global_position in seen]
            if len(shown) >= limit:
                break
        return log_rows(shown[:limit], self)

    def _between(self, low: int, high: int, backward: bool) -> EventQuery[str]:
        query = self.search.query.after_or_equal(low).before_or_equal(high)
        return query.backward() if backward else query


def _rounds(low: int, high: int, backward: bool) -> Sequence[tuple[int, int]]:
    """The first and the last number of each round."""
    if backward:
        return [(max(last - LIMITED_ROUND + 1, low), last) for last in range(high, low - 1, -LIMITED_ROUND)]
    return [(first, min(first + LIMITED_ROUND - 1, high)) for first in range(low, high + 1, LIMITED_ROUND)]
