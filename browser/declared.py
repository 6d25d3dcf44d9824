"""What a declaration says of itself: its words, its place, its fields."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

LONGEST_DEFAULT = 60


@dataclass(frozen=True)
class DeclaredField:
    """`type` as it stands in the source; `default` as Python writes it, "" for a required field."""

    name: str
    type: str
    is_required: bool
    default: str


def place_of(declared: Any) -> str:
    """The dotted path of a class or a function."""
    return f"{declared.__module__}.{declared.__qualname__}"


def words_of(declared: Any) -> str:
    """The first paragraph of the docstring of a class or a function, "" for one that has none of its own, and for None."""
    # Not `getdoc`: what a base class says is not about this one.
    doc = declared.__doc__ if declared else None
    # A data class without words gets its signature for words.
    if not doc or doc.startswith(f"{declared.__name__}("):
        return ""
    return inspect.cleandoc(doc).partition("\n\n")[0]


def fields_of(message_class: type[Any] | None) -> Sequence[DeclaredField]:
    return [_declared(each) for each in fields(message_class)] if message_class else []


def _declared(field: Field[Any]) -> DeclaredField:
    written = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    default = _default(field)
    return DeclaredField(field.name, written, is_required=default is None, default=default or "")


def _default(field: Field[Any]) -> str | None:
    if field.default_factory is not MISSING:
        return f"{getattr(field.default_factory, '__name__', 'factory')}()"
    if field.default is MISSING:
        return None
    text = repr(field.default)
    return text if len(text) <= LONGEST_DEFAULT else text[: LONGEST_DEFAULT - 1] + "…"
