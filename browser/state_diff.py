"""What differs between two states: value by value, digit for digit, with bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, zip_longest
from typing import Any

MOST_ROWS = 500
MOST_VISITED = 20_000
LONGEST_ALIGNED = 200
DEEPEST = 50


class _Absent:
    """There is no value at this path."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """
    One value in two states.

    Attributes:
        path: `customer.city`, `menus[0]`, `prices["a.b"]`; "" for the whole.
        kind: "added", "removed", "changed" or "same".
        before, after: JSON text, as it is written; None where there is no value.
    """

    path: str
    kind: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Comparison:
    """
    Attributes:
        is_cut: there are more differences than are listed, or there is more than was compared.
        same_is_cut: more is the same than is listed.
    """

    changed: Sequence[Difference]
    same: Sequence[Difference]
    is_cut: bool = False
    same_is_cut: bool = False


def compare(before: Any, after: Any, *, most: int = MOST_ROWS, visits: int = MOST_VISITED) -> Comparison:
    """
    Two states, JSON-like plain data, value by value; lists are aligned by their items.

    Args:
        most: of the rows of each kind, changed or not.
        visits: values that are looked at; what lies behind them is left out.
    """
    changed: list[Difference] = []
    same: list[Difference] = []
    walk = _walk(before, after, "", 0)
    for each in islice(walk, visits):
        rows = same if each.kind == "same" else changed
        if len(rows) <= most:
            rows.append(each)
    is_cut = len(changed) > most or next(walk, None) is not None
    return Comparison(changed[:most], same[:most], is_cut, same_is_cut=len(same) > most)


def _walk(before: Any, after: Any, path: str, depth: int) -> Iterator[Difference]:
    if depth < DEEPEST and _are(dict, before, after):
        for key in _keys(before, after):
            yield from _walk(_at(before, key), _at(after, key), _field(path, key), depth + 1)
    elif depth < DEEPEST and _are(list, before, after):
        for index, one, other in _aligned(_items(before), _items(after)):
            yield from _walk(one, other, f"{path}[{index}]", depth + 1)
    else:
        yield _difference(path, json_or_none(before), json_or_none(after))


def _are(kind: type, *values: Any) -> bool:
    """Both are of a kind, or one is and the other is missing; two empty ones are values as others are."""
    return all(isinstance(each, (kind, _Absent)) for each in values) and any(isinstance(v, kind) and v for v in values)


def _keys(before: Any, after: Any) -> Iterator[str]:
    first = before if isinstance(before, dict) else {}
    yield from first
    if isinstance(after, dict):
        yield from (each for each in after if each not in first)


def _at(value: Any, key: str) -> Any:
    return value.get(key, ABSENT) if isinstance(value, dict) else ABSENT


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _aligned(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[int, Any, Any]]:
    if len(before) > LONGEST_ALIGNED or len(after) > LONGEST_ALIGNED:
        pairs: Iterable[tuple[Any, Any]] = zip_longest(before, after, fillvalue=ABSENT)
        yield from ((index, one, other) for index, (one, other) in enumerate(pairs))
        return
    texts = [json_or_none(each) for each in before], [json_or_none(each) for each in after]
    for _tag, start, end, first, last in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        pairs = zip_longest(before[start:end], after[first:last], fillvalue=ABSENT)
        for offset, (one, other) in enumerate(pairs):
            yield (start if other is ABSENT else first) + offset, one, other


def _field(path: str, key: str) -> str:
    if key.isidentifier():
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def json_or_none(value: Any) -> str | None:
    """A value as JSON text; None for one that is missing."""
    if value is ABSENT:
        return None
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return "…"


def _difference(path: str, before: str | None, after: str | None) -> Difference:
    if before == after:
        kind = "same"
    elif before is None:
        kind = "added"
    else:
        kind = "removed" if after is None else "changed"
    return Difference(path, kind, before, after)
