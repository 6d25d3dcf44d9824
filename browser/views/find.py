"""One box for an id, a stream, a type or the key of a process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView
from browser.views.streams import names_with_prefix
from event_store import event_store
from event_store.models import IssuedCommand, Process, StoredEvent, Stream

MOST = 20


class FindView(BrowserView):
    """Goes straight to what is found exactly; otherwise lists what begins like it."""

    template_name = "browser/find.html"
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.wanted = request.GET.get("q", "").replace("\0", "").strip()
        target = self._exact() if self.wanted else ""
        if target:
            return HttpResponseRedirect(target)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            wanted=self.wanted,
            streams=self._streams() if self.wanted and self.may(VIEW_EVENTS) else [],
            processes=self._processes() if self.wanted and self.may(VIEW_PROCESSES) else [],
            **context,
        )

    def _exact(self) -> str:
        return (
            (self.may(VIEW_EVENTS) and self._exact_event())
            or (self.may(VIEW_PROCESSES) and self._exact_process())
            or ""
        )

    def _exact_event(self) -> str:
        event_id = _uuid(self.wanted)
        if event_id and event_store.events.as_json().with_ids(event_id).exists():
            return self.url("event", event_id)
        if Stream.objects.filter(name=self.wanted).exists():
            return self.url("stream", self.wanted)
        if StoredEvent.objects.filter(type=self.wanted).exists():
            return f"{self.url('events')}?{urlencode({'type': self.wanted})}"
        return ""

    def _exact_process(self) -> str:
        if command_id := _uuid(self.wanted):
            commands = IssuedCommand.objects.select_related("process").filter(command_id=command_id)
            found = [command.process for command in commands]
        else:
            found = list(Process.objects.filter(key=self.wanted)[:2])
        return self.url("process", found[0].type, found[0].key) if len(found) == 1 else ""

    def _streams(self) -> list[Stream]:
        return list(names_with_prefix(Stream.objects.all(), self.wanted).order_by("name")[:MOST])

    def _processes(self) -> list[Process]:
        return list(names_with_prefix(Process.objects.all(), self.wanted, field="key").order_by("key")[:MOST])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
