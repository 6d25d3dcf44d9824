"""Characters that hide, or that turn their neighbours round, made visible."""

from __future__ import annotations

import unicodedata

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_HIDING = frozenset(("Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs"))


def visible(text: str) -> SafeString:
    """The text, escaped, with control, bidi and zero-width characters as `U+202E`."""
    return (
        format_html_join("", "{}", ((_part(character),) for character in text))
        if _hides(text)
        else format_html("{}", text)
    )


def visible_text(text: str) -> str:
    """The same as plain text, for titles and labels."""
    return "".join(f"‹U+{ord(each):04X}›" if _is_hidden(each) else each for each in text)


def _part(character: str) -> SafeString:
    if _is_hidden(character):
        return format_html('<span class="es-esc">U+{}</span>', f"{ord(character):04X}")
    return format_html("{}", character)


def _hides(text: str) -> bool:
    return any(map(_is_hidden, text))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDING
