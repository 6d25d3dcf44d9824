"""What the page of one stream is narrowed down by, and where it begins."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from browser.cursors import GREATEST, MOST_BATCHES
from browser.known_types import known_types
from browser.moments import moment_of
from browser.policy import Sight
from browser.search import LONGEST, MOST_TERMS, SECONDS, too_many
from browser.time_limit import TimeLimitReached, time_limit
from browser.type_names import only_types, type_terms, whole_terms
from event_store import EventQuery, RecordedEvent, event_store

LOOKED_AT_ONCE = 50


class StreamFilters:
    """
    The filters of one address.

    Attributes:
        types: terms with whole names, those of `typed` where they were whole.
        begins: what was typed as `from`, a position or a time.
        shows_data: the payload is wanted under each row.
        error: in words, what cannot be read; "" for nothing.
    """

    def __init__(self, parameters: QueryDict, stream: str, sight: Sight) -> None:
        self._stream, self._sight = stream, sight
        terms = type_terms(parameters.getlist("type"))
        self.error = " ".join(too_many(terms))
        self.typed = terms[:MOST_TERMS]
        self.types = whole_terms(self.typed, self._known)
        self.begins = parameters.get("from", "").replace("\0", "").strip()[:LONGEST]
        self.shows_data = parameters.get("view") == "full"

    @property
    def start(self) -> int | None:
        """The position to begin with, None for the newest."""
        is_position = self.begins.isascii() and self.begins.isdigit() and len(self.begins) < 20
        return int(self.begins) if is_position and int(self.begins) < GREATEST else None

    def narrow(self, query: EventQuery[Any]) -> EventQuery[Any]:
        return only_types(query, self.types, self._known)

    def position_of_time(self) -> int | None:
        """The newest position of the time that was typed, or of what was there before. None, and an error, for none."""
        if not self.begins or self.start is not None:
            return None
        meant = moment_of(self.begins)
        if meant is None:
            words = _(
                "“%(text)s” is no position, and neither a date nor a time: write 7, 2026-11-25 or 2026-11-25 14:30."
            )
            self.error = words % {"text": self.begins}
            return None
        query = event_store.events.as_json().in_stream(self._stream).older_than(meant[1]).backward()
        try:
            with time_limit(SECONDS, using=event_store.backend.using):
                event = self._newest_shown(query)
        except TimeLimitReached:
            self.error = _("The search for this time was stopped after %(seconds)s s.") % {"seconds": SECONDS}
            return None
        if event is None:
            self.error = _("The stream shows no event that is as old as %(text)s.") % {"text": self.begins}
        return event.position if event else None

    def _newest_shown(self, query: EventQuery[str]) -> RecordedEvent[str] | None:
        # The position of a hidden event would tell, by one time after another, when it was recorded.
        if not self._sight.is_limited:
            return query.first()
        for number, batch in enumerate(query.batches(LOOKED_AT_ONCE), start=1):
            if shown := self._sight.of_events(batch, lambda event: event.global_position):
                return shown[0]
            if number == MOST_BATCHES:
                break
        return None

    @cached_property
    def _known(self) -> list[str]:
        return known_types(self._sight) if any("." not in each.name for each in self.typed) else []
