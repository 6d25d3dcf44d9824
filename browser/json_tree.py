"""JSON as nested, closable HTML: digit for digit as it is stored, whatever it is, with bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from browser.hidden import Hidden
from browser.visible import visible

LONGEST_LINE = 60
LONGEST_SUMMARIZED = 20_000
OPEN_TO_DEPTH, DEEPEST, MOST_NODES, LONGEST_TEXT, LONGEST_OPEN_LIST = 2, 20, 500, 2_000, 20


class _Number(str):
    """A number as it is written."""


def parse(text: str) -> Any:
    """JSON with its numbers as text. Raises ValueError or RecursionError for what cannot be read."""
    return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)


def json_tree(text: str) -> SafeString:
    """JSON text as a tree; at most 500 values and 20 levels, then a note."""
    try:
        return _Tree().html(parse(text))
    except (ValueError, RecursionError):
        return format_html('<pre class="es-raw">{}</pre>', text[:LONGEST_TEXT])


def plain_tree(value: Any, *, changed: dict[str, Any] | None = None) -> SafeString:
    """
    JSON-like values as a tree.

    Args:
        changed: top-level keys that have changed, with the values that they had before.
    """
    return _Tree(changed or {}).html(parse(json.dumps(value, ensure_ascii=False)))


def value_tree(value: Any) -> SafeString:
    """Values that were parsed here, some of them perhaps hidden, as a tree."""
    try:
        return _Tree().html(value)
    except (TypeError, RecursionError):
        return _scalar_html(Hidden(_("it cannot be shown")))


def json_text(value: Any) -> str:
    """The same as JSON text, digit for digit; hidden values are strings."""
    if isinstance(value, dict):
        fields = ", ".join(f"{json.dumps(str(key))}: {json_text(item)}" for key, item in value.items())
        return f"{{{fields}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(json_text, value))}]"
    if isinstance(value, _Number):
        return str(value)
    return json.dumps(value if isinstance(value, (str, int, float, bool, type(None))) else str(value))


def summary(text: str) -> str:
    """Up to three plain fields of a JSON object in one line of at most 120 characters; "" for anything else."""
    if len(text) > LONGEST_SUMMARIZED:
        return ""
    try:
        return summary_of(parse(text))
    except (ValueError, RecursionError):
        return ""


def summary_of(value: Any) -> str:
    """The same of values that were parsed here."""
    if isinstance(value, Hidden):
        return str(value)
    fields = value.items() if isinstance(value, dict) else ()
    shown = [
        f"{key}={_scalar(item)}" for key, item in fields if item is not None and not isinstance(item, (dict, list))
    ]
    line = "  ".join(shown[:3])
    return line if len(line) <= 120 else line[:119] + "…"


def one_line(value: Any) -> str:
    """A value in words of at most 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


class _Tree:
    def __init__(self, changed: dict[str, Any] | None = None) -> None:
        self._changed = changed or {}
        self._left = MOST_NODES

    def html(self, value: Any, depth: int = 0) -> SafeString:
        self._left -= 1
        if isinstance(value, list) and _is_short(value):
            return format_html("[{}]", format_html_join(", ", "{}", ((_scalar_html(each),) for each in value)))
        if isinstance(value, (dict, list)) and value:
            return self._container(value, depth)
        if isinstance(value, (dict, list)):
            return format_html('<span class="z">{}</span>', "{}" if isinstance(value, dict) else "[]")
        return _scalar_html(value)

    def _container(self, value: dict[str, Any] | list[Any], depth: int) -> SafeString:
        if depth >= DEEPEST or self._left <= 0:
            return format_html('<span class="z">… {}</span>', _("more; see the raw JSON"))
        is_open = depth < OPEN_TO_DEPTH and len(value) <= LONGEST_OPEN_LIST
        return format_html(
            '<details{}><summary><span class="z">{}</span></summary><ul>{}</ul></details>',
            SafeString(" open") if is_open or depth == 0 else "",
            _size(value),
            format_html_join("", "<li>{}</li>", ((line,) for line in self._lines(value, depth))),
        )

    def _lines(self, value: dict[str, Any] | list[Any], depth: int) -> Iterator[SafeString]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if self._left <= 0:
                yield format_html('<span class="z">… {}</span>', _("more; see the raw JSON"))
                return
            yield self._line(key, item, depth, is_index=isinstance(value, list))

    def _line(self, key: Any, item: Any, depth: int, *, is_index: bool) -> SafeString:
        name = format_html('<span class="{}">{}</span>', "z" if is_index else "k", visible(str(key)))
        if depth == 0 and not is_index and key in self._changed:
            was = format_html('<span class="z">{} {}</span>', _("was"), one_line(self._changed[key]))
            return format_html('<span class="chg">{}</span>: {} {}', name, self.html(item, depth + 1), was)
        return format_html("{}: {}", name, self.html(item, depth + 1))


def _scalar_html(value: Any) -> SafeString:
    if isinstance(value, _Number):
        return format_html('<span class="n">{}</span>', str(value))
    if isinstance(value, Hidden):
        return format_html('<span class="z es-hidden">{}</span>', visible(str(value)))
    if isinstance(value, str):
        cut = format_html(' <span class="z">… {}</span>', _("cut")) if len(value) > LONGEST_TEXT else ""
        return format_html('<span class="s">"<bdi>{}</bdi>"</span>{}', visible(value[:LONGEST_TEXT]), cut)
    return format_html('<span class="z">{}</span>', json.dumps(value, default=str))


def _is_short(values: list[Any]) -> bool:
    scalars = not any(isinstance(each, (dict, list)) for each in values)
    return 0 < len(values) <= 8 and scalars and sum(len(str(each)) for each in values) <= LONGEST_LINE


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, (str, Hidden)) else json.dumps(value, default=str)


def _size(value: dict[str, Any] | list[Any]) -> str:
    count = len(value)
    if isinstance(value, dict):
        return ngettext("{%(count)d field}", "{%(count)d fields}", count) % {"count": count}
    return ngettext("[%(count)d item]", "[%(count)d items]", count) % {"count": count}
