"""A conversation: everything that one message led to, in a picture and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import Http404

from browser.conversation import COMMAND, Message, rows_of
from browser.cursors import Page, page_from_oldest
from browser.swimlanes import swimlanes
from browser.views.base import VIEW_PROCESSES, BrowserView
from browser.views.swimlane import MOST_COMPARED
from event_store import RecordedEvent, event_store
from event_store.models import IssuedCommand

MOST_EVENTS = 200
MOST_COMMANDS = 200

Event = RecordedEvent[str]


class CorrelationView(BrowserView):
    """Its events, oldest first, with the commands between them; `?idle=1` does not fold idle time."""

    template_name = "browser/correlation.html"
    section = "events"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.correlation_id = context["correlation_id"]
        page = self._page()
        commands = self._commands(page.rows)
        rows = rows_of(page.rows, commands[:MOST_COMMANDS])
        streams = self._streams(page.rows)
        is_true_scale = self.request.GET.get("idle") == "1"
        return super().get_context_data(
            page=page,
            rows=[(row, self._summary(row.message)) for row in rows],
            picture=swimlanes(rows, true_scale=is_true_scale) if rows else None,
            is_true_scale=is_true_scale,
            commands=sum(1 for row in rows if row.message.kind == COMMAND),
            leaves_out_commands=len(commands) > MOST_COMMANDS,
            streams=streams,
            duration=rows[-1].message.moment - rows[0].message.moment if rows else None,
            opener=page.rows[0] if page.rows and not page.goes_on else None,
            compare_query=self._compare_query(page.rows, streams),
            place=self._place(),
            is_whole=not page.earlier and not page.later,
            **context,
        )

    def _page(self) -> Page[Event]:
        page = page_from_oldest(self.request, self._read, lambda event: event.global_position, size=MOST_EVENTS)
        if not page.rows and not page.goes_on:
            raise Http404(f"There is no conversation {self.correlation_id}: no event has this correlation id")
        return page.showing([each for each in page.rows if self.sight.stream(each.stream)])

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[Event]:
        query = event_store.events.as_json().with_correlation_id(self.correlation_id)
        query = query.before(before).backward() if before is not None else query.after(-1 if after is None else after)
        return list(query[:limit])

    def _commands(self, events: Sequence[Event]) -> list[IssuedCommand]:
        if not self.may(VIEW_PROCESSES):
            return []
        issued = IssuedCommand.objects.filter(step__event__in=[each.global_position for each in events])
        found = (
            issued.select_related("process", "step")
            .defer("data", "step__state_before", "step__intents", "process__last_error")
            .order_by("step__event", "pk")[: MOST_COMMANDS + 1]
        )
        return [each for each in found if self.sight.process(each.process.type, each.process.key)]

    def _summary(self, message: Message) -> str:
        return self.sight.line(message.event) if message.event and self.may_see_data else ""

    def _place(self) -> str:
        """What the address says of the page, but for the scale."""
        place = self.request.GET.copy()
        place.pop("idle", None)
        return place.urlencode()

    def _compare_query(self, events: Sequence[Event], streams: Sequence[str]) -> str:
        """The streams from here on: they may be much older than the conversation."""
        start = [("after", str(events[0].global_position - 1))] if events else []
        return urlencode([*(("s", each) for each in streams[:MOST_COMPARED]), *start])

    def _streams(self, events: Sequence[Event]) -> list[str]:
        return list(dict.fromkeys(each.stream for each in events if each.stream is not None))
