"""Streams, and what stands in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import page_by_key, page_by_number
from browser.views.base import VIEW_PROCESSES, BrowserView
from event_store import RecordedEvent, end_of_prefix, event_store, process_managers
from event_store.models import Process, Stream, StreamLink

M = TypeVar("M", bound=Model)
LONGEST_NAME = 255


def names_with_prefix(queryset: QuerySet[M], prefix: str, *, field: str = "name") -> QuerySet[M]:
    """Rows whose name begins so, as a range of the index."""
    end = end_of_prefix(prefix)
    below = {} if end is None else {f"{field}__lt": end}
    return queryset.filter(**{f"{field}__gte": prefix}, **below)


@dataclass(frozen=True)
class StreamRow:
    stream: Stream
    last_event: StreamLink | None

    @property
    def events(self) -> int:
        return self.stream.version + 1


@dataclass(frozen=True)
class EventRow:
    """An event of a stream; `origin` is the link where it was written, None when that stream was deleted."""

    event: RecordedEvent[str]
    origin: StreamLink | None
    summary: str

    @property
    def is_written_here(self) -> bool:
        return self.origin is not None and self.origin.stream.name == self.event.stream


class StreamListView(BrowserView):
    template_name = "browser/streams.html"
    section = "streams"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.prefix = self.request.GET.get("prefix", "").replace("\0", "")
        self.category = self.request.GET.get("category", "").replace("\0", "")
        page = page_by_key(self.request, self._read, self._key)
        page = page.showing([row for row in page.rows if self.sight.stream(row.stream.name)])
        return super().get_context_data(page=page, prefix=self.prefix, category=self.category, **context)

    def _read(self, start: str | None, limit: int) -> list[StreamRow]:
        streams = Stream.objects.filter(version__gte=0)
        if self.prefix:
            streams = names_with_prefix(streams, self.prefix)
        if self.category:
            streams = streams.filter(category=self.category)
        if start:
            streams = streams.filter(name__gt=_name_at(start.replace("\0", "")))
        found = list(streams.order_by("name")[:limit])
        links = self.sight.of_events(_newest_links(found), lambda link: link.event_id)
        newest = {link.stream_id: link for link in links}
        return [StreamRow(stream, newest.get(stream.pk)) for stream in found]

    def _key(self, row: StreamRow) -> str:
        # Where the next page begins must not tell the name of a stream that is left out.
        return row.stream.name if self.sight.stream(row.stream.name) else f"${row.stream.pk}"


class StreamView(BrowserView):
    """The events of a stream, newest first."""

    template_name = "browser/stream.html"
    section = "streams"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.name = context["name"]
        stream = Stream.objects.filter(name=self.name).first()
        if stream is None:
            raise Http404(f"There is no stream {self.name}")
        page = page_by_number(self.request, self._read, lambda row: row.event.position or 0)
        page = page.showing([row for row in page.rows if self._shows(row)])
        return super().get_context_data(stream=stream, page=page, process=self._process(), **context)

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[EventRow]:
        query = event_store.events.as_json().in_stream(self.name)
        query = (
            query.after(after) if after is not None else (query if before is None else query.before(before)).backward()
        )
        events = list(query[:limit])
        origins = _origins(events)
        return [
            EventRow(
                event,
                origins.get(event.global_position),
                summary=self.sight.line(event) if self.may_see_data else "",
            )
            for event in events
        ]

    def _shows(self, row: EventRow) -> bool:
        return self.sight.stream(row.origin.stream.name if row.origin else None)

    def _process(self) -> Process | None:
        category, _, key = self.name.partition("$")
        if category not in process_managers or not self.may(VIEW_PROCESSES):
            return None
        return Process.objects.filter(type=category, key=key).first()


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
        return HttpResponseRedirect(f"{self.url('event', event.id)}")


def _name_at(start: str) -> str:
    """The name that a page goes on after, which may be told by `$` and the row's number: no name of a user's begins so."""
    number = start.removeprefix("$")
    if number == start or not number.isascii() or not number.isdigit() or int(number) >= 2**63:
        return start
    return Stream.objects.filter(pk=int(number)).values_list("name", flat=True).first() or start


def _newest_links(streams: Sequence[Stream]) -> list[StreamLink]:
    links = StreamLink.objects.filter(stream__in=[each.pk for each in streams], position=F("stream__version"))
    only = ("stream_id", "position", "linked_at", "event__type", "event__event_id")
    return list(links.select_related("event").only(*only))


def _origins(events: Sequence[RecordedEvent[str]]) -> dict[int, StreamLink]:
    """Where each event was written, by its global position."""
    links = StreamLink.objects.filter(event__in=[each.global_position for each in events], written_here=True)
    return {link.event_id: link for link in links.select_related("stream")}
