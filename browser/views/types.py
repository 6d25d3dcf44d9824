"""The catalogue of types: what the code declares, what the store holds, and who wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Func, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Substr
from django.http import Http404

from browser.bounded_count import COUNTED_UP_TO
from browser.cursors import page_by_key
from browser.declared import DeclaredField, fields_of, place_of, words_of
from browser.declared_json import json_types_of
from browser.json_tree import LONGEST_SUMMARIZED
from browser.observed import Observed, Shape, shape_of
from browser.readers import Reader, readers_of
from browser.views.base import VIEW_PROCESSES, BrowserView
from browser.views.events import log_rows
from event_store import (
    Command,
    Event,
    EventStoreError,
    EventTypeSummary,
    NewestEvent,
    command_classes,
    event_classes,
    event_store,
    event_type_summaries,
    handler_of,
)
from event_store.models import IssuedCommand, StoredEvent

TYPES_ON_A_PAGE = 100
EVENTS_OBSERVED, EVENTS_LISTED, CAUSES_ASKED_FOR = 200, 10, 50


@dataclass(frozen=True)
class TypeRow:
    """`event_class` is None for a type that no loaded code declares, `count` for visitors whom a policy limits."""

    name: str
    event_class: type[Event] | None
    readers: Sequence[Reader]
    count: int | None = 0
    last_seen: datetime | None = None
    categories: Sequence[str] = ()

    @property
    def is_declared(self) -> bool:
        return self.event_class is not None

    @property
    def place(self) -> str:
        return self.event_class.__module__ if self.event_class else ""


@dataclass(frozen=True)
class CommandRow:
    type: str
    place: str
    handler: str
    is_outside: bool


@dataclass(frozen=True)
class FieldRow:
    """
    A declared field, a path that was seen in stored data, or both. `share` is in percent of the events read, `unexpected`
    names JSON types that were seen and that the declaration does not allow.
    """

    declared: DeclaredField | None
    seen: Observed | None
    share: int
    is_nested: bool
    unexpected: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.seen.name if self.seen else self.declared.name if self.declared else ""


@dataclass(frozen=True)
class Origin:
    """What recent events of a type name as their cause: a command of a kind of process, or an event; and how many do."""

    kind: str
    type: str
    process_type: str
    count: int


class TypeListView(BrowserView):
    """Every type of event that the code declares or the store holds, by name, and the commands."""

    template_name = "browser/types.html"
    section = "types"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        page = page_by_key(
            self.request, self._read, lambda row: row.name, size=TYPES_ON_A_PAGE, shown=_shown, is_narrowed=True
        )
        return super().get_context_data(
            page=page,
            commands=[] if page.goes_on else [_command_row(*each) for each in command_classes().items()],
            **context,
        )

    def _read(self, start: str | None, limit: int) -> list[TypeRow]:
        start = (start or "").replace("\0", "")
        summaries = {each.type: each for each in event_type_summaries(after=start, limit=limit)}
        declared = event_classes()
        names = sorted({*summaries, *(each for each in declared if each > start)})[:limit]
        seen = self._seen([summaries[name] for name in names if name in summaries])
        return [self._row(name, declared.get(name), summaries.get(name), seen) for name in names]

    def _seen(self, summaries: Iterable[EventTypeSummary]) -> set[int]:
        newest = [each.global_position for summary in summaries for each in summary.newest]
        return set(self.sight.of_events(newest, lambda position: position))

    def _row(
        self, name: str, event_class: type[Event] | None, summary: EventTypeSummary | None, seen: set[int]
    ) -> TypeRow:
        readers = readers_of(event_class)
        if summary is None:
            return TypeRow(name, event_class, readers)
        newest = [each for each in summary.newest if each.global_position in seen]
        return TypeRow(
            name,
            event_class,
            readers,
            count=None if self.sight.is_limited else summary.count,
            last_seen=newest[0].recorded_at if newest else None,
            categories=_categories(newest),
        )


class TypeView(BrowserView):
    """One type of event: what is declared of it, what its recent events look like, who reacts to it."""

    template_name = "browser/type.html"
    section = "types"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.name = context["name"]
        self.event_class = event_classes().get(self.name)
        if self.event_class is None and not self._recent:
            raise Http404(f"There is no type {self.name}")
        return super().get_context_data(
            type=self.name,
            is_declared=self.event_class is not None,
            place=place_of(self.event_class) if self.event_class else "",
            words=words_of(self.event_class),
            schema_version=self.event_class.__schema_version__ if self.event_class else None,
            versions=Counter(each.schema_version for each in self._recent).most_common(),
            count=None if self.sight.is_limited else self._count(),
            recent=self._recent,
            categories=_categories(self._recent),
            fields=self._fields(),
            shape=self._shape,
            readers=readers_of(self.event_class),
            origins=self._origins(),
            causes_asked_for=CAUSES_ASKED_FOR,
            rows=self._rows(),
            **context,
        )

    @cached_property
    def _recent(self) -> list[StoredEvent]:
        """The newest 200 that the visitor may see; `text` is their data, None where it is too long or hidden."""
        events = StoredEvent.objects.filter(type=self.name).order_by("-pk").defer("data", "metadata")
        if self.may_see_payload:
            events = _with_text(events)
        return self.sight.of_events(list(events[:EVENTS_OBSERVED]), lambda event: event.pk)

    @cached_property
    def _shape(self) -> Shape | None:
        return shape_of(_text_of(each) for each in self._recent) if self.may_see_payload else None

    def _count(self) -> int:
        return StoredEvent.objects.filter(type=self.name).order_by()[: COUNTED_UP_TO + 1].count()

    def _fields(self) -> list[FieldRow]:
        declared = fields_of(self.event_class)
        names = {each.name for each in declared}
        rows = [row for each in declared for row in self._of_field(each)]
        others = [
            each for each in (self._shape.paths if self._shape else ()) if each.path[:1] not in {(n,) for n in names}
        ]
        return rows + [self._row(None, each) for each in others]

    def _of_field(self, declared: DeclaredField) -> list[FieldRow]:
        seen = self._shape.of_field(declared.name) if self._shape else []
        if not seen:
            return [self._row(declared, None)]
        return [self._row(declared if len(each.path) == 1 else None, each) for each in seen]

    def _row(self, declared: DeclaredField | None, seen: Observed | None) -> FieldRow:
        read = self._shape.read if self._shape else 0
        share = _percent(seen.events, read) if seen else 0
        allowed = self._json_types.get(declared.name) if declared else None
        unexpected = [each for each in seen.types if each not in allowed] if seen and allowed else []
        return FieldRow(declared, seen, share, seen is not None and len(seen.path) > 1, unexpected)

    @cached_property
    def _json_types(self) -> dict[str, frozenset[str]]:
        return json_types_of(self.event_class)

    def _rows(self) -> list[Any]:
        ids = [each.event_id for each in self._recent[:EVENTS_LISTED]]
        return log_rows(event_store.events.as_json().with_ids(*ids).backward(), self) if ids else []

    def _origins(self) -> list[Origin]:
        causes = [each.causation_id for each in self._recent[:CAUSES_ASKED_FOR] if each.causation_id]
        if not causes:
            return []
        kinds = self._commands(causes) | self._causing_events(causes)
        counted = Counter(kinds[each] for each in causes if each in kinds)
        return [Origin(*kind, count) for kind, count in counted.most_common()]

    def _commands(self, causes: Sequence[UUID]) -> dict[UUID, tuple[str, str, str]]:
        if not self.may(VIEW_PROCESSES):
            return {}
        commands = IssuedCommand.objects.filter(command_id__in=causes)
        found = commands.values_list("command_id", "type", "process__type", "process__key")
        return {
            identifier: ("command", command, process_type)
            for identifier, command, process_type, key in found
            if self.sight.process(process_type, key)
        }

    def _causing_events(self, causes: Sequence[UUID]) -> dict[UUID, tuple[str, str, str]]:
        found = StoredEvent.objects.filter(event_id__in=causes).values_list("event_id", "type", "pk")
        seen = self.sight.of_events(list(found), lambda each: each[2])
        return {identifier: ("event", event_type, "") for identifier, event_type, _position in seen}


def _shown(rows: Sequence[TypeRow]) -> list[TypeRow]:
    return [row for row in rows if row.is_declared or row.last_seen is not None]


def _command_row(name: str, command_class: type[Command]) -> CommandRow:
    try:
        handler = handler_of(command_class)
    except EventStoreError:
        return CommandRow(name, command_class.__module__, "", is_outside=False)
    path = f"{handler.function.__module__}.{handler.function.__qualname__}"
    return CommandRow(name, command_class.__module__, path, handler.outside)


def _categories(newest: Iterable[NewestEvent | StoredEvent]) -> list[str]:
    """The most frequent one first."""
    return [category for category, _count in Counter(each.category for each in newest).most_common()]


def _with_text(events: QuerySet[StoredEvent]) -> QuerySet[StoredEvent]:
    """The data as text, as far as it is read; its size is asked for first, where that is cheap."""
    size = Func(F("data"), function="pg_column_size" if connection.vendor == "postgresql" else "length")
    text = Substr(Cast("data", TextField()), 1, LONGEST_SUMMARIZED + 1)
    events = events.annotate(size=Cast(size, IntegerField()))
    return events.annotate(text=Case(When(Q(size__lte=LONGEST_SUMMARIZED), then=text), default=Value(None)))


def _text_of(event: Any) -> str | None:
    return event.text if event.text is not None and len(event.text) <= LONGEST_SUMMARIZED else None


def _percent(part: int, whole: int) -> int:
    """Rounded, but 100 is all of them and 0 is none."""
    if not whole or part in (0, whole):
        return 100 if whole and part == whole else 0
    return min(99, max(1, round(100 * part / whole)))
