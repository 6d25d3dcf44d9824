"""JSON as nested, closable HTML: digit for digit as it is stored, whatever it is, with bounds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from browser.hidden import Hidden
from browser.visible import visible

LONGEST_LINE = 60
LONGEST_SUMMARIZED = 20_000
OPEN_TO_DEPTH, DEEPEST, MOST_NODES, LONGEST_OPEN_LIST = 2, 20, 500, 20
LONGEST_TEXT, LONGEST_OPEN_TEXT, LONGEST_LINKED, LONGEST_HTML = 2_000, 300, 100, 400_000


Find: TypeAlias = Callable[[Sequence[str], Any], str]


class _Number(str):
    """A number as it is written."""


def parse(text: str) -> Any:
    """JSON with its numbers as text. Raises ValueError or RecursionError for what cannot be read."""
    return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)


def is_number(value: Any) -> bool:
    """Whether a value that was parsed here is a number."""
    return isinstance(value, _Number)


def json_tree(text: str, *, find: Find | None = None) -> SafeString:
    """
    JSON text as a tree, its numbers and texts as they are written; at most 500 values and 20 levels, then a note.

    Args:
        find: the URL of what has a value at a place (its keys from the top; a number as text), "" for none.
    """
    try:
        return _Tree(find=find, read=_read).html(_as_written(text))
    except (ValueError, RecursionError):
        return format_html('<pre class="es-raw">{}</pre>{}', visible(text[:LONGEST_TEXT]), _cut(text))


def plain_tree(value: Any, *, changed: dict[str, Any] | None = None) -> SafeString:
    """
    JSON-like values as a tree.

    Args:
        changed: top-level keys that have changed, with the values that they had before.
    """
    changed = {_written(key): was for key, was in (changed or {}).items()}
    return _Tree(changed).html(_as_written(json.dumps(value, ensure_ascii=False)))


def value_tree(value: Any, *, find: Find | None = None) -> SafeString:
    """Values that were parsed here, some of them perhaps hidden, as a tree."""
    try:
        return _Tree(write=_written, find=find).html(value)
    except (TypeError, RecursionError):
        return _Tree().html(Hidden(_("it cannot be shown")))


def json_text(value: Any) -> str:
    """The same as JSON text, digit for digit; hidden values are strings."""
    if isinstance(value, dict):
        fields = ", ".join(f"{_quoted(str(key))}: {json_text(item)}" for key, item in value.items())
        return f"{{{fields}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(json_text, value))}]"
    if isinstance(value, _Number):
        return str(value)
    return _quoted(value if isinstance(value, (str, int, float, bool, type(None))) else str(value))


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


def _quoted(scalar: Any) -> str:
    # Letters as databases give them; but no UTF-8 has a lone surrogate.
    return json.dumps(
        scalar, ensure_ascii=isinstance(scalar, str) and any("\ud800" <= each <= "\udfff" for each in scalar)
    )


def _as_written(text: str) -> Any:
    """JSON parsed, but its texts keep their escapes, its numbers their digits."""
    # A backslash that is doubled comes out of the parser as one. No JSON holds the two characters that stand in for pairs.
    escaped = text.replace("\\\\", "\0").replace('\\"', "\1").replace("\\", "\\\\")
    return parse(escaped.replace("\0", "\\" * 4).replace("\1", '\\\\\\"'))


def _written(text: str) -> str:
    """A text as JSON writes it, without its quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _read(written: str) -> str:
    """The text that is written so."""
    return str(json.loads(f'"{written}"')) if "\\" in written else written


