"""All events, and the page of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import first_of, page_by_number
from browser.json_tree import json_tree, summary
from browser.type_names import beginning_with, named
from browser.views.base import VIEW_EVENTS, VIEW_PAYLOAD, VIEW_PROCESSES, BrowserView, no_store, uuid_or_none
from event_store import RecordedEvent, event_store
from event_store.models import IssuedCommand, ProcessStep, StoredEvent

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


def log_rows(events: Iterable[RecordedEvent[str]], *, with_payload: bool) -> list[LogRow]:
    return [LogRow(event, summary(event.data) if with_payload else "") for event in events]


class EventLogView(BrowserView):
    """Every event, newest first; `?type=` (whole or short) and `?correlation=` (a conversation's id) narrow it down."""

    template_name = "browser/events.html"
    section = "events"

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
            page=page_by_number(self.request, read, lambda row: row.event.global_position),
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
        return log_rows(query[:limit], with_payload=self.may_see_payload)


class EventView(BrowserView):
    template_name = "browser/event.html"
    section = "events"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        event = _event_or_404(context["event_id"])
        command = self._causing_command(event)
        metadata = str(event.metadata)
        return super().get_context_data(
            event=event,
            data=json_tree(event.data) if self.may_see_payload else "",
            event_metadata=json_tree(metadata) if self.may_see_payload and metadata != "{}" else "",
            streams=event_store.streams_of(event.id)[:MOST_STREAMS],
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
        return commands.filter(command_id=event.causation_id).first()

    def _causing_event(self, event: RecordedEvent[str], command: IssuedCommand | None) -> StoredEvent | None:
        if command is not None:
            return command.step.event
        if event.causation_id is None:
            return None
        return StoredEvent.objects.defer("data", "metadata").filter(event_id=event.causation_id).first()

    def _effects(self, event: RecordedEvent[str]) -> list[Effect]:
        commands = {each.command_id: each for each in self._commands_of(event)}
        caused = (
            StoredEvent.objects.defer("data", "metadata")
            .filter(causation_id__in=[event.id, *commands])
            .order_by("global_position")[: MOST_EFFECTS + 1]
        )
        return [
            Effect(each, commands.get(each.causation_id or UUID(int=0)), each.recorded_at - event.recorded_at)
            for each in caused
        ]

    def _commands_of(self, event: RecordedEvent[str]) -> list[IssuedCommand]:
        if not self.may(VIEW_PROCESSES):
            return []
        commands = IssuedCommand.objects.select_related("process", "step").filter(step__event=event.global_position)
        return list(commands[:MOST_EFFECTS])

    def _steps(self, event: RecordedEvent[str]) -> list[ProcessStep]:
        if not self.may(VIEW_PROCESSES):
            return []
        return list(ProcessStep.objects.select_related("process").filter(event=event.global_position)[:MOST_EFFECTS])


class RawEventView(BrowserView):
    """The stored JSON of an event, digit for digit."""

    permission_required = (VIEW_EVENTS, VIEW_PAYLOAD)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        event = _event_or_404(kwargs["event_id"])
        text = f'{{"data": {event.data}, "metadata": {event.metadata}}}\n'
        return no_store(HttpResponse(text, content_type="application/json"))


def _with_type(request: HttpRequest, type_name: str) -> str:
    parameters = request.GET.copy()
    parameters["type"] = type_name
    return parameters.urlencode()


def _nothing(before: int | None, after: int | None, limit: int) -> Sequence[LogRow]:
    return []


def _event_or_404(event_id: UUID) -> RecordedEvent[str]:
    event = event_store.events.as_json().with_ids(event_id).first()
    if event is None:
        raise Http404(f"There is no event {event_id}")
    return event
