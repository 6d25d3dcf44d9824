"""Which JSON types the fields of a message may have, as its class declares them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_KINDS = {str: "string", bool: "boolean", type(None): "null"}


def json_types_of(message_class: type[Any] | None) -> dict[str, frozenset[str]]:
    """
    Field to `string`, `number`, `boolean`, `null`, `object`, `array`; without fields that take anything, and without
    classes of which no schema can be made.
    """
    if message_class is None:
        return {}
    try:
        schema = msgspec.json.schema(message_class)
    except (TypeError, ValueError, RecursionError):
        # A type of the project's own, which is stored by a hook.
        return {}
    named = schema.get("$defs", {})
    fields = _resolved(schema, named).get("properties", {})
    found = {name: frozenset(_kinds(each, named)) for name, each in fields.items()}
    return {name: kinds for name, kinds in found.items() if kinds and "" not in kinds}


def _kinds(schema: dict[str, Any], named: dict[str, Any]) -> Iterator[str]:
    schema = _resolved(schema, named)
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _kinds(each, named)
    elif "enum" in schema:
        yield from (_KINDS.get(type(each), "number") for each in schema["enum"])
    else:
        kind = schema.get("type", "")
        yield from [kind] if isinstance(kind, str) and kind != "integer" else ["number"] if kind == "integer" else [""]


def _resolved(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    return named.get(reference.rpartition("/")[2], {}) if reference else schema
