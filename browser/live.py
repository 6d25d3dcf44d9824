"""Lists of events that go on by themselves: where they stand, and what brings the next rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.decorators import method_decorator

from browser.cursors import SIZES, Page, position_asked
from event_store import HorizonUnavailable, event_store

MOST_ROWS = 500
NOT_FILTERS = ("before", "after", "from", "size")
AFTER, MORE = "Es-After", "Es-More"


@dataclass(frozen=True)
class Live:
    """
    How a list of events is kept up to date.

    Attributes:
        is_on: the visitor asked for it (`?live=1`).
        tail: the URL that brings what is newer, with the filters of the page.
        after: the position up to which the page has shown everything; None while that is not known.
        is_at_head: the page begins with the newest event, so that newer ones belong on its top.
        switch, newest: query strings of the page with the other choice, and of its beginning.
        most: how many rows are kept.
    """

    is_on: bool
    tail: str
    after: int | None
    is_at_head: bool
    switch: str
    newest: str
    most: int = MOST_ROWS

    @classmethod
    def of(cls, request: HttpRequest, tail: str, head: int | None, *, most: int = MOST_ROWS) -> Live:
        is_on = is_live(request)
        return cls(
            is_on=is_on,
            tail=tail + _query(request, without=("live",), size=SIZES[-1]),
            after=head,
            # A form sends its empty fields, too.
            is_at_head=not any(request.GET.get(name) for name in ("before", "after", "from")),
            switch=_query(request, without=("live",)) if is_on else _query(request, live=1),
            newest=_query(request),
            most=most,
        )


def is_live(request: HttpRequest) -> bool:
    return request.GET.get("live") == "1"


def newest_final_position() -> int | None:
    """
    The global position of the newest event behind which none can appear any more; 0 for an empty store. None while
    that is not known: another transaction has published, and stays open.

    Raises: HorizonUnavailable.
    """
    newest = event_store.events.as_json().up_to_horizon().backward().first()
    if newest is not None:
        return newest.global_position
    return None if event_store.events.exists() else 0


def position_to_begin_at(request: HttpRequest) -> int | None:
    """For a page: up to where it may show events when it is live; None for as far as it sees."""
    try:
        return newest_final_position() if is_live(request) else None
    except HorizonUnavailable:
        return None


class TailMixin:
    """
    Makes a page of events, whose list goes on behind `?after=`, the fragment with the rows that are new there.

    It answers 200 with rows, newest first, or 204 when there are none; `Es-After` is the position to go on from, and
    `Es-More` says that there is more at once. Without a transaction of its own, it sees what is final in any isolation.
    """

    request: HttpRequest
    about = ""

    @method_decorator(transaction.non_atomic_requests)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if position_asked(request, "after") is None:
            raise Http404("after= is missing")
        try:
            return cast("HttpResponse", super().get(request, *args, **kwargs))  # type: ignore[misc]
        except HorizonUnavailable as unavailable:
            return HttpResponse(str(unavailable), status=503, content_type="text/plain; charset=utf-8")

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        page: Page[Any] = context["page"]
        response = HttpResponse(status=204)
        if page.rows:
            response = super().render_to_response(context, **options)  # type: ignore[misc]
        if page.later:
            response.headers[MORE] = "1"
        response.headers[AFTER] = str(self._goes_on_after(page, context["live"]))
        return response

    def restarts(self, head: int, after: int) -> bool:
        """Whether the list has begun anew since `after` was given out."""
        return False

    def _goes_on_after(self, page: Page[Any], live: Live) -> int:
        after, head = position_asked(self.request, "after") or 0, live.after or 0
        if page.later:
            return int(QueryDict(page.later.removeprefix("?"))["after"])
        return -1 if self.restarts(head, after) else max(after, head)


def _query(request: HttpRequest, *, without: tuple[str, ...] = (), **further: Any) -> str:
    kept = request.GET.copy()
    for name in (*NOT_FILTERS, *without):
        kept.pop(name, None)
    for name, value in further.items():
        kept[name] = str(value)
    return "?" + kept.urlencode()