class _Tree:
    """
    One tree, within bounds of its size.

    Args:
        changed: see `plain_tree`.
        write: what is done to texts so that they stand there as in JSON.
        read: what is done to them to look for them.
        find: see `json_tree`.
    """

    def __init__(
        self,
        changed: dict[str, Any] | None = None,
        *,
        write: Callable[[str], str] = str,
        read: Callable[[str], str] = str,
        find: Find | None = None,
    ) -> None:
        self._changed = changed or {}
        self._write, self._read, self._find = write, read, find
        self._path: list[str] = []
        self._left, self._room = MOST_NODES, LONGEST_HTML

    def html(self, value: Any, depth: int = 0, *, before: str = "", after: str = "") -> SafeString:
        """A value between its name and what is noted of it; where it can be closed, both stay in sight."""
        self._left -= 1
        if _is_block(value):
            return self._container(value, depth, before, after)
        return format_html("{}{}{}", before, self._inline(value), after)

    def _inline(self, value: Any) -> SafeString:
        if isinstance(value, list) and value:
            return format_html("[{}]", format_html_join(", ", "{}", ((self._scalar(each),) for each in value)))
        if isinstance(value, (dict, list)):
            return format_html('<span class="z">{}</span>', "{}" if isinstance(value, dict) else "[]")
        return self._linked(value)

    def _container(self, value: Any, depth: int, before: str, after: str) -> SafeString:
        if isinstance(value, str):
            return self._long_text(value, before, after)
        if depth >= DEEPEST or self._is_full:
            return format_html('{}<span class="z">{} … {}</span>', before, _size(value), _("more; see the raw JSON"))
        lines = format_html_join("", "<li>{}</li>", ((line,) for line in self._lines(value, depth)))
        if depth == 0 and isinstance(value, dict):
            return format_html("<ul>{}</ul>", lines)
        is_open = depth == 0 or (depth < OPEN_TO_DEPTH and len(value) <= LONGEST_OPEN_LIST)
        return format_html(
            '<details{}><summary>{}<span class="z">{}</span>{}</summary><ul>{}</ul></details>',
            SafeString(" open") if is_open else "",
            before,
            _size(value),
            after,
            lines,
        )

    def _long_text(self, value: str, before: str, after: str) -> SafeString:
        text = self._write(value)
        return format_html(
            '<details><summary>{}<span class="s">"<bdi>{}</bdi>…</span> <span class="z">{}</span>{}</summary>'
            '<span class="s">"<bdi>{}</bdi>"</span>{}</details>',
            before,
            visible(text[:LONGEST_LINE]),
            _length(text),
            after,
            self._shown(text),
            _cut(text),
        )

    def _lines(self, value: dict[str, Any] | list[Any], depth: int) -> Iterator[SafeString]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if self._is_full:
                yield format_html('<span class="z">… {}</span>', _("more; see the raw JSON"))
                return
            has_name = isinstance(value, dict) and len(str(key)) <= LONGEST_LINKED
            self._path.append(self._read(str(key)) if has_name else "")
            yield self._line(key, item, depth, is_index=isinstance(value, list))
            self._path.pop()

    def _line(self, key: Any, item: Any, depth: int, *, is_index: bool) -> SafeString:
        text = str(key) if is_index else self._write(str(key))
        name = format_html('<span class="{}">{}</span>', "z" if is_index else "k", self._shown(text))
        if depth == 0 and not is_index and text in self._changed:
            was = format_html(' <span class="z">{} {}</span>', _("was"), visible(one_line(self._changed[text])))
            if _is_block(item):
                return self.html(item, depth + 1, before=format_html('<span class="chg">{}</span>: ', name), after=was)
            return format_html('<span class="chg">{}: {}</span>{}', name, self.html(item, depth + 1), was)
        return self.html(item, depth + 1, before=format_html("{}: ", name))

    def _linked(self, value: Any) -> SafeString:
        shown = self._scalar(value)
        url = self._url(value)
        self._room -= len(url)
        return format_html('<a href="{}">{}</a>', url, shown) if url else shown

    def _url(self, value: Any) -> str:
        """Of what has this value here; "" for long texts, and inside lists, where no place has a name."""
        if self._find is None or not all(self._path) or isinstance(value, Hidden):
            return ""
        if isinstance(value, str) and len(value) > LONGEST_LINKED:
            return ""
        return self._find(self._path, self._read(value) if type(value) is str else value)

    def _scalar(self, value: Any) -> SafeString:
        if isinstance(value, _Number):
            return format_html('<span class="n">{}</span>', self._shown(value))
        if isinstance(value, Hidden):
            return format_html('<span class="z es-hidden">{}</span>', visible(str(value)))
        if isinstance(value, str):
            text = self._write(value)
            return format_html('<span class="s">"<bdi>{}</bdi>"</span>', self._shown(text))
        return format_html('<span class="z">{}</span>', json.dumps(value, default=str))

    def _shown(self, text: str) -> SafeString:
        shown = visible(text[:LONGEST_TEXT])
        self._room -= len(shown)
        return shown

    @property
    def _is_full(self) -> bool:
        return self._left <= 0 or self._room <= 0


def _cut(text: str) -> SafeString:
    return (
        format_html(' <span class="z">… {}</span>', _("cut; see the raw JSON"))
        if len(text) > LONGEST_TEXT
        else SafeString("")
    )


def _length(text: str) -> str:
    return ngettext("%(count)d character", "%(count)d characters", len(text)) % {"count": len(text)}


def _is_block(value: Any) -> bool:
    """Whether it takes more than a line, and can be closed."""
    if isinstance(value, str):
        return len(value) > LONGEST_OPEN_TEXT and type(value) is str
    return isinstance(value, (dict, list)) and bool(value) and not (isinstance(value, list) and _is_short(value))


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
