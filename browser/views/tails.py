"""What is new in a list of events, as rows for the page that shows it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from browser.cursors import Page
from browser.live import TailMixin, newest_final_position
from browser.views.events import LogRow
from browser.views.search import EventLogView
from browser.views.stream import StreamView
from event_store.models import Stream


class EventTailView(TailMixin, EventLogView):
    """What has become final behind `?after=`, a global position, in a list of events with the same filters."""

    template_name = "browser/_event_tail.html"

    def final_position(self) -> int:
        return newest_final_position() or 0

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        if context["search"].errors:
            return HttpResponse(status=400)
        return HttpResponse(status=503) if context["is_too_slow"] else super().render_to_response(context, **options)

    def _windowed(self) -> Page[LogRow]:
        # What came since the last look is little, whatever the filters; only where it is told by the time does it matter.
        return super()._windowed() if self._is_guarded else self._unbounded()


class StreamTailView(TailMixin, StreamView):
    """What was written or linked behind `?after=`, a position of the stream. In a stream's order all is final."""

    template_name = "browser/_stream_tail.html"

    def final_position(self, stream: Stream) -> int:
        return stream.version

    def restarts(self, head: int, after: int) -> bool:
        # A stream that was deleted counts from 0 again.
        return head < after
