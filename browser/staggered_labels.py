"""Labels over the marks of a line, in two rows: each stands over its own mark, those of the upper row joined to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from browser.text_width import shortened, text_width

SIZE = 12
FEWEST = 6
"""Characters: of less than these one cannot tell what they stand for."""
HALF, BEFORE, AFTER = 6, 12, 10
"""Of a mark; and what a label leaves free before the next mark, and after the one before."""


@dataclass(frozen=True)
class Named:
    """A mark at `x` with what would be written over it; `must`: this label is dropped last."""

    x: float
    name: str
    must: bool = False


@dataclass(frozen=True)
class StaggeredLabel:
    """It begins at `x` or, with `ends_here`, ends there; `raised`: in the upper row, over its neighbours' labels."""

    text: str
    x: float
    raised: bool
    ends_here: bool


def staggered(marks: Sequence[Named], *, limit: float, width: float) -> list[StaggeredLabel | None]:
    """
    The labels of marks from left to right, shortened where need be; None where there is no room for one.

    Args:
        limit: where the lower row ends; both begin at 0.
        width: where the upper one does.
    """
    lower = _placed(marks, (), limit=limit, width=width)
    squeezed = [index for index, label in enumerate(lower) if label is None or label.text != marks[index].name]
    if not squeezed:
        return lower
    others = (_placed(marks, raised, limit=limit, width=width) for raised in _ways(marks, squeezed))
    return max([lower, *others], key=lambda labels: _merit(marks, labels))


def fitting(text: str, room: float) -> str:
    """As much of the text as there is room for, "" where that is too little to tell."""
    lengths = range(len(text), min(FEWEST, len(text)) - 1, -1)
    return next((each for most in lengths if text_width(each := shortened(text, most), SIZE) <= room), "")


def _ways(marks: Sequence[Named], squeezed: Collection[int]) -> Iterator[Collection[int]]:
    """Which labels could be raised: those without room, every second one, fewer and fewer, only those that must be there."""
    last, musts = len(marks) - 1, {index for index, mark in enumerate(marks) if mark.must}
    yield set(squeezed)
    yield set(range(1, len(marks), 2))
    for every in range(2, 9):
        yield {index for index in range(len(marks)) if (last - index) % every == 0} | musts
    yield musts


def _merit(marks: Sequence[Named], labels: Sequence[StaggeredLabel | None]) -> float:
    return sum(_worth(*each) for each in zip(marks, labels, strict=True))


def _worth(mark: Named, label: StaggeredLabel | None) -> float:
    if label is None:
        return -10_000 if mark.must else -30
    return (3 if mark.must else 1) * (len(label.text) - len(mark.name)) - (0.5 if label.raised else 0)


def _placed(
    marks: Sequence[Named], raised: Collection[int], *, limit: float, width: float
) -> list[StaggeredLabel | None]:
    taken = {False: 0.0, True: 0.0}
    labels: list[StaggeredLabel | None] = []
    for index, mark in enumerate(marks):
        is_raised = index in raised
        # In the lower row the lines of the upper one pass; in the upper one there are only its own.
        beside = sorted(raised) if is_raised else range(len(marks))
        before = max((marks[each].x + AFTER for each in beside if each < index), default=0)
        until = min((marks[each].x - BEFORE for each in beside if each > index), default=width if is_raised else limit)
        label = _label(mark, max(before, taken[is_raised]), until, is_raised=is_raised)
        labels.append(label)
        if label:
            end = label.x if label.ends_here else label.x + text_width(label.text, SIZE)
            taken[is_raised] = end + BEFORE - HALF
    return labels


def _label(mark: Named, since: float, until: float, *, is_raised: bool) -> StaggeredLabel | None:
    """It begins at its mark or, without room for that, further left."""
    text = fitting(mark.name, until - since)
    if not text:
        return None
    length, start = text_width(text, SIZE), mark.x - HALF
    # The width is an upper bound: at its end nearest to the mark a label is where it is said to be.
    ends_here = start + length > until and until - mark.x < length / 2
    x = until if ends_here else max(since, min(start, until - length))
    return StaggeredLabel(text, round(x, 1), is_raised, ends_here)
