"""The geometry of a flow map: whatever the arrows, nothing lies on anything else, and the spine is straight."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise

import pytest

from browser.flow_layout import Arrow, Box, Map, layout
from browser.flow_places import SPACE, place
from browser.flow_ranks import ranks_of
from browser.flow_rows import Item, Link, crossings, in_rows, sorted_rows

Rectangle = tuple[float, float, float, float]
BEGIN = 0


def arrow(source: int, target: int, weight: int = 1) -> Arrow:
    return Arrow(source, target, weight, thickness=1.5 + weight % 7, label_width=30 + weight % 50, label_height=28)


def chain(count: int) -> list[Arrow]:
    return [arrow(number, number + 1, 100) for number in range(count + 1)]


def tangle(count: int, arrows: int, seed: int) -> tuple[list[Box], list[Arrow], list[int]]:
    """So many types, with arrows at random between them, circles and loops included."""
    chosen = random.Random(seed)
    found = {(each.source, each.target): each for each in chain(count)[: chosen.randrange(1, count + 2)]}
    spine = [BEGIN, *(target for _source, target in found)]
    for _ in range(arrows):
        source, target = chosen.randrange(count + 1), chosen.randrange(1, count + 2)
        if (source, target) != (BEGIN, count + 1):
            found.setdefault((source, target), arrow(source, target, chosen.randrange(1, 90)))
    boxes = [Box(80, 24), *(Box(chosen.randrange(90, 260), 42) for _ in range(count)), Box(150, 24)]
    return boxes, list(found.values()), spine


def drawn(boxes: list[Box], arrows: list[Arrow], spine: list[int]) -> Map:
    return layout(boxes, arrows, start=BEGIN, end=len(boxes) - 1, spine=spine)


def rectangles(drawing: Map, arrows: list[Arrow]) -> list[Rectangle]:
    """Of all boxes and labels: left, top, right, bottom."""
    boxes = [(each.x, each.y, each.x + each.width, each.y + each.height) for each in drawing.boxes]
    labels = [
        (where.label_x, where.label_y - 14, where.label_x + each.label_width, where.label_y + 14)
        for each, where in zip(arrows, drawing.arrows, strict=True)
    ]
    return [*boxes, *labels]


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def faults(drawing: Map, arrows: list[Arrow]) -> list[str]:
    found = rectangles(drawing, arrows)
    lines = [
        (x - each.thickness / 2, top, x + each.thickness / 2, bottom)
        for each, where in zip(arrows, drawing.arrows, strict=True)
        for x, top, bottom in where.points
    ]
    outside = [
        each for each in found if each[0] < 0 or each[1] < 0 or each[2] > drawing.width or each[3] > drawing.height
    ]
    return [
        *(f"{one} lies on {other}" for one, other in combinations(found, 2) if overlap(one, other)),
        *(f"a line runs through {each}" for each in found for line in lines if overlap(each, line)),
        *(f"{each} is outside" for each in outside),
    ]


TANGLES = [(1, 2, 4), (2, 4, 8), (4, 12, 10), (12, 40, 10), (40, 110, 3)]


@pytest.mark.parametrize(
    ("types", "arrows", "seed"), [(types, arrows, seed) for types, arrows, seeds in TANGLES for seed in range(seeds)]
)
def test_nothing_lies_on_anything_else_and_the_spine_is_straight(types: int, arrows: int, seed: int) -> None:
    boxes, ways, spine = tangle(types, arrows, seed)
    drawing = drawn(boxes, ways, spine)

    assert faults(drawing, ways) == []
    middles = {round(drawing.boxes[each].x + drawing.boxes[each].width / 2, 0) for each in spine}
    assert middles == {round(drawing.spine_x, 0)}
    on_spine = [
        where
        for each, where in zip(ways, drawing.arrows, strict=True)
        if (each.source, each.target) in set(pairwise(spine))
    ]
    assert [each.path for each in on_spine if "C" in each.path] == []
    assert drawn(boxes, ways, spine) == drawing


def test_arrows_lead_down_but_for_those_that_close_a_circle() -> None:
    ways = [*chain(3), arrow(3, 1, 5), arrow(2, 2, 5), arrow(1, 3, 5)]
    drawing = drawn([Box(100, 40)] * 5, ways, [0, 1, 2, 3, 4])

    assert [each.row for each in drawing.boxes] == [0, 1, 2, 3, 4]
    assert [each.goes_up for each in drawing.arrows] == [False] * 4 + [True, False, False]


def test_a_head_touches_the_box_that_its_arrow_leads_to() -> None:
    ways = [*chain(2), arrow(2, 1, 5)]
    drawing = drawn([Box(100, 40)] * 4, ways, [0, 1, 2, 3])
    tips = [[float(each) for each in re.findall(r"-?\d+\.\d", where.head)[:2]] for where in drawing.arrows]

    for way, where, (x, y) in zip(ways, drawing.arrows, tips, strict=True):
        box = drawing.boxes[way.target]
        assert box.x < x < box.x + box.width
        assert y == pytest.approx(box.y + box.height if where.goes_up else box.y, abs=0.2)


def test_a_type_that_only_a_circle_leads_to_stands_below_what_leads_there() -> None:
    # 2 is only ever tried between 1 and 1 again.
    assert ranks_of(
        4, [arrow(0, 1, 9), arrow(1, 2, 3), arrow(2, 1, 8), arrow(1, 3, 9)], start=0, end=3, spine=[0, 1, 3]
    ) == [0, 1, 2, 3]


def test_a_box_that_nothing_leads_to_has_a_row_all_the_same() -> None:
    assert ranks_of(4, [arrow(0, 1), arrow(2, 3)], start=0, end=None, spine=[0, 1]) == [0, 1, 1, 2]


def test_lines_that_change_places_are_broken_and_keep_their_distance() -> None:
    one, other = ([Item(row, 5, 30, side=1) for row in range(4)] for _line in range(2))
    rows = [[one[row], other[row]] if row < 2 else [other[row], one[row]] for row in range(4)]

    place(rows, [one, other])
    assert [right.x - left.x >= 30 + SPACE + 5 for left, right in rows] == [True] * 4
    assert len({each.x for each in one}) > 1


def test_sorting_takes_crossings_out() -> None:
    items = [Item(row, 5, 5, side=1) for row in (0, 0, 1, 1)]
    for upper, lower in ((0, 3), (1, 2)):
        link = Link(items[upper], items[lower])
        items[upper].below.append(link)
        items[lower].above.append(link)
    rows = in_rows(items)

    assert crossings(rows) == 1
    assert crossings(sorted_rows(rows)) == 0
