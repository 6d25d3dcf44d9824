"""Time as a length: to scale where something happens, folded where nothing does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from django.utils.translation import gettext as _

from browser.ages import duration

SHORTEST_FOLD = timedelta(seconds=60)
PART_OF_ACTIVE_TIME = 0.05
CHARACTER_WIDTH = 7.2
DIGIT_WIDTH = 6.4
EVENLY = 0.5


@dataclass(frozen=True)
class Fold:
    """A pause in which nothing happened; `x` is its middle, `width` what it takes up."""

    x: float
    width: float
    pause: timedelta

    @property
    def label(self) -> str:
        """As much as there is room for: "2 d 18 h, nothing happened", "2 d 18 h" or ""."""
        length = duration(self.pause)
        whole = _("%(duration)s, nothing happened") % {"duration": length}
        return next((each for each in (whole, length) if len(each) * DIGIT_WIDTH < self.width), "")

    def zigzag(self, y: float) -> str:
        """The `d` of a path, 24 wide, which crosses a horizontal line at `y`."""
        return f"M{round(self.x - 12, 1)} {y} l4 -7 l8 14 l8 -14 l4 7"


class TimeScale:
    """
    Where moments lie between `left` and `right`.

        scale = TimeScale([event.recorded_at for event in events], left=96, right=928)
        scale.places      # x of each of these moments, in the order given: equal ones get places of their own
        scale.x(moment)   # x of any moment; of one before the first or after the last: that of the first or last
        scale.folds       # the pauses that are folded, to be drawn as `<path d="{{ fold.zigzag(y) }}">` with `fold.label`

    A pause longer than 60 s and than 5 % of the active time (all that is not folded) is folded to one width. Half of the
    room is shared evenly, so that what happened at once stays apart, and half by how long each pause took.

    Args:
        moments: aware, in any order; what shall have a place of its own.
        true_scale: nothing is folded and nothing kept apart: twice as far is twice as long.
    """

    places: Sequence[float]
    folds: Sequence[Fold]

    def __init__(self, moments: Sequence[datetime], *, left: float, right: float, true_scale: bool = False) -> None:
        order = sorted(range(len(moments)), key=moments.__getitem__)
        self._times = [moments[each] for each in order]
        pauses = [after - before for before, after in pairwise(self._times)]
        longest = max(pauses, default=timedelta(0)) if true_scale else _longest_unfolded(pauses)
        widths = _widths([min(each, longest) for each in pauses], right - left, evenly=0 if true_scale else EVENLY)
        self._x = [round(each, 1) for each in accumulate(widths, initial=left)][: len(order)] or [left]
        places = dict(zip(order, self._x, strict=False))
        self.places = [places[index] for index in range(len(order))]
        self.folds = [
            Fold(round((before + after) / 2, 1), round(after - before, 1), pause)
            for pause, (before, after) in zip(pauses, pairwise(self._x), strict=True)
            if pause > longest
        ]

    def x(self, moment: datetime) -> float:
        index = bisect_left(self._times, moment)
        if index == 0 or index == len(self._times):
            return self._x[-1 if index else 0]
        before, after = self._times[index - 1], self._times[index]
        part = (moment - before) / (after - before)
        return round(self._x[index - 1] + part * (self._x[index] - self._x[index - 1]), 1)


def _longest_unfolded(pauses: Sequence[timedelta]) -> timedelta:
    """The longest pause that is not folded: what is folded no longer counts as active, which may fold others."""
    active, total = sorted(pauses), sum(pauses, timedelta(0))
    while active and active[-1] > max(SHORTEST_FOLD, total * PART_OF_ACTIVE_TIME):
        total -= active.pop()
    return max(SHORTEST_FOLD, total * PART_OF_ACTIVE_TIME)


def _widths(pauses: Sequence[timedelta], room: float, *, evenly: float) -> list[float]:
    total = sum(pauses, timedelta(0))
    if not total:
        evenly = 1
    return [room * (evenly / len(pauses) + (1 - evenly) * (each / total if total else 0)) for each in pauses]
