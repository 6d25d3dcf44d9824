"""Types by their whole name, by the short one that pages show, and by how they begin."""

from __future__ import annotations

from collections.abc import Iterable


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
