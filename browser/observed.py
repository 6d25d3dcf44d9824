"""The shape that the data of recent events has: which paths, of which JSON types, how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from browser.json_tree import is_number, one_line, parse

DEEPEST, MOST_PATHS, MOST_ITEMS = 6, 200, 50
ITEM = "[]"
_UNREAD = object()

Path = tuple[str, ...]


@dataclass
class Observed:
    """
    A path (`dish.price` is ("dish", "price"), `dishes[].name` is ("dishes", "[]", "name"), () is data that is no object),
    as some events have it.

    `types`: JSON types in the order of their first appearance. `events`: how many have it. `sample`: the first plain
    value that was met, as JSON.
    """

    path: Path
    types: list[str] = field(default_factory=list)
    events: int = 0
    sample: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.path).replace(f".{ITEM}", ITEM)

    def note(self, value: Any) -> None:
        kind = json_type(value)
        if kind not in self.types:
            self.types.append(kind)
        if not self.sample and kind not in ("object", "array", "null"):
            self.sample = str(value) if kind == "number" else one_line(value)


@dataclass(frozen=True)
class Shape:
    """`read` events were looked at; `left_out` ones could not be (too long, or no JSON); `is_cut`: there are more paths."""

    paths: Sequence[Observed]
    read: int
    left_out: int
    is_cut: bool

    def of_field(self, name: str) -> list[Observed]:
        """A field of the data itself, and whatever is inside it."""
        return [each for each in self.paths if each.path[:1] == (name,)]


def json_type(value: Any) -> str:
    if is_number(value):
        return "number"
    if isinstance(value, bool):
        return "boolean"
    kinds = ((str, "string"), (dict, "object"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def shape_of(texts: Iterable[str | None]) -> Shape:
    """
    Args:
        texts: the data of events as JSON text, the newest first; None for what is not to be read.
    """
    found: dict[Path, Observed] = {}
    values = [_value(text) for text in texts]
    read = [value for value in values if value is not _UNREAD]
    cuts = sum(_note(found, value) for value in read)
    return Shape(list(found.values()), len(read), len(values) - len(read), is_cut=cuts > 0)


def _value(text: str | None) -> Any:
    try:
        return _UNREAD if text is None else parse(text)
    except (ValueError, RecursionError):
        return _UNREAD


def _note(found: dict[Path, Observed], value: Any) -> bool:
    """Whether paths were left out."""
    seen, is_cut = set(), False
    for path, item in _walk((), value):
        if path not in found and len(found) >= MOST_PATHS:
            is_cut = True
            continue
        observed = found.setdefault(path, Observed(path))
        observed.note(item)
        if path not in seen:
            seen.add(path)
            observed.events += 1
    return is_cut


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if path or not isinstance(value, dict):
        yield path, value
    if len(path) == DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk((*path, key), item)
    elif isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            yield from _walk((*path, ITEM), item)
