"""One stream, and what stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Subquery, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString

from browser.cursors import Page, page_by_number, page_by_window
from browser.live import Live, is_live
from browser.payload import Payload
from browser.search import without_empty
from browser.stream_filters import StreamFilters
from browser.views.base import EXPORT_EVENTS, VIEW_PROCESSES, BrowserView
from event_store import EventQuery, RecordedEvent, aggregate_class, category_of, event_store, process_managers
from event_store.models import Process, Stream, StreamLink

STREAM_WINDOW = 10_000


@dataclass(frozen=True)
class EventRow:
    """An event of a stream; `origin` is the link where it was written, None when that stream was deleted. `payload` if wanted."""

    event: RecordedEvent[str]
    origin: StreamLink | None
    summary: str
    payload: Payload | None = None

    @property
    def tree(self) -> SafeString:
        return self.payload.tree() if self.payload else SafeString("")

    @property
    def is_written_here(self) -> bool:
        return self.origin is not None and self.origin.stream.name == self.event.stream


class StreamView(BrowserView):
    """The events of a stream, newest first."""

    template_name = "browser/stream.html"
    section = "streams"
    obeys_policy = True
    about = "stream"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.name = kwargs["name"]
        self.filters = filters = StreamFilters(request.GET, self.name, self.sight)
        position = filters.position_of_time()
        if position is not None or filters.types != filters.typed:
            return HttpResponseRedirect("?" + self._with_whole_names(position))
        if any("" in values for _name, values in request.GET.lists()):
            return HttpResponseRedirect("?" + without_empty(request.GET))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        stream = self._stream()
        self.head = self.final_position(stream)
        page = self._windowed(stream) if self.filters.types else self._unbounded()
        page = page.showing([row for row in page.rows if self._shows(row)])
        return super().get_context_data(
            stream=stream,
            page=page,
            live=Live.of(self.request, self.url("stream_tail", self.name), self.head),
            process=Process(type=stream.category, key=self._key()) if stream.has_process else None,
            filters=self.filters,
            types_here=sorted({row.event.type for row in page.rows}),
            window=f"{STREAM_WINDOW:,}",
            may_export=self.may(EXPORT_EVENTS),
            export_query=self._export_query(),
            has_state=aggregate_class(stream.category) is not None,
            other_view=self._other_view(),
            **context,
        )

    def final_position(self, stream: Stream) -> int | None:
        """Up to where events are shown; None for all that can be seen."""
        return stream.version if is_live(self.request) else None

    def query(self) -> EventQuery[str]:
        """The events that the filters select."""
        query = self.filters.narrow(event_store.events.as_json().in_stream(self.name))
        return query if self.head is None else query.before_or_equal(self.head)

    def _unbounded(self) -> Page[EventRow]:
        return page_by_number(self.request, self._read, _position, start=self.filters.start)

    def _windowed(self, stream: Any) -> Page[EventRow]:
        # Nothing but the events themselves tells their types: a rare one in a long stream is looked for piece by piece.
        return page_by_window(
            self.request, self._read_between, _position, newest=lambda: int(stream.version), window=STREAM_WINDOW,
            start=self.filters.start,
        )  # fmt: skip

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[EventRow]:
        query = self.query()
        query = (
            query.after(after) if after is not None else (query if before is None else query.before(before)).backward()
        )
        return self._rows(query[:limit])

    def _read_between(self, low: int, high: int, backward: bool, limit: int) -> Sequence[EventRow]:
        end = high if self.head is None else min(high, self.head)
        query = self.query().after_or_equal(low).before_or_equal(end)
        return self._rows((query.backward() if backward else query)[:limit])

    def _rows(self, query: EventQuery[str]) -> list[EventRow]:
        events = list(query)
        origins = _origins(events)
        return [
            EventRow(
                event,
                origins.get(event.global_position),
                summary=self.sight.line(event) if self.may_see_data else "",
                payload=self.sight.payload(event) if self.may_see_data and self.filters.shows_data else None,
            )
            for event in events
        ]

    def _shows(self, row: EventRow) -> bool:
        return self.sight.stream(row.origin.stream.name if row.origin else None)

    def _stream(self) -> Any:
        """The stream with its first and its last event and whether it is a process's, in one query."""
        links = StreamLink.objects.filter(stream=OuterRef("pk")).select_related("event")
        first, last = links.filter(position=0), links.filter(position=OuterRef("version"))
        processes = Process.objects.filter(type=category_of(self.name), key=self._key())
        found = Stream.objects.filter(name=self.name).annotate(
            first_event=Subquery(first.values("event_id")[:1]),
            first_at=Subquery(first.values("event__recorded_at")[:1]),
            last_event=Subquery(last.values("event_id")[:1]),
            last_at=Subquery(last.values("event__recorded_at")[:1]),
            has_process=Exists(processes) if self._may_have_process() else Value(False),
        )
        stream: Any = found.first()
        if stream is None:
            raise Http404(f"There is no stream {self.name}")
        if self.sight.is_limited:
            shown = self.sight.of_events([stream.first_event, stream.last_event], lambda position: position or 0)
            stream.first_at = stream.first_at if stream.first_event in shown else None
            stream.last_at = stream.last_at if stream.last_event in shown else None
        return stream

    def _may_have_process(self) -> bool:
        return category_of(self.name) in process_managers and self.may(VIEW_PROCESSES)

    def _key(self) -> str:
        return str(self.name).partition("$")[2]

    def _with_whole_names(self, position: int | None) -> str:
        parameters = self.request.GET.copy()
        parameters.setlist("type", [str(each) for each in self.filters.types])
        if position is not None:
            parameters["from"] = str(position)
        return without_empty(parameters)

    def _other_view(self) -> str:
        """The query string of the same page with the payloads, or without them."""
        parameters = self.request.GET.copy()
        parameters["view"] = "full"
        if self.filters.shows_data:
            del parameters["view"]
        return "?" + parameters.urlencode()

    def _export_query(self) -> str:
        return urlencode([("type", str(each)) for each in self.filters.types])


def _position(row: EventRow) -> int:
    return row.event.position or 0


def _origins(events: Sequence[RecordedEvent[str]]) -> dict[int, StreamLink]:
    """Where each event was written, by its global position."""
    links = StreamLink.objects.filter(event__in=[each.global_position for each in events], written_here=True)
    return {link.event_id: link for link in links.select_related("stream")}
