"""Plain tables for terminals."""

from __future__ import annotations

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell; those without any content are left out. Control characters are shown as ?."""
    kept = [number for number in range(len(headings)) if any(row[number] for row in rows)]
    lines = [[_visible(line[number]) for number in kept] for line in (headings, *rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(kept))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
