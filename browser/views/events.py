"""All events, and the page of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import Page, first_of, page_by_number
from browser.hidden import Hidden
from browser.json_tree import json_text, json_tree
from browser.type_names import beginning_with, named
from browser.views.base import VIEW_EVENTS, VIEW_PAYLOAD, VIEW_PROCESSES, BrowserView, no_store, uuid_or_none
from event_store import RecordedEvent, event_store
from event_store.models import IssuedCommand, Process, ProcessStep, StoredEvent

MOST_EFFECTS = 50
MOST_STREAMS = 200


@dataclass(frozen=True)
class LogRow:
    event: RecordedEvent[str]
    summary: str


@dataclass(frozen=True)
class Effect:
    """An event that another one caused, directly or through a command."""

    event: StoredEvent
    command: IssuedCommand | None
    delay: timedelta


def global_position(row: LogRow) -> int:
    return row.event.global_position


def log_rows(events: Iterable[RecordedEvent[str]], view: BrowserView) -> list[LogRow]:
    """One row for each, for a page that leaves out those that `view.sight` does not show."""
    return [LogRow(event, view.sight.line(event) if view.may_see_data else "") for event in events]


class EventLogView(BrowserView):
    """Every event, newest first; `?type=` (whole or short) and `?correlation=` (a conversation's id) narrow it down."""

    template_name = "browser/events.html"
    section = "events"
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.type = request.GET.get("type", "").replace("\0", "").strip()
        self.conversation = request.GET.get("correlation", "").replace("\0", "").strip()
        self.correlation_id = uuid_or_none(self.conversation)
        known = event_store.event_types() if self.type else []
        self.types = named(known, self.type)
        self.similar = self.types or beginning_with(known, self.type)
        if len(self.types) == 1 and self.types != [self.type]:
            return HttpResponseRedirect("?" + _with_type(request, self.types[0]))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        is_exact = not self.type or self.types == [self.type]
        is_no_id = bool(self.conversation) and self.correlation_id is None
        read = self._read if is_exact and not is_no_id else _nothing
        return super().get_context_data(
            page=self._shown(page_by_number(self.request, read, global_position)),
            type=self.type,
            candidates=None if is_exact or not self.similar else first_of(self.similar),
            conversation=self.conversation,
            is_no_id=is_no_id,
            **context,
        )

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[LogRow]:
        query = event_store.events.as_json()
        if self.type:
            query = query.of_type(self.type)
        if self.correlation_id:
            query = query.with_correlation_id(self.correlation_id)
        query = (
            query.after(after) if after is not None else (query if before is None else query.before(before)).backward()
        )
        return log_rows(query[:limit], self)

    def _shown(self, page: Page[LogRow]) -> Page[LogRow]:
        return page.showing(self.sight.of_events(page.rows, global_position))


class EventView(BrowserView):
    template_name = "browser/event.html"
    section = "events"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        event = _event_or_404(context["event_id"])
        command = self._causing_command(event)
        metadata = str(event.metadata)
        return super().get_context_data(
            event=event,
            data=self.sight.payload(event).tree() if self.may_see_data else "",
            event_metadata=json_tree(metadata) if self.may_see_payload and metadata != "{}" else "",
            streams=[
                each for each in event_store.streams_of(event.id)[:MOST_STREAMS] if self.sight.stream(each.stream)
            ],
            cause=self._causing_event(event, command),
            command=command,
            effects=self._effects(event),
            steps=self._steps(event),
            **context,
        )

    def _causing_command(self, event: RecordedEvent[str]) -> IssuedCommand | None:
        if event.causation_id is None or not self.may(VIEW_PROCESSES):
            return None
        commands = IssuedCommand.objects.select_related("process", "step__event")
        command = commands.filter(command_id=event.causation_id).first()
        return command if command and self._shows(command.process) else None

    def _causing_event(self, event: RecordedEvent[str], command: IssuedCommand | None) -> StoredEvent | None:
        if command is not None:
            causes = [command.step.event]
        elif event.causation_id is None:
            causes = []
        else:
            causes = list(StoredEvent.objects.defer("data", "metadata").filter(event_id=event.causation_id))
        return next(iter(self.sight.of_events(causes, _pk)), None)

    def _effects(self, event: RecordedEvent[str]) -> list[Effect]:
        commands = {each.command_id: each for each in self._commands_of(event)}
        caused = (
            StoredEvent.objects.defer("data", "metadata")
            .filter(causation_id__in=[event.id, *commands])
            .order_by("global_position")[: MOST_EFFECTS + 1]
        )
        return [
            Effect(each, commands.get(each.causation_id or UUID(int=0)), each.recorded_at - event.recorded_at)
            for each in self.sight.of_events(list(caused), _pk)
        ]

    def _commands_of(self, event: RecordedEvent[str]) -> list[IssuedCommand]:
        if not self.may(VIEW_PROCESSES):
            return []
        commands = IssuedCommand.objects.select_related("process", "step").filter(step__event=event.global_position)
        return [each for each in commands[:MOST_EFFECTS] if self._shows(each.process)]

    def _steps(self, event: RecordedEvent[str]) -> list[ProcessStep]:
        if not self.may(VIEW_PROCESSES):
            return []
        steps = ProcessStep.objects.select_related("process").filter(event=event.global_position)
        return [each for each in steps[:MOST_EFFECTS] if self._shows(each.process)]

    def _shows(self, process: Process) -> bool:
        return self.sight.process(process.type, process.key)


class RawEventView(BrowserView):
    """The stored JSON of an event, digit for digit."""

    permission_required = (VIEW_EVENTS, VIEW_PAYLOAD)
    obeys_policy = True

    def may(self, *permissions: str) -> bool:
        # What a policy keeps back is left out of the text below, not of the page.
        return any(self.request.user.has_perm(each) for each in permissions)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        event = _event_or_404(kwargs["event_id"])
        metadata = json_text(str(Hidden())) if self.sight.hides_values else event.metadata
        text = f'{{"data": {self.sight.payload(event).text()}, "metadata": {metadata}}}\n'
        return no_store(HttpResponse(text, content_type="application/json"))


def _with_type(request: HttpRequest, type_name: str) -> str:
    parameters = request.GET.copy()
    parameters["type"] = type_name
    return parameters.urlencode()


def _pk(event: StoredEvent) -> int:
    return event.pk


def _nothing(before: int | None, after: int | None, limit: int) -> Sequence[LogRow]:
    return []


def _event_or_404(event_id: UUID) -> RecordedEvent[str]:
    event = event_store.events.as_json().with_ids(event_id).first()
    if event is None:
        raise Http404(f"There is no event {event_id}")
    return event
