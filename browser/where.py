"""What `where` boxes take: `customer.city:Kraków`, `amount>=100`, `note?`; and the same written for a value."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

Scalar: TypeAlias = str | int | float | bool | None

_BARE, _QUOTED = r'[^\s.:!<>=?"\\]+', r'"[^"\\]+"'
_KEY = re.compile(rf"{_QUOTED}|{_BARE}")
_TERM = re.compile(
    rf"(?P<path>(?:{_QUOTED}|{_BARE})(?:\.(?:{_QUOTED}|{_BARE}))*)\s*(?P<sign>!=|>=|<=|[:=<>?])\s*(?P<value>.*)",
    re.DOTALL,
)
_WRONG_KEY = re.compile(r'(?P<key>[^:!<>=?"\\]+?)\s*(?P<rest>(?:!=|[:=<>?]).*)', re.DOTALL)
_COMPARISONS = {":": "=", "?": "exists"}
_QUOTES = "\"'`“”„‘’«»"
# Another sign (`a:>=1`), a list, an object, or quotes of another kind: hardly ever meant as it stands.
_UNCLEAR = tuple(f"!:=<>?[{{{_QUOTES}")
# In a range it may be meant as a number, unless it is a date.
_NEARLY_NUMBER = re.compile(r"(?!\d{4}-\d\d)[-+]?(?:[.,]?\d|Infinity|NaN)")
_LONGEST_VALUE = 500


class WrongTerm(ValueError):
    """Says in words what cannot be read."""


class NoField(WrongTerm):
    """A value alone. The words name the form, with this value in it."""


class _NoJson(ValueError):
    pass


@dataclass(frozen=True)
class Term:
    """
    One condition on the data of events.

    Attributes:
        path: 1..n keys through nested objects.
        comparison: `=`, `!=`, `<`, `<=`, `>`, `>=` or `exists`, as `EventQuery.where_data` takes it.
        written: the text that was read, with quotes around a value that had none and needs them.
    """

    path: tuple[str, ...]
    comparison: str
    value: Scalar
    written: str = field(default="", compare=False)


def parse_term(text: str) -> Term:
    """Reads a text without quotes, too, where nothing else can be meant. Raises WrongTerm."""
    text = text.strip()
    found = _TERM.fullmatch(text)
    if found is None:
        raise _without_field(text)
    path = tuple(each.strip('"') for each in _KEY.findall(found["path"]))
    sign, value = found["sign"], found["value"]
    if sign == "?":
        if value:
            raise WrongTerm(_("nothing can stand behind the question mark, which asks whether there is a value"))
        return Term(path, "exists", None, text)
    comparison = _COMPARISONS.get(sign, sign)
    try:
        return Term(path, comparison, _literal(value), text)
    except _NoJson:
        return Term(path, comparison, _bare(value, comparison), f"{found['path']}{sign}{_in_quotes(value)}")


def term_with(name: str, text: str) -> str:
    """The term that a value becomes with a field before it, "" where there is none."""
    key = _key_text(name)
    try:
        return parse_term(f"{key}:{_literal_for(text)}").written if key else ""
    except WrongTerm:
        return ""


def term_for(path: Sequence[str | int], value: Any) -> str:
    """
    What finds the events that have this value at this place, or "" where no term can.

    Args:
        path: keys from the top of the data; an int is an index in a list, which no term goes through.
        value: str, bool or None, or a number, which may be text of a class other than str, as `browser.json_tree` reads it.
    """
    keys = [_key_text(each) for each in path]
    literal = (
        _in_quotes(value)
        if type(value) is str
        else json.dumps(value)
        if type(value) in (bool, type(None))
        else str(value)
    )
    text = f"{'.'.join(keys)}:{literal}"
    if not keys or not all(keys) or len(text) > _LONGEST_VALUE:
        return ""
    try:
        return text if parse_term(text).written == text else ""
    except WrongTerm:
        return ""


def _key_text(key: str | int) -> str:
    if not isinstance(key, str) or not key.isprintable():
        return ""
    if re.fullmatch(_BARE, key):
        return key
    return f'"{key}"' if re.fullmatch(_QUOTED, f'"{key}"') else ""


def _in_quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _literal_for(text: str) -> str:
    """A value as it stands behind a sign: numbers and what is in quotes already as they are, anything else in quotes."""
    try:
        _literal(text)
    except (_NoJson, WrongTerm):
        return _in_quotes(_unquoted(text))
    return text


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES else text


def _without_field(text: str) -> WrongTerm:
    key = _WRONG_KEY.fullmatch(text)
    if key:
        names = key["key"].split(".")
        quoted = ".".join(map(_key_text, names)) if all(names) else f'"{key["key"]}"'
        return WrongTerm(_("a field with spaces or dots in its name stands in quotes: %(hint)s") % {"hint": quoted + key["rest"]})  # fmt: skip
    value = text.lstrip(":=<>?! ")
    if not value:
        return WrongTerm(_("it needs a field, a sign and a value, such as customer.city:Kraków or amount>=100"))
    return NoField(_("Name the field, too: %(hint)s") % {"hint": f"field:{_literal_for(value)}"})


def _literal(text: str) -> Scalar:
    """Raises _NoJson for what is no JSON, WrongTerm for what cannot be compared."""
    if not text:
        raise WrongTerm(_("the value is missing"))
    if text[0] in "[{":
        raise WrongTerm(_("one text, number, true, false or null can be compared, no list or object; a text that begins so stands in quotes: %(hint)s") % {"hint": _in_quotes(text[:60])})  # fmt: skip
    try:
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_no_constant)  # type: ignore[no-any-return]
    except WrongTerm:
        raise
    except ValueError:
        raise _NoJson(text) from None


def _bare(text: str, comparison: str) -> str:
    """A text that stands without quotes."""
    values = {"text": text[:60], "hint": _in_quotes(_unquoted(text[:60]))}
    if text.startswith(_UNCLEAR):
        raise WrongTerm(_("a text that begins so stands in quotes: %(hint)s") % values)
    if comparison not in ("=", "!=") and _NEARLY_NUMBER.match(text):
        raise WrongTerm(_("%(text)s is nearly a number; if it is a text, it stands in quotes: %(hint)s") % values)
    if len(_in_quotes(text)) > _LONGEST_VALUE:
        raise WrongTerm(_("the text is too long"))
    return text


def _number(text: str) -> int | float:
    if len(text) <= _LONGEST_VALUE:
        number = float(text) if re.search(r"[.eE]", text) else int(text)
        if -(2**63) <= number < 2**63 and Decimal(repr(number)) == Decimal(text):
            return number
    raise WrongTerm(_("%(text)s has more digits than can be looked for") % {"text": text[:40]})


def _no_constant(text: str) -> None:
    raise _NoJson(text)
