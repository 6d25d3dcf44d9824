"""What stands in each row of a flow map, from left to right."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

PORT, PORT_INSET = 22.0, 14.0
SWEEPS = 12


@dataclass(eq=False)
class Item:
    """
    A box, or where an arrow passes a row.

    `left` and `right`: the room it takes on both sides of its line, or of its middle. `side`: -1 left of the spine, 1 right
    of it, 0 on it. `place`: counted from the spine, negative to its left. `x`: the line's, or the middle's; the spine's is 0.
    """

    row: int
    left: float
    right: float
    side: int = 0
    box: int | None = None
    x: float = 0.0
    place: int = 0
    above: list[Link] = field(default_factory=list)
    below: list[Link] = field(default_factory=list)

    def inner(self) -> float:
        """The room towards the spine."""
        return self.left if self.side > 0 else self.right

    def outer(self) -> float:
        return self.right if self.side > 0 else self.left


@dataclass(eq=False)
class Link:
    """A piece of an arrow between two rows, with the distance of each end from the middle of its item."""

    upper: Item
    lower: Item
    upper_port: float = 0.0
    lower_port: float = 0.0
    turn: float = 0.5
    """How far down between the rows it goes sideways: 0 is at the upper one, 1 at the lower one."""

    def sideways(self) -> float:
        return self.lower.x + self.lower_port - self.upper.x - self.upper_port


Row = list[Item]


def in_rows(outwards: Sequence[Item]) -> list[Row]:
    """The rows of items that are given from the spine outwards."""
    rows: list[Row] = [[] for _ in range(max(each.row for each in outwards) + 1)]
    for item in outwards:
        rows[item.row].append(item)
    rows = [[*reversed(_on(-1, row)), *_on(0, row), *_on(1, row)] for row in rows]
    _number(rows)
    return rows


def sorted_rows(rows: Sequence[Row]) -> list[Row]:
    """The same with few crossings; nobody changes the side."""
    rows = [list(row) for row in rows]
    best, fewest = [list(row) for row in rows], crossings(rows)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows[:: 1 if downwards else -1]:
            row[:] = _sorted(row, downwards)
            _number([row])
        crossed = crossings(rows)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    _number(best)
    return best


def crossings(rows: Sequence[Row]) -> int:
    """How often lines cross between the rows."""
    count = 0
    for row in rows:
        seen: list[int] = []
        for item in row:
            places = sorted(link.lower.place for link in item.below)
            count += sum(len(seen) - bisect_right(seen, place) for place in places)
            for place in places:
                insort(seen, place)
    return count


def open_ports(item: Item, width: float) -> None:
    """Spread the ends of lines over both edges of their box; what goes straight on along the spine stays in the middle."""
    for link, port in _ports(item, item.below, width, lambda link: link.lower):
        link.upper_port = port
    for link, port in _ports(item, item.above, width, lambda link: link.upper):
        link.lower_port = port


def turn_apart(item: Item) -> int:
    """
    Have the lines of a box go sideways one above the other: what goes farther out does so nearer to the box.

    Returns:
        How many do so at most, to one side above or below the box.
    """
    most = 0
    for links, nearest, farthest in ((item.below, 0.2, 0.8), (item.above, 0.8, 0.2)):
        for is_left in (True, False):
            turning = [each for each in links if each.sideways() and (each.sideways() < 0) == is_left]
            turning.sort(key=lambda each: -abs(each.sideways()))
            for number, link in enumerate(turning):
                link.turn = nearest + (farthest - nearest) * number / (len(turning) - 1) if len(turning) > 1 else 0.5
            most = max(most, len(turning))
    return most


def _on(side: int, row: Sequence[Item]) -> Row:
    return [each for each in row if each.side == side]


def _number(rows: Sequence[Row]) -> None:
    for row in rows:
        for side in (-1, 1):
            for distance, item in enumerate(_on(side, row)[::side], 1):
                item.place = side * distance


def _sorted(row: Row, downwards: bool) -> Row:
    def barycentre(item: Item) -> float:
        others = [each.upper for each in item.above] if downwards else [each.lower for each in item.below]
        return sum(each.place for each in others) / len(others) if others else float(item.place)

    wanted = {item: barycentre(item) for item in row}
    left, right = (sorted(_on(side, row), key=lambda each: wanted[each]) for side in (-1, 1))
    return [*left, *_on(0, row), *right]


def _ports(
    item: Item, links: Sequence[Link], width: float, other: Callable[[Link], Item]
) -> Iterator[tuple[Link, float]]:
    ordered = sorted(links, key=lambda link: other(link).place)
    straight = [index for index, link in enumerate(ordered) if not item.side and not other(link).side]
    zero = float(straight[0]) if straight else (len(ordered) - 1) / 2
    farthest = max(zero, len(ordered) - 1 - zero)
    step = min(PORT, (width / 2 - PORT_INSET) / farthest) if farthest else 0.0
    for index, link in enumerate(ordered):
        yield link, round((index - zero) * step, 1)
