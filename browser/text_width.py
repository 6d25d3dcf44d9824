"""How wide a text is at most, in the fonts that browsers show the pages in: the server cannot measure it."""

from __future__ import annotations

import unicodedata

# In widths of the font's size, by the widest of the usual fonts (DejaVu Sans).
_NARROW, _NORMAL, _CAPITAL, _BROAD, _FULL = 0.42, 0.64, 0.76, 1.0, 1.3
_NARROW_ONES = frozenset("fijlrtI.,:;'|!()[]{}/ \u00a0·`\"")
_BROAD_ONES = frozenset("mwMW@%…—")


def text_width(text: str, size: float) -> float:
    """
    Args:
        size: of the font, in pixels.
    Returns:
        Pixels.
    """
    return size * sum(map(_width, text))


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters, without its middle: types often differ in how they end."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def _width(character: str) -> float:
    if character in _NARROW_ONES:
        return _NARROW
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return _FULL
    if character in _BROAD_ONES or ord(character) >= 0x2100:
        return _BROAD
    return _CAPITAL if character.isupper() else _NORMAL
