"""What the page of all events, its exports and its live tail are narrowed down by, read from the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import urlencode

from django.db import connections
from django.http import QueryDict
from django.utils.translation import gettext as _

from browser.known_types import known_types
from browser.moments import moment_of
from browser.policy import Sight
from browser.type_names import TypeTerm, only_types, type_terms, whole_terms
from browser.where import NoField, Term, WrongTerm, parse_term
from event_store import EventQuery, EventStoreError, event_store

WINDOW = 100_000
SECONDS = 2
MOST_TERMS = 20
LONGEST = 600

FIELDS = ("type", "stream", "since", "until", "id", "correlation", "where")


class Visitor(Protocol):
    """The part of a view that is asked what its visitor may see."""

    @property
    def may_see_payload(self) -> bool: ...
    @property
    def may_see_data(self) -> bool: ...
    @property
    def sight(self) -> Sight: ...


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the query string without it."""

    label: str
    value: str
    without: str


class EventSearch:
    """
    The filters of one address, checked.

    Attributes:
        values: field to what was typed, as often as it was.
        errors: in words, why nothing can be looked for; `query` must not be asked for then.
        without_field: the first `where` that is a value alone, "" for none.
        has_new_quotes: a text in `values["where"]` was typed without its quotes.
        types: terms with whole names.
    """

    def __init__(self, parameters: QueryDict, visitor: Visitor) -> None:
        self._parameters, self._visitor = parameters, visitor
        self.errors: list[str] = []
        self.without_field, self.has_new_quotes = "", False
        self.values = {name: _typed(parameters, name) for name in FIELDS}
        self.typed = type_terms(self.values["type"])
        self._where = self._read_where()
        self.types = self._read_types()
        self._narrowed = self._read_query()

    @property
    def is_empty(self) -> bool:
        return not any(self.values.values())

    @property
    def query(self) -> EventQuery[str]:
        if self._narrowed is None:
            raise ValueError("There are errors: nothing can be looked for.")
        return self._narrowed

    @property
    def included(self) -> list[str]:
        return [each.name for each in self.types if not each.is_excluded]

    @cached_property
    def known_types(self) -> list[str]:
        """The types that the store has, where they are asked for or offered: not beside look-ups that take long enough."""
        has_short_names = any("." not in each.name for each in self.typed)
        return known_types(self._visitor.sight) if has_short_names or not self.is_windowed else []

    @property
    def unknown_type(self) -> str:
        """The first type asked for that no event has, "" for none."""
        return next((each for each in self.included if each not in self.known_types), "")

    @property
    def is_quick(self) -> bool:
        """An index answers it: it needs no limit of time."""
        asked = [name for name, values in self.values.items() if values]
        return not asked or (
            len(self.values[asked[0]]) == len(asked) == 1
            and asked[0] in ("type", "id", "correlation")
            and not any(each.is_excluded for each in self.typed)
        )

    @cached_property
    def is_windowed(self) -> bool:
        """
        Only so many events are looked through at a time: `where` without another filter that bounds them, as far as no
        index can answer it, or whatever was asked with `?window=1`.
        """
        if self._parameters.get("window") == "1":
            return True
        bounded = [name for name in ("stream", "since", "id", "correlation") if self.values[name]]
        if bounded or any(not each.is_excluded for each in self.typed):
            return False
        can_be_indexed = connections[event_store.backend.using].vendor == "postgresql"
        return any(each.comparison != "=" or not can_be_indexed for each in self._where)

    @property
    def slow_filters(self) -> list[str]:
        """What an index helps least with."""
        for name in ("where", "stream", "since", "until", "type"):
            if self.values[name]:
                return self.values[name]
        return []

    @property
    def chips(self) -> list[Chip]:
        labels = {"type": _("type"), "stream": _("stream"), "since": _("since"), "until": _("until"), "id": _("id"),
                  "correlation": _("conversation"), "where": _("where")}  # fmt: skip
        return [
            Chip(labels[name], value, self._without(name, index))
            for name in FIELDS
            for index, value in enumerate(self.values[name])
        ]

    @property
    def address(self) -> str:
        """The filters as a query string without `?`, for pages that take the same."""
        return urlencode([(name, value) for name in FIELDS for value in self.values[name]])

    def with_types(self, types: Sequence[TypeTerm]) -> str:
        """The whole query string with these types, and with quotes around the texts of `where`."""
        asked = {**dict(self._parameters.lists()), "where": self.values["where"]}
        kept = [(name, value) for name, values in asked.items() if name != "type" for value in values if value]
        return urlencode([*(("type", str(each)) for each in types), *kept])

    def completed(self, term: str) -> str:
        """The query string with this term instead of the value alone."""
        values = {
            **self.values,
            "where": [term if each == self.without_field else each for each in self.values["where"]],
        }
        return "?" + urlencode([(name, each) for name in FIELDS for each in values[name]])

    def _without(self, name: str, index: int) -> str:
        kept = [
            (field, value)
            for field in FIELDS
            for number, value in enumerate(self.values[field])
            if (field, number) != (name, index)
        ]
        size = self._parameters.get("size")
        return "?" + urlencode([*kept, *([("size", size)] if size else [])])

    # ---- reading

    def _read_types(self) -> list[TypeTerm]:
        return whole_terms(self.typed, self.known_types) if self.typed else []

    def _read_where(self) -> list[Term]:
        texts = self.values["where"]
        if not texts:
            return []
        if not self._visitor.may_see_payload:
            self._refuse_where()
            return []
        terms = [self._term(each) for each in texts]
        self.values["where"] = [term.written if term else text for term, text in zip(terms, texts, strict=True)]
        self.has_new_quotes = self.values["where"] != texts
        return [each for each in terms if each is not None]

    def _refuse_where(self) -> None:
        # Whoever could ask about hidden values would learn them one by one.
        if self._visitor.may_see_data:
            self.errors.append(_("“where” is refused: the policy of this site keeps values of events from you."))
        else:
            self.errors.append(
                _("“where” is refused: it looks into the data of events, which needs a permission that you do not have: "
                  "view the data of events (event_store.view_payload).")
            )  # fmt: skip

    def _term(self, text: str) -> Term | None:
        try:
            return parse_term(text[:LONGEST])
        except NoField as wrong:
            self.without_field = self.without_field or text[:LONGEST]
            self.errors.append(str(wrong))
            return None
        except WrongTerm as wrong:
            self.errors.append(_("where %(text)s: %(why)s.") % {"text": text[:LONGEST], "why": wrong})
            return None

    def _read_query(self) -> EventQuery[str] | None:
        query: EventQuery[str] | None = event_store.events.as_json()
        if errors := too_many([each for values in self.values.values() for each in values]):
            self.errors += errors
            return None
        for narrow in (self._by_type, self._by_stream, self._by_time, self._by_ids, self._by_where):
            try:
                query = None if query is None else narrow(query)
            except EventStoreError as error:
                self.errors.append(str(error))
        return None if self.errors else query

    def _by_type(self, query: EventQuery[Any]) -> EventQuery[Any]:
        return only_types(query, self.types, self.known_types) if self.types else query

    def _by_stream(self, query: EventQuery[str]) -> EventQuery[str]:
        streams = self.values["stream"]
        for each in streams:
            if not self._visitor.sight.stream(each):
                self.errors.append(
                    _("The policy of this site keeps the stream %(name)s from you.") % {"name": each[:LONGEST]}
                )
        return query.in_streams(*streams) if streams and not self.errors else query

    def _by_time(self, query: EventQuery[str]) -> EventQuery[str]:
        for name in ("since", "until"):
            for text in self.values[name]:
                meant = moment_of(text)
                if meant is None:
                    words = _("“%(text)s” is neither a date nor a time: write 2026-11-25, or 2026-11-25 14:30.")
                    self.errors.append(words % {"text": text[:LONGEST]})
                else:
                    query = query.newer_than_or_equal(meant[0]) if name == "since" else query.older_than(meant[1])
        return query

    def _by_ids(self, query: EventQuery[str]) -> EventQuery[str]:
        for text in self.values["id"]:
            query = self._by_uuid(query.with_ids, text, _("“%(text)s” is not the id of an event, which is a UUID."))
        for text in self.values["correlation"]:
            words = _("“%(text)s” is not the id of a conversation, which is a UUID.")
            query = self._by_uuid(query.with_correlation_id, text, words)
        return query

    def _by_uuid(self, narrow: Callable[[str], EventQuery[str]], text: str, otherwise: str) -> EventQuery[str]:
        try:
            return narrow(text)
        except EventStoreError:
            self.errors.append(otherwise % {"text": text[:LONGEST]})
            return event_store.events.as_json()

    def _by_where(self, query: EventQuery[str]) -> EventQuery[str]:
        for each in self._where:
            query = query.where_data(each.path, each.comparison, each.value)  # type: ignore[arg-type]
        return query


def too_many(filters: Sequence[Any]) -> list[str]:
    """Why so many filters are refused, in words; empty where they are not."""
    return [_("There are more than %(most)d filters.") % {"most": MOST_TERMS}] if len(filters) > MOST_TERMS else []


def without_empty(parameters: QueryDict) -> str:
    """The query string without the boxes that were left empty, for addresses that can be read."""
    return urlencode([(name, value) for name, values in parameters.lists() for value in values if value])


def _typed(parameters: QueryDict, name: str) -> list[str]:
    texts = [text for each in parameters.getlist(name) if (text := each.replace("\0", "").strip())]
    # One more than is allowed is enough to refuse them, and is all that is ever shown again.
    return texts[: MOST_TERMS + 1] if name in ("type", "where") else texts[:1]
