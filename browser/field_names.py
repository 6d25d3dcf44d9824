"""The fields that a value alone may be meant for, read from the data of some events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from browser.json_tree import LONGEST_SUMMARIZED, is_number, parse
from browser.where import term_with

MOST_FIELDS = 5


def terms_for(text: str, data: Iterable[str]) -> list[tuple[str, str]]:
    """
    Up to five names of fields at the top of the data, each with the term that looks for this text there: first fields that
    have it, then others with values of its kind.

    Args:
        data: JSON objects, the newest first.
    """
    plain = text.strip().strip('"')
    kind = _is_number_text(text)
    best: dict[str, bool] = {}
    for name, value in _fields(data):
        if is_number(value) == kind:
            best[name] = best.get(name, False) or str(value).casefold() == plain.casefold()
    names = sorted(best, key=lambda name: not best[name])
    terms = ((name, term_with(name, text)) for name in names)
    return [each for each in terms if each[1]][:MOST_FIELDS]


def _fields(data: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for each in data:
        if len(each) > LONGEST_SUMMARIZED:
            continue
        try:
            fields = parse(each)
        except (ValueError, RecursionError):
            continue
        if isinstance(fields, dict):
            yield from ((name, value) for name, value in fields.items() if isinstance(value, str))


def _is_number_text(text: str) -> bool:
    try:
        return is_number(parse(text))
    except (ValueError, RecursionError):
        return False
