"""One box for an id, a stream, a type or the key of a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from browser.cursors import MOST_FOUND, first_of
from browser.known_types import known_types
from browser.type_names import beginning_with, named
from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView, uuid_or_none
from browser.views.streams import names_with_prefix
from event_store import EventQuery, event_store, process_managers
from event_store.models import IssuedCommand, Process, Stream

M = TypeVar("M", bound=Model)
COMMANDS_LOOKED_THROUGH = LOOKED_THROUGH_WHERE_LIMITED = 1_000


class FindView(BrowserView):
    """Goes straight to the one thing that is named exactly so; otherwise lists what begins so."""

    template_name = "browser/find.html"
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.wanted = request.GET.get("q", "").replace("\0", "").strip()
        targets = self._targets() if self.wanted else []
        if len(targets) == 1:
            return HttpResponseRedirect(targets[0])
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.wanted and self.may(VIEW_EVENTS):
            found["event_types"] = first_of(beginning_with(self._event_types, self.wanted))
            found["streams"] = first_of(self._streams)
        if self.wanted and self.may(VIEW_PROCESSES):
            found["process_types"] = first_of(beginning_with(self._process_types, self.wanted))
            found["processes"] = first_of(self._processes)
            found["commands"] = first_of(self._commands())
        return super().get_context_data(
            wanted=self.wanted,
            **found,
            is_nothing=not any(each.rows for each in found.values()),
            looked_through=COMMANDS_LOOKED_THROUGH,
            **context,
        )

    def _shows_stream(self, stream: Stream) -> bool:
        return self.sight.stream(stream.name)

    def _shows_process(self, process: Process) -> bool:
        return self.sight.process(process.type, process.key)

    # ---- what is named exactly so

    def _targets(self) -> list[str]:
        """URLs of the pages of all that is named exactly so."""
        by_id = self._targets_by_id(identifier) if (identifier := uuid_or_none(self.wanted)) else []
        return by_id or [*self._events_and_streams(), *self._types_and_keys()]

    def _targets_by_id(self, identifier: UUID) -> list[str]:
        if self.may(VIEW_EVENTS) and self._shows_any(event_store.events.with_ids(identifier)):
            return [self.url("event", identifier)]
        if self.may(VIEW_PROCESSES):
            for each in IssuedCommand.objects.select_related("process").filter(command_id=identifier):
                if not self._shows_process(each.process):
                    return []
                return [self.url("command", identifier)]
        if self.may(VIEW_EVENTS) and self._shows_any(event_store.events.with_correlation_id(identifier)):
            return [self.url("correlation", identifier)]
        return []

    def _shows_any(self, query: EventQuery[Any]) -> bool:
        if not self.sight.is_limited:
            return query.exists()
        found = list(query.as_json()[:LOOKED_THROUGH_WHERE_LIMITED])
        return bool(self.sight.of_events(found, lambda event: event.global_position))

    def _events_and_streams(self) -> list[str]:
        if not self.may(VIEW_EVENTS):
            return []
        streams = [self.url("stream", each.name) for each in self._exactly_so()]
        types = named(self._event_types, self.wanted)
        return streams + [f"{self.url('events')}?{urlencode({'type': each})}" for each in types]

    def _exactly_so(self) -> list[Stream]:
        return [each for each in self._streams if each.name == self.wanted]

    def _types_and_keys(self) -> list[str]:
        if not self.may(VIEW_PROCESSES):
            return []
        types = [self.url("process_type", each) for each in named(self._process_types, self.wanted)]
        keys = [each for each in self._processes if each.key == self.wanted]
        return types + [self.url("process", each.type, each.key) for each in keys]

    # ---- what begins so

    @cached_property
    def _event_types(self) -> list[str]:
        return known_types(self.sight)

    @cached_property
    def _process_types(self) -> list[str]:
        known = sorted(process_managers)
        if self.wanted in known or self.sight.is_limited or not Process.objects.filter(type=self.wanted).exists():
            return known
        return [*known, self.wanted]

    @cached_property
    def _streams(self) -> list[Stream]:
        # In the order of names the one that is named exactly so comes first.
        found = names_with_prefix(Stream.objects.all(), self.wanted).order_by("name")
        return self._first(found, self._shows_stream)

    @cached_property
    def _processes(self) -> list[Process]:
        found = names_with_prefix(Process.objects.all(), self.wanted, field="key")
        return self._first(found.order_by("key", "type"), self._shows_process)

    def _commands(self) -> list[IssuedCommand]:
        # No index has the types of commands: only the newest are looked through.
        newest = IssuedCommand.objects.order_by("-pk")[:COMMANDS_LOOKED_THROUGH]
        types = beginning_with(set(newest.values_list("type", flat=True)), self.wanted)
        if not types:
            return []
        found = IssuedCommand.objects.filter(pk__in=newest.values("pk"), type__in=types).defer("data")
        found = found.select_related("process", "step").order_by("-pk")
        return self._first(found, lambda each: self._shows_process(each.process))

    def _first(self, found: QuerySet[M], is_shown: Callable[[M], bool]) -> list[M]:
        """Those that are shown, one more than are listed: that there are more must not tell of hidden ones."""
        if not self.sight.is_limited:
            return list(found[: MOST_FOUND + 1])
        return [each for each in found[:LOOKED_THROUGH_WHERE_LIMITED] if is_shown(each)][: MOST_FOUND + 1]
