"""Stream names, types and keys in URLs: any name has exactly one URL, and comes back exactly."""

from __future__ import annotations

import re
import unicodedata

from django.urls import register_converter
from django.urls.converters import StringConverter

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.$:@")
_ESCAPED = re.compile(r"(?:~[0-9A-F]{2})+")


class NameConverter:
    """
    ASCII letters, digits and `-_.$:@` stay, letters of other scripts stay in NFC, everything else becomes `~XX` for
    each byte of its UTF-8 form. A name of dots alone is escaped, the empty name is `~`.
    """

    regex = "[^/]+"

    def to_url(self, value: object) -> str:
        return escape_name(str(value))

    def to_python(self, value: str) -> str:
        name = unescape_name(value)
        if escape_name(name) != value or "\0" in name:
            raise ValueError(f"{value!r} is not how {name!r} is written in a URL")
        return name


def escape_name(name: str) -> str:
    if not name:
        return "~"
    if not name.strip("."):
        return name.replace(".", "~2E")
    return "".join(character if _stays(character, name) else _bytes_of(character) for character in name)


def unescape_name(text: str) -> str:
    """Raises ValueError when the escaped bytes are no UTF-8."""
    if text == "~":
        return ""
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("~", "")).decode(), text)


def _stays(character: str, name: str) -> bool:
    if character in _PLAIN:
        return True
    # A combining mark could join its neighbour on the way: whole names that are not in NFC are escaped.
    return character.isalpha() and character > "\x7f" and unicodedata.is_normalized("NFC", name)


def _bytes_of(character: str) -> str:
    return "".join(f"~{byte:02X}" for byte in character.encode())


class ExportConverter(StringConverter):
    """The kinds of files that events are exported to."""

    regex = "jsonl|csv"


register_converter(NameConverter, "esname")
register_converter(ExportConverter, "esexport")
