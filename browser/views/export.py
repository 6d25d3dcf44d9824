"""Downloads of events: of one stream, or of all that a search finds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from browser.cursors import GREATEST
from browser.export import BATCH, MOST, WRITERS, Row, Writer, exported, file_name, in_threads
from browser.hidden import Hidden
from browser.known_types import known_types
from browser.newest_position import newest_position
from browser.search import WINDOW, EventSearch, too_many
from browser.type_names import only_types, type_terms, whole_terms
from browser.views.base import EXPORT_EVENTS, VIEW_EVENTS, BrowserView, no_store
from event_store import EventQuery, RecordedEvent, event_store
from event_store.models import Stream

Events = list[RecordedEvent[str]]


class ExportView(BrowserView):
    """
    The oldest events first, `?limit=` of them at most, behind the position `?after=`.

    What it says in its last line is where the next file begins. What a visitor may not see is left out or hidden.
    """

    permission_required = (VIEW_EVENTS, EXPORT_EVENTS)
    section = "events"
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.limit = _number(request, "limit", least=1, otherwise=MOST)
        self.after = _number(request, "after", least=-1, otherwise=-1)
        if errors := self.find_errors():
            return self._instead("browser/refused.html", status=400, errors=errors)
        writer = WRITERS[kwargs["format"]]()
        parts = exported(self.batches(), shown=self._shown(), writer=writer, most=self.limit, following=self._following)
        is_async = isinstance(request, ASGIRequest)
        response = StreamingHttpResponse(in_threads(parts) if is_async else parts, content_type=writer.content_type)
        return self._as_file(response, writer)

    @abstractmethod
    def find_errors(self) -> Sequence[str]:
        """Why nothing can be exported, in words. Asked first."""

    @abstractmethod
    def batches(self) -> Iterator[Events]:
        """What is exported, oldest first, each batch read when it is asked for."""

    @abstractmethod
    def file_name(self) -> str:
        """Without an extension; whatever a stream can be named."""

    def position_of(self, event: RecordedEvent[str]) -> int:
        """What `?after=` means."""
        return event.global_position

    def _as_file(self, response: HttpResponse | StreamingHttpResponse, writer: Writer) -> Any:
        name = file_name(self.file_name(), writer.extension)
        response.headers["Content-Disposition"] = content_disposition_header(True, name)
        return no_store(response)  # type: ignore[arg-type]

    def _following(self, event: RecordedEvent[str]) -> str:
        parameters = self.request.GET.copy()
        parameters["after"] = str(self.position_of(event))
        return f"{self.request.path}?{parameters.urlencode()}"

    def _shown(self) -> Any:
        # Asked for now: the file is written when the visitor's language and permissions are no longer at hand.
        hidden = Hidden(_("needs the permission event_store.view_payload"))
        sees_data, sees_metadata = self.may_see_data, self.may_see_payload
        otherwise = Hidden() if sees_data else hidden

        def shown(events: Sequence[RecordedEvent[str]]) -> list[Row]:
            return [
                Row(
                    event,
                    self.sight.payload(event).text() if sees_data else hidden,
                    str(event.metadata) if sees_metadata else otherwise,
                )
                for event in self.sight.of_events(events, lambda each: each.global_position)
            ]

        return shown


class EventExportView(ExportView):
    """All that a search finds."""

    def find_errors(self) -> Sequence[str]:
        self.search = EventSearch(self.request.GET, self)
        return self.search.errors

    def batches(self) -> Iterator[Events]:
        if self.search.is_quick:
            return self.search.query.after(self.after).batches(BATCH)
        return in_windows(self.search.query, self.after, newest_position())

    def file_name(self) -> str:
        return "events"


class StreamExportView(ExportView):
    """What one stream shows; `?type=` narrows it down."""

    section = "streams"

    def find_errors(self) -> Sequence[str]:
        self.name = self.kwargs["name"]
        found = Stream.objects.filter(name=self.name).first()
        if found is None:
            raise Http404(f"There is no stream {self.name}")
        self.stream, self.types = found, type_terms(self.request.GET.getlist("type"))
        return too_many(self.types)

    def batches(self) -> Iterator[Events]:
        query = event_store.events.as_json().in_stream(self.name)
        if not self.types:
            return query.after(self.after).batches(BATCH)
        known = known_types(self.sight)
        return in_windows(only_types(query, whole_terms(self.types, known), known), self.after, self.stream.version)

    def file_name(self) -> str:
        return str(self.name)

    def position_of(self, event: RecordedEvent[str]) -> int:
        return event.position or 0


def in_windows(query: EventQuery[str], after: int, last: int) -> Iterator[Events]:
    """
    The events behind one position up to another, in batches.

    No statement looks through more than so many, however few it finds: a download that was cancelled ends between two.
    """
    for low in range(after + 1, last + 1, WINDOW):
        yield from query.after_or_equal(low).before_or_equal(low + WINDOW - 1).batches(BATCH)


def _number(request: HttpRequest, name: str, *, least: int, otherwise: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return otherwise
    try:
        number = int(text[:20])
    except ValueError:
        number = least - 1
    if not least <= number < GREATEST:
        raise Http404(f"{name}={text[:40]} is no number from {least}")
    return number
