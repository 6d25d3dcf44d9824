"""Types by their whole name, by the short one that pages show, and by how they begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from event_store import EventQuery


def short_name(type_name: str) -> str:
    """The last part: `MenuSuggested` of `catering.MenuSuggested`."""
    return type_name.rpartition(".")[2] or type_name


def named(types: Iterable[str], wanted: str) -> list[str]:
    """The type with this whole name; otherwise every type with this short name."""
    types = list(types)
    return [wanted] if wanted in types else [each for each in types if short_name(each) == wanted]


def beginning_with(types: Iterable[str], prefix: str) -> list[str]:
    """Types whose whole or short name begins so, in capitals or not."""
    folded = prefix.casefold()
    return [each for each in types if any(name.casefold().startswith(folded) for name in (each, short_name(each)))]


@dataclass(frozen=True)
class TypeTerm:
    """A type that a filter names, whole or short; `-MenuSuggested` leaves it out."""

    name: str
    is_excluded: bool = False

    def __str__(self) -> str:
        return f"-{self.name}" if self.is_excluded else self.name


def type_terms(texts: Iterable[str]) -> list[TypeTerm]:
    """What was typed into filters, empty ones left out, each once."""
    plain = (each.replace("\0", "").strip() for each in texts)
    terms = (TypeTerm(each.lstrip("-").strip(), each.startswith("-")) for each in plain)
    return list(dict.fromkeys(each for each in terms if each.name))


def whole_terms(terms: Iterable[TypeTerm], known: Sequence[str]) -> list[TypeTerm]:
    """The same with short names made whole, where only one type is named so."""
    return [replace(each, name=names[0]) if len(names := named(known, each.name)) == 1 else each for each in terms]


def only_types(query: EventQuery[Any], terms: Iterable[TypeTerm], known: Sequence[str]) -> EventQuery[Any]:
    """Events of these types, where any are named, and of none of those that are left out."""
    terms = list(terms)
    included = [each.name for each in terms if not each.is_excluded]
    excluded = [name for each in terms if each.is_excluded for name in named(known, each.name) or [each.name]]
    if included:
        query = query.of_type(*included)
    return query.not_of_type(*excluded) if excluded else query
