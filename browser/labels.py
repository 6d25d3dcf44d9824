"""Labels beside marks on a line: those that would lie on a neighbour are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from browser.time_scale import CHARACTER_WIDTH

BESIDE_MARK = 11


@dataclass(frozen=True)
class Label:
    """It begins beside its mark, or ends there."""

    text: str
    ends_here: bool


def labels_of(marks: Sequence[tuple[float, str]], width: float) -> list[Label | None]:
    """
    Args:
        marks: where each mark of one line lies, from left to right, and what would be written beside it.
        width: where the line ends; it begins at 0.
    """
    labels: list[Label | None] = []
    end = 0.0
    for index, (x, text) in enumerate(marks):
        following = marks[index + 1][0] - BESIDE_MARK if index + 1 < len(marks) else width
        label = _label(x, text, end, following)
        end = x + BESIDE_MARK + (_length(text) if label and not label.ends_here else 0)
        labels.append(label)
    return labels


def _label(x: float, text: str, since: float, until: float) -> Label | None:
    length = BESIDE_MARK + _length(text)
    if x + length <= until:
        return Label(text, ends_here=False)
    return Label(text, ends_here=True) if x - length >= since else None


def _length(text: str) -> float:
    return len(text) * CHARACTER_WIDTH
