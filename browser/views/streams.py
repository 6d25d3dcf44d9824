"""All streams, by name or by their last change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import F, FilteredRelation, Model, Q, QuerySet, Subquery, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import Page, page_by_key, page_size
from browser.search import SECONDS
from browser.time_limit import TimeLimitReached, time_limit
from browser.views.base import BrowserView
from event_store import end_of_prefix, event_store
from event_store.models import Stream

M = TypeVar("M", bound=Model)
LONGEST_NAME = 255
LOOKED_THROUGH = 100_000
MOST_CATEGORIES, COUNTED_UP_TO = 30, 1_000


def names_with_prefix(queryset: QuerySet[M], prefix: str, *, field: str = "name") -> QuerySet[M]:
    """Rows whose name begins so, as a range of the index."""
    end = end_of_prefix(prefix)
    below = {} if end is None else {f"{field}__lt": end}
    return queryset.filter(**{f"{field}__gte": prefix}, **below)


@dataclass(frozen=True)
class StreamRow:
    """A stream with the type and the time of its last event, which are None where the visitor may not see it."""

    stream: Stream
    last_type: str | None
    last_at: Any

    @property
    def events(self) -> int:
        return self.stream.version + 1


@dataclass(frozen=True)
class CategoryLink:
    name: str
    streams: str
    is_current: bool


class StreamListView(BrowserView):
    """
    `?prefix=` and `?category=` are ranges of indexes; `?contains=` looks through the newest streams; `?recent=1` lists the
    streams of the newest 1,000 events, the last changed one first.
    """

    template_name = "browser/streams.html"
    section = "streams"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.prefix, self.category, self.part = (self._asked(each) for each in ("prefix", "category", "contains"))
        is_recent = self.request.GET.get("recent") == "1"
        page = self._recent() if is_recent else self._by_name()
        return super().get_context_data(
            page=page or Page((), page_size(self.request), "", "", "", ""),
            is_too_slow=page is None,
            prefix=self.prefix,
            category=self.category,
            contains=self.part,
            is_recent=is_recent,
            categories=[] if is_recent or self.part else list(self._categories()),
            looked_through=f"{LOOKED_THROUGH:,}",
            seconds=SECONDS,
            **context,
        )

    def _asked(self, name: str) -> str:
        return self.request.GET.get(name, "").replace("\0", "")

    def _by_name(self) -> Page[StreamRow] | None:
        """None when it took too long."""
        # That rows were left out, or that a page goes on, would spell hidden names out, letter by letter.
        is_narrowed = bool(self.prefix or self.category or self.part)
        try:
            with time_limit(SECONDS, using=event_store.backend.using) if self.part else nullcontext():
                page = page_by_key(
                    self.request, self._read, self._key,
                    shown=self._shown if self.sight.is_limited and (is_narrowed or "from" in self.request.GET) else None,
                    is_narrowed=is_narrowed,
                )  # fmt: skip
        except TimeLimitReached:
            return None
        return page.showing(self._shown(page.rows))

    def _recent(self) -> Page[StreamRow]:
        size = page_size(self.request)
        names = [each.name for each in event_store.recently_changed_streams(size)]
        found = {each.name: each for each in _with_last_events(Stream.objects.filter(name__in=names))}
        rows = self._rows([found[name] for name in names if name in found])
        return Page(rows, size, "", "", "", "").showing(self._shown(rows))

    def _read(self, start: str | None, limit: int) -> list[StreamRow]:
        streams = Stream.objects.filter(version__gte=0)
        if self.prefix:
            streams = names_with_prefix(streams, self.prefix)
        if self.category:
            streams = streams.filter(category=self.category)
        if self.part:
            newest = Stream.objects.order_by("-pk").values("pk")[:1]
            streams = streams.filter(name__icontains=self.part, pk__gt=Subquery(newest) - Value(LOOKED_THROUGH))
        if start:
            streams = streams.filter(name__gt=_name_at(start.replace("\0", "")))
        return self._rows(list(_with_last_events(streams.order_by("name"))[:limit]))

    def _rows(self, streams: Sequence[Any]) -> list[StreamRow]:
        shown = set(self.sight.of_events([each.last_event for each in streams], lambda position: position or 0))
        return [
            StreamRow(each, each.last_type, each.last_at) if each.last_event in shown else StreamRow(each, None, None)
            for each in streams
        ]

    def _shown(self, rows: Sequence[StreamRow]) -> list[StreamRow]:
        return [row for row in rows if self.sight.stream(row.stream.name)]

    def _key(self, row: StreamRow) -> str:
        # Where the next page begins must not tell the name of a stream that is left out.
        return row.stream.name if self.sight.stream(row.stream.name) else f"${row.stream.pk}"

    def _categories(self) -> list[CategoryLink]:
        # A stream without a $ is a category of its own, which says nothing; nor does a number of streams that one may not see.
        if self.sight.is_limited:
            return []
        return [
            CategoryLink(each.name, _count(each.streams), each.name == self.category)
            for each in event_store.categories(MOST_CATEGORIES, count_up_to=COUNTED_UP_TO + 1)
            if each.streams > 1
        ]


class PositionView(BrowserView):
    """The event at a position of a stream: goes to its page."""

    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name, position = kwargs["name"], kwargs["position"]
        if not 0 < len(name) <= LONGEST_NAME or name.startswith("$") or position >= 2**63 - 1:
            raise Http404
        event = event_store.events.as_json().in_stream(name).after(position - 1).first()
        if event is None or event.position != position:
            raise Http404(f"There is no position {position} in stream {name}")
        if not self.sight.of_events([event], lambda each: each.global_position):
            return self._instead("browser/withheld.html", status=403)
        return HttpResponseRedirect(f"{self.url('event', event.id)}?{urlencode({'in': name})}")


def _name_at(start: str) -> str:
    """The name that a page goes on after, which may be told by `$` and the row's number: no name of a user's begins so."""
    number = start.removeprefix("$")
    is_number = number.isascii() and number.isdigit() and len(number) < 20
    if number == start or not is_number or int(number) >= 2**63:
        return start
    return Stream.objects.filter(pk=int(number)).values_list("name", flat=True).first() or start


def _with_last_events(streams: QuerySet[Stream]) -> QuerySet[Any]:
    """With `last_event` (its global position), `last_type` and `last_at` (when it was shown there)."""
    last = FilteredRelation("links", condition=Q(links__position=F("version")))
    return streams.annotate(last=last).annotate(
        last_event=F("last__event_id"), last_type=F("last__event__type"), last_at=F("last__linked_at")
    )


def _count(streams: int) -> str:
    return f"{COUNTED_UP_TO:,}+" if streams > COUNTED_UP_TO else str(streams)
