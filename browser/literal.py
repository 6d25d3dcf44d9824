"""An event as Python: its constructor with all its values, to paste into a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

INDENT = "    "
_MODULES = {dt.datetime: "datetime", dt.date: "datetime", dt.time: "datetime", dt.timedelta: "datetime"}


def literal(value: Any) -> str:
    """
    The imports it needs, an empty line, and the expression; what it builds is equal to the value.

    Args:
        value: an event, or anything that its fields can hold.
    """
    writer = _Writer()
    expression = writer.write(value, "")
    return "\n".join([*writer.imports(), "", expression, ""])


class _Writer:
    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._names: set[tuple[str, str]] = set()

    def imports(self) -> list[str]:
        modules = [f"import {each}" for each in sorted(self._modules)]
        return [*modules, *(f"from {module} import {name}" for module, name in sorted(self._names))]

    def write(self, value: Any, indent: str) -> str:
        inner = indent + INDENT
        if isinstance(value, Enum):
            return self._member(value, indent)
        if names := _field_names(value):
            lines = [f"{name}={self.write(getattr(value, name), inner)}" for name in names]
            return _wrapped(f"{self._name(type(value))}(", lines, ")", inner, indent)
        if isinstance(value, Mapping):
            lines = [f"{self.write(key, inner)}: {self.write(item, inner)}" for key, item in value.items()]
            return _wrapped("{", lines, "}", inner, indent)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._collection(value, inner, indent)
        return self._scalar(value)

    def _member(self, value: Enum, indent: str) -> str:
        name = self._name(type(value))
        # Flags that are combined have a name of several words, or none.
        is_named = value.name is not None and value.name.isidentifier()
        return f"{name}.{value.name}" if is_named else f"{name}({self.write(value.value, indent)})"

    def _collection(self, value: Any, inner: str, indent: str) -> str:
        lines = [self.write(each, inner) for each in value]
        if isinstance(value, tuple):
            return _wrapped("(", lines, ",)" if len(lines) == 1 else ")", inner, indent)
        if isinstance(value, list):
            return _wrapped("[", lines, "]", inner, indent)
        # The same text each time, whatever order a set has.
        name = type(value).__name__
        return _wrapped(f"{name}([", sorted(lines), "])", inner, indent) if lines else f"{name}()"

    def _scalar(self, value: Any) -> str:
        if type(value) in _MODULES:
            self._modules.add(_MODULES[type(value)])
        elif type(value).__module__ in ("decimal", "uuid"):
            self._name(type(value))
        return repr(value)

    def _name(self, value_class: type[Any]) -> str:
        if "<locals>" in value_class.__qualname__:
            return value_class.__name__
        outer, _, rest = value_class.__qualname__.partition(".")
        self._names.add((value_class.__module__, outer))
        return f"{outer}.{rest}" if rest else outer


def _field_names(value: Any) -> tuple[str, ...]:
    if is_dataclass(value):
        # Those that the constructor does not take are made by it.
        return tuple(each.name for each in fields(value) if each.init)
    return tuple(getattr(value, "__struct_fields__", ()))


def _wrapped(opening: str, parts: list[str], closing: str, inner: str, indent: str) -> str:
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(indent) + len(line) <= 100 and "\n" not in line:
        return line
    lines = "".join(f"{inner}{each},\n" for each in parts)
    return f"{opening}\n{lines}{indent}{closing.removeprefix(',')}"
