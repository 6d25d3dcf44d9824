"""
A map of arrows between boxes, drawn from above to below: who stands where, and how the arrows run.

Boxes stand in rows, and the label of each arrow has a place in a row between them, as a box of its own. Whatever passes a
row does so straight down, beside the boxes; curves run only between two rows. So no line runs through a box or a label, and
no two of those lie on each other. The spine is one straight line; the rest gives way to its left and to its right.

Source: layers by the longest path, order in them by barycentres (Sugiyama, Tagawa and Toda 1981); lines in straight blocks
(Brandes and Köpf 2001), pushed towards the spine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from browser.flow_places import SPACE, place
from browser.flow_ranks import ranks_of
from browser.flow_rows import Item, Link, in_rows, open_ports, sorted_rows, turn_apart

MARGIN = 12.0
LINE = 5.0
"""Room on each side of a line that passes a row."""
LABEL_OFFSET = 7.0
SHORTEST_GAP, LONGEST_GAP, EMPTY_ROW, LANE = 18.0, 54.0, 4.0, 13.0
LOOP_WIDTH, LOOP_HEIGHT = 26.0, 18.0


@dataclass(frozen=True)
class Box:
    width: float
    height: float


@dataclass(frozen=True)
class Arrow:
    """From and to a box, by their numbers. `thickness` of its line; `label_width` and `label_height`, 0 for no label."""

    source: int
    target: int
    weight: int = 1
    thickness: float = 1.5
    label_width: float = 0.0
    label_height: float = 0.0


@dataclass(frozen=True)
class PlacedBox:
    """`x` and `y`: of its upper left corner. `row` counts from 0."""

    x: float
    y: float
    width: float
    height: float
    row: int


@dataclass(frozen=True)
class PlacedArrow:
    """
    `path` and `head` for SVG: the line up to its head, and the head. `label_x`: where its text begins, `label_y`: its middle.

    `points`: x, top and bottom of the straight piece in each row that it passes, from above to below.
    """

    path: str
    head: str
    label_x: float
    label_y: float
    points: Sequence[tuple[float, float, float]]
    goes_up: bool


@dataclass(frozen=True)
class Map:
    """Lengths in pixels. Boxes and arrows in the order in which they were given."""

    width: float
    height: float
    spine_x: float
    boxes: Sequence[PlacedBox]
    arrows: Sequence[PlacedArrow]


def layout(boxes: Sequence[Box], arrows: Sequence[Arrow], *, start: int, end: int | None, spine: Sequence[int]) -> Map:
    """
    Args:
        arrows: at most one from each box to each other.
        start: the box of the first row.
        end: the box of the last one, if one is to stand there.
        spine: boxes that an arrow leads through one after the other, from `start`.
    """
    return _Drawing(boxes, arrows, start, end, spine).map()


@dataclass(eq=False)
class _Chain:
    """An arrow between two boxes in different rows, from above to below."""

    arrow: Arrow
    upper: int
    lower: int
    goes_up: bool
    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


class _Drawing:
    def __init__(
        self, boxes: Sequence[Box], arrows: Sequence[Arrow], start: int, end: int | None, spine: Sequence[int]
    ) -> None:
        self.boxes, self.arrows, self.spine = boxes, arrows, list(spine)
        self.loops = {each.source: each for each in arrows if each.source == each.target}
        ranks = ranks_of(len(boxes), arrows, start=start, end=end, spine=spine)
        self.items = [self._box_item(number, 2 * rank) for number, rank in enumerate(ranks)]
        self.chains = [self._chain(each) for each in arrows if each.source != each.target]
        self._choose_sides()
        self._make_links()
        # Short ways lie within long ones, like brackets.
        ways = sorted(self.chains, key=lambda each: (len(each.items), -each.arrow.weight))
        self.rows = sorted_rows(in_rows([*self.items, *(item for way in ways for item in way.items)]))
        for box, item in zip(boxes, self.items, strict=True):
            open_ports(item, box.width)
        place(self.rows, [each.items for each in self.chains])
        self.turning = [turn_apart(item) for item in self.items]
        self.tops, self.bottoms = self._row_bounds()

    def map(self) -> Map:
        low = min(each.x - each.left for row in self.rows for each in row) - MARGIN
        high = max(each.x + each.right for row in self.rows for each in row) + MARGIN
        for row in self.rows:
            for each in row:
                each.x = round(each.x - low, 1)
        of_chain = {(each.arrow.source, each.arrow.target): self._drawn(each) for each in self.chains}
        return Map(
            width=round(high - low, 1),
            height=round(self.bottoms[-1] + MARGIN, 1),
            spine_x=round(-low, 1),
            boxes=[self._placed(number) for number in range(len(self.boxes))],
            arrows=[
                self._drawn_loop(each) if each.source == each.target else of_chain[each.source, each.target]
                for each in self.arrows
            ],
        )

    # ---- items

    def _box_item(self, number: int, row: int) -> Item:
        half = self.boxes[number].width / 2
        loop = self.loops.get(number)
        return Item(row, half, half + (_loop_room(loop) + loop.label_width if loop else 0), box=number)

    def _chain(self, arrow: Arrow) -> _Chain:
        goes_up = self.items[arrow.source].row > self.items[arrow.target].row
        upper, lower = (arrow.target, arrow.source) if goes_up else (arrow.source, arrow.target)
        chain = _Chain(arrow, upper, lower, goes_up)
        rows = range(self.items[upper].row + 1, self.items[lower].row)
        # What leaves a box is to be read beside it.
        labelled = rows[-1] if goes_up else rows[0]
        half = max(LINE, arrow.thickness / 2 + 3)
        for row in rows:
            room = LABEL_OFFSET + arrow.thickness / 2 + arrow.label_width if row == labelled else 0
            chain.items.append(Item(row, half, max(half, room)))
        return chain

    # ---- sides

    def _choose_sides(self) -> None:
        spine = set(self.spine)
        self.load: dict[tuple[int, int], float] = defaultdict(float)
        neighbours: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for each in self.chains:
            neighbours[each.upper][each.lower] += each.arrow.weight
            neighbours[each.lower][each.upper] += each.arrow.weight
        aside = [number for number in range(len(self.boxes)) if number not in spine]
        for number in sorted(aside, key=lambda each: (self.items[each].row, each)):
            drawn = sum(weight * self.items[other].side for other, weight in neighbours[number].items())
            item = self.items[number]
            item.side = (1 if drawn > 0 else -1) if drawn else self._lighter_side([item])
            self._weigh([item])
        on_spine = set(pairwise(self.spine))
        for chain in sorted(self.chains, key=lambda each: (len(each.items), -each.arrow.weight)):
            if (chain.upper, chain.lower) in on_spine and not chain.goes_up:
                continue
            ends = [self.items[chain.arrow.source].side, self.items[chain.arrow.target].side]
            side = next((each for each in ends if each), 0) or self._lighter_side(chain.items)
            for item in chain.items:
                item.side = side
            self._weigh(chain.items)

    def _lighter_side(self, items: Sequence[Item]) -> int:
        left, right = (max(self.load[item.row, side] for item in items) for side in (-1, 1))
        return -1 if left < right else 1

    def _weigh(self, items: Sequence[Item]) -> None:
        for item in items:
            self.load[item.row, item.side] += item.left + item.right + SPACE

    def _make_links(self) -> None:
        for chain in self.chains:
            for upper, lower in pairwise([self.items[chain.upper], *chain.items, self.items[chain.lower]]):
                link = Link(upper, lower)
                upper.below.append(link)
                lower.above.append(link)
                chain.links.append(link)

    # ---- drawing

    def _row_bounds(self) -> tuple[list[float], list[float]]:
        tops, bottoms, y = [], [], MARGIN
        labels: dict[int, float] = defaultdict(float)
        for chain in self.chains:
            labelled = chain.items[-1 if chain.goes_up else 0].row
            labels[labelled] = max(labels[labelled], chain.arrow.label_height)
        for number, items in enumerate(self.rows):
            y += _gap(self.rows[number - 1], self._turning_between(number - 1)) if number else 0
            tops.append(y)
            heights = [self.boxes[each.box].height for each in items if each.box is not None]
            y += max([EMPTY_ROW, labels[number], *heights])
            bottoms.append(y)
        return tops, bottoms

    def _turning_between(self, row: int) -> int:
        """How many lines at most go sideways at one box between this row and the next one."""
        return max(
            (self.turning[each.box] for at in (row, row + 1) for each in self.rows[at] if each.box is not None),
            default=1,
        )

    def _placed(self, number: int) -> PlacedBox:
        item, box = self.items[number], self.boxes[number]
        middle = (self.tops[item.row] + self.bottoms[item.row]) / 2
        return PlacedBox(
            round(item.x - box.width / 2, 1), round(middle - box.height / 2, 1), box.width, box.height, item.row // 2
        )

    def _drawn(self, chain: _Chain) -> PlacedArrow:
        upper, lower = self._placed(chain.upper), self._placed(chain.lower)
        first, last = chain.links[0], chain.links[-1]
        size = _head_size(chain.arrow.thickness)
        start = (first.upper.x + first.upper_port, upper.y + upper.height)
        end = (last.lower.x + last.lower_port, lower.y)
        straight = [(item.x, self.tops[item.row], self.bottoms[item.row]) for item in chain.items]
        tip, way = (start, -1) if chain.goes_up else (end, 1)
        if chain.goes_up:
            start = (start[0], start[1] + size)
        else:
            end = (end[0], end[1] - size)
        labelled = straight[-1] if chain.goes_up else straight[0]
        return PlacedArrow(
            path=_path(start, straight, end, [each.turn for each in chain.links]),
            head=_head(tip, size, way),
            label_x=round(labelled[0] + LABEL_OFFSET + chain.arrow.thickness / 2, 1),
            label_y=round((labelled[1] + labelled[2]) / 2, 1),
            points=straight,
            goes_up=chain.goes_up,
        )

    def _drawn_loop(self, arrow: Arrow) -> PlacedArrow:
        box = self._placed(arrow.source)
        right, middle = box.x + box.width, box.y + box.height / 2
        size, out, half = _head_size(arrow.thickness), LOOP_WIDTH + 6, LOOP_HEIGHT / 2
        path = (
            f"M{right:.1f} {middle - half:.1f}C{right + out:.1f} {middle - half - 5:.1f} {right + out:.1f} "
            f"{middle + half + 5:.1f} {right + size:.1f} {middle + half:.1f}"
        )
        head = f"M{right:.1f} {middle + half:.1f}l{size:.1f} {-size / 2:.1f}v{size:.1f}z"
        return PlacedArrow(path, head, round(right + _loop_room(arrow), 1), round(middle, 1), (), goes_up=False)


def _loop_room(loop: Arrow) -> float:
    """From the box to the label of a loop: three quarters of how far its curve is drawn, its line, and a little."""
    return 0.75 * (LOOP_WIDTH + 6) + loop.thickness / 2 + 5


def _gap(row: Sequence[Item], turning: int) -> float:
    """The room below a row: the farther its lines have to go sideways, and the more of them, the more."""
    sideways = max((abs(link.sideways()) for item in row for link in item.below), default=0.0)
    return max(min(LONGEST_GAP, SHORTEST_GAP + 0.14 * sideways), SHORTEST_GAP + LANE * (turning - 1))


# ---- paths


def _path(
    start: tuple[float, float],
    straight: Sequence[tuple[float, float, float]],
    end: tuple[float, float],
    turns: Sequence[float],
) -> str:
    x, y = start
    parts = [f"M{x:.1f} {y:.1f}"]
    for (next_x, top, bottom), turn in zip([*straight, (end[0], end[1], end[1])], turns, strict=True):
        parts.append(f"L{next_x:.1f} {top:.1f}" if abs(next_x - x) < 0.05 else _curve(x, y, next_x, top, turn))
        if bottom > top:
            parts.append(f"V{bottom:.1f}")
        x, y = next_x, bottom
    return "".join(parts)


def _curve(x: float, y: float, to_x: float, to_y: float, turn: float) -> str:
    middle = y + (to_y - y) * turn
    return f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"


def _head_size(thickness: float) -> float:
    return round(5 + thickness * 1.1, 1)


def _head(tip: tuple[float, float], size: float, way: int) -> str:
    """`way`: 1 for a head that points down, -1 for one that points up."""
    return f"M{tip[0]:.1f} {tip[1]:.1f}l{-size * 0.6:.1f} {-way * size:.1f}h{size * 1.2:.1f}z"
