"""One event: what it says, where it stands, what led to it, what it led to, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.db.models import BigIntegerField, Case, F, OuterRef, Subquery, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from browser.causes import MOST_EFFECTS, MOST_OF_ONE, MOST_OF_ONE_AT_LENGTH, Messages, commands_of, events_of
from browser.hidden import Hidden
from browser.json_tree import LONGEST_SUMMARIZED, json_text, json_tree, parse
from browser.literal import literal
from browser.outcomes import in_words, outcomes, streams_subscribed_to
from browser.type_names import short_name
from browser.views.base import VIEW_EVENTS, VIEW_PAYLOAD, VIEW_PROCESSES, BrowserView, no_store
from browser.visible import visible_text
from browser.where import term_for
from event_store import EventStoreError, RecordedEvent, causation_of, event_class_of, event_store, typed
from event_store.models import ProcessStep, StoredEvent, StreamLink

MOST_STREAMS = 200
MOST_STEPS = 50


@dataclass(frozen=True)
class Place:
    """A stream that shows the event; its neighbours there by global position, None for none."""

    stream: str
    position: int
    written_here: bool
    linked_at: Any
    before: int | None
    after: int | None
    delay: timedelta


@dataclass(frozen=True)
class Neighbours:
    """What stands before and after the event in one stream; None for nothing, or for what may not be seen."""

    stream: str
    position: int
    before: StoredEvent | None
    after: StoredEvent | None


class EventView(BrowserView):
    """
    One event. `?in=` names the stream whose previous and next event are linked, `?shown=today` reads its data with the class of
    today, `?more=1` shows up to 200 effects of one cause.
    """

    template_name = "browser/event.html"
    section = "events"
    obeys_policy = True
    about = "event"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        event = event_or_404(context["event_id"])
        places = self._places(event)
        place = self._place(places)
        steps = self._steps(event)
        most_of_one = MOST_OF_ONE_AT_LENGTH if self._is_at_length else MOST_OF_ONE
        causation = causation_of(event.id, most_of_one=most_of_one, most_effects=MOST_EFFECTS)
        ids = [event.id, *causation.causes, *(each.id for each in causation.effects)]
        events = events_of(ids, [each for each in (place.before, place.after) if each] if place else [])
        messages = Messages(events, commands_of(ids), self.sight, may_see_commands=self.may(VIEW_PROCESSES))
        found = outcomes(event, steps, {each.stream: each.position for each in places}, self.sight)
        return super().get_context_data(
            event=event,
            schema=Schema(event),
            one_line=one_line(event),
            **self._shown(event),
            streams=[each for each in places[:MOST_STREAMS] if self.sight.stream(each.stream)],
            has_more_streams=len(places) > MOST_STREAMS,
            neighbours=self._neighbours(place, events),
            around=messages.around(event.id, causation, most_of_one=most_of_one),
            is_at_length=self._is_at_length,
            outcomes=found,
            outcomes_in_words=in_words(found),
            may_see_errors=self.may_see_payload and not self.sight.is_limited,
            **context,
        )

    @property
    def _is_at_length(self) -> bool:
        return self.request.GET.get("more") == "1"

    @cached_property
    def _stream(self) -> str:
        return self.request.GET.get("in", "").replace("\0", "")

    def _places(self, event: RecordedEvent[str]) -> list[Place]:
        first = [*streams_subscribed_to(), self._stream]
        found = StreamLink.objects.filter(event=event.global_position).annotate(
            comes=Case(When(stream__name__in=first, then=Value(0)), default=Value(1)),
            name=F("stream__name"),
            before=_neighbour(-1),
            after=_neighbour(1),
        )
        found = found.order_by("comes", "-written_here", "linked_at", "name")
        rows = found.values_list("name", "position", "written_here", "linked_at", "before", "after")
        places = [Place(*row, delay=row[3] - event.recorded_at) for row in rows[: MOST_STREAMS + 1]]
        return sorted(places, key=lambda each: (not each.written_here, each.linked_at, each.stream))

    def _place(self, places: Sequence[Place]) -> Place | None:
        """Where its neighbours are looked for: in the stream that was asked for, else where it was written."""
        shown = [each for each in places if self.sight.stream(each.stream)]
        return next((each for each in shown if each.stream == self._stream), next(iter(shown), None))

    def _neighbours(self, place: Place | None, events: Iterable[StoredEvent]) -> Neighbours | None:
        if place is None:
            return None
        shown = {each.pk: each for each in events if self.sight.stream(getattr(each, "stream", None))}
        before, after = (shown.get(each) if each else None for each in (place.before, place.after))
        return Neighbours(place.stream, place.position, before, after)

    def _steps(self, event: RecordedEvent[str]) -> list[ProcessStep]:
        if not self.may(VIEW_PROCESSES):
            return []
        steps = ProcessStep.objects.select_related("process").defer("state_before", "intents")
        found = steps.filter(event=event.global_position).order_by("pk")[:MOST_STEPS]
        return [each for each in found if self.sight.process(each.process.type, each.process.key)]

    def _shown(self, event: RecordedEvent[str]) -> dict[str, Any]:
        """The data and the metadata, as far as they are for this visitor."""
        if not self.may_see_data:
            return {}
        shown: dict[str, Any] = {"data": self.sight.payload(event).tree(find=self._find), **self._of_request(event)}
        if not self.sight.hides_values:
            shown |= self._read_today(event)
        return shown

    def _find(self, path: Sequence[str], value: Any) -> str:
        """Where events with this value are listed, for those who may look for values."""
        term = term_for(path, value) if self.may_see_payload else ""
        if not is_storable(term):
            return ""
        return f"{self._events_url}?{urlencode({'where': term})}" if term else ""

    @cached_property
    def _events_url(self) -> str:
        return self.url("events")

    def _read_today(self, event: RecordedEvent[str]) -> dict[str, Any]:
        reading = Reading.of(event)
        if self.request.GET.get("shown") != "today" or reading.data is None:
            return {"does_not_fit": reading.error, "may_be_read": reading.data is not None}
        text = msgspec.json.encode(with_defaults(reading.data)).decode()
        return {"data": json_tree(text), "is_read_today": True, "may_be_read": True}

    def _of_request(self, event: RecordedEvent[str]) -> dict[str, Any]:
        text = str(event.metadata)
        if not self.may_see_payload or text == "{}":
            return {}
        values = _small_object(text)
        return {
            "event_metadata": json_tree(text),
            "has_errors": any("error" in key.casefold() for key in values),
            "request_line": " ".join(str(values[key]) for key in ("method", "path") if key in values),
            "published_by": values.get("user", values.get("user_id", "")),
        }


def with_defaults(value: Any) -> Any:
    """Data classes as dicts, with what they were not given, too: msgspec leaves that in the class."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: with_defaults(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {key: with_defaults(item) for key, item in value.items()}
    return [with_defaults(each) for each in value] if isinstance(value, (list, tuple)) else value


class AsTextView(BrowserView):
    """An event as text for programs: for those who may see its data, as far as a policy leaves it."""

    permission_required = (VIEW_EVENTS, VIEW_PAYLOAD)
    obeys_policy = True

    def may(self, *permissions: str) -> bool:
        # What a policy keeps back is left out of the text, not of the page.
        return any(self.request.user.has_perm(each) for each in permissions)

    def json(self, event: RecordedEvent[str]) -> tuple[str, str]:
        """Its data and its metadata."""
        metadata = json_text(str(Hidden())) if self.sight.hides_values else str(event.metadata)
        return self.sight.payload(event).text(), metadata


class RawEventView(AsTextView):
    """The stored JSON of an event, digit for digit."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        data, metadata = self.json(event_or_404(kwargs["event_id"]))
        return no_store(HttpResponse(f'{{"data": {data}, "metadata": {metadata}}}\n', content_type="application/json"))


class FixtureView(AsTextView):
    """An event to paste into a test: in Python, or as JSON where its class is gone or a policy hides a part of it."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        event = event_or_404(kwargs["event_id"])
        reading = Reading.of(event)
        if reading.data is None or self.sight.hides_values:
            text = self._as_json(event)
        else:
            text = f"# {one_line(event)}\n{literal(reading.data)}"
        return no_store(HttpResponse(text, content_type="text/plain; charset=utf-8"))

    def _as_json(self, event: RecordedEvent[str]) -> str:
        data, metadata = self.json(event)
        named = {"id": str(event.id), "type": event.type, "schema_version": str(event.schema_version)}
        fields = [f"{json_text(name)}: {json_text(value)}" for name, value in named.items()]
        return "{\n  " + ",\n  ".join([*fields, f'"data": {data}', f'"metadata": {metadata}']) + "\n}\n"


class Schema:
    """The shape that an event was stored in, and the one that its class has today."""

    def __init__(self, event: RecordedEvent[str]) -> None:
        self.version = event.schema_version
        self.complaint = ""
        try:
            self._class = event_class_of(event.type)
        except EventStoreError as error:
            self._class, self.complaint = None, str(error)

    @property
    def is_unknown(self) -> bool:
        return self._class is None and not self.complaint

    @property
    def version_today(self) -> int | None:
        return None if self._class is None else self._class.__schema_version__

    @property
    def is_old(self) -> bool:
        return self.version_today not in (None, self.version)


@dataclass(frozen=True)
class Reading:
    """An event as the class of today reads it: `data`, or why it cannot; neither where no class has its type."""

    data: Any = None
    error: str = ""

    @classmethod
    def of(cls, event: RecordedEvent[str]) -> Reading:
        try:
            if event_class_of(event.type) is None:
                return cls()
            return cls(data=typed(event).data)
        except EventStoreError as error:
            return cls(error=str(error))
        except Exception as error:
            # A class of the project may raise anything.
            return cls(error=f"{type(error).__name__}: {error}")


def event_or_404(event_id: UUID) -> RecordedEvent[str]:
    event = event_store.events.as_json().with_ids(event_id).first()
    if event is None:
        raise Http404(f"There is no event {event_id}")
    return event


def one_line(event: RecordedEvent[str]) -> str:
    """`OrderPlaced Order$42#0 2026-11-19T23:02:11.204Z 018f…`: all that one needs to talk about an event."""
    place = _("deleted") if event.stream is None else f"{event.stream}#{event.position}"
    moment = event.recorded_at.astimezone(UTC)
    time = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return visible_text(f"{short_name(event.type)} {place} {time} {event.id}")


def _neighbour(distance: int) -> Subquery:
    there = StreamLink.objects.filter(stream=OuterRef("stream"), position=OuterRef("position") + distance)
    return Subquery(there.values("event")[:1], output_field=BigIntegerField())


def is_storable(text: str) -> bool:
    """Whether an address can carry it to where it is looked for: half a character or NUL is in no address."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _small_object(text: str) -> dict[str, Any]:
    try:
        value = parse(text) if len(text) <= LONGEST_SUMMARIZED else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
