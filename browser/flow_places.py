"""How far from the spine each item of a flow map stands: near to it, and each line as straight as it can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from browser.flow_rows import Item, Link, Row

SPACE = 14.0
ROUNDS = 8


@dataclass(eq=False)
class _Block:
    """Items that stand below each other. `nearer` and `farther`: neighbours, and the least distance to each."""

    items: list[Item]
    side: int
    least: float = 0.0
    x: float = 0.0
    nearer: dict[_Block, float] = field(default_factory=dict)
    farther: dict[_Block, float] = field(default_factory=dict)


def place(rows: Sequence[Row], lines: Iterable[Sequence[Item]]) -> None:
    """
    Set `x` of each item.

    Args:
        lines: for each arrow the items that it passes, which want to stand below each other.
    """
    wanted = [list(each) for each in lines]
    boxes = [[item] for row in rows for item in row if item.box is not None]
    for side in (-1, 1):
        blocks = [_Block(each, side) for each in [*boxes, *wanted] if each and each[0].side == side]
        ordered = _ordered(rows, blocks) if blocks else []
        for block in ordered:
            _move(block, max([block.least, *(near.x + space for near, space in block.nearer.items())]))
        for number in range(ROUNDS):
            for block in ordered[:: 1 if number % 2 else -1]:
                _move(block, _allowed(block, _wanted(block)))


def _ordered(rows: Sequence[Row], blocks: list[_Block]) -> list[_Block]:
    """From the spine outwards. Where lines cross, so that each would be nearer than the other, one is broken in two."""
    while True:
        _find_neighbours(rows, blocks)
        ordered = _sorted_outwards(blocks)
        if len(ordered) == len(blocks):
            return ordered
        stuck = [each for each in blocks if each not in set(ordered)]
        longest = max(stuck, key=lambda each: len(each.items))
        middle = len(longest.items) // 2
        at = blocks.index(longest)
        blocks[at : at + 1] = [_Block(part, longest.side) for part in (longest.items[:middle], longest.items[middle:])]


def _find_neighbours(rows: Sequence[Row], blocks: Sequence[_Block]) -> None:
    of_item = {item: block for block in blocks for item in block.items}
    for block in blocks:
        block.nearer, block.farther, block.least = {}, {}, 0.0
    side = blocks[0].side
    for row in rows:
        spine = next((each for each in row if not each.side), None)
        edge = SPACE / 2 if spine is None else SPACE + (spine.right if side > 0 else spine.left)
        before: Item | None = None
        for item in [each for each in row if each.side == side][::side]:
            block = of_item[item]
            if before is None:
                block.least = max(block.least, edge + item.inner())
            else:
                near, space = of_item[before], before.outer() + SPACE + item.inner()
                block.nearer[near] = near.farther[block] = max(space, block.nearer.get(near, 0.0))
            before = item


def _sorted_outwards(blocks: Sequence[_Block]) -> list[_Block]:
    waiting = {each: len(each.nearer) for each in blocks}
    ordered = [each for each in blocks if not waiting[each]]
    for block in ordered:
        for each in block.farther:
            waiting[each] -= 1
            if not waiting[each]:
                ordered.append(each)
    return ordered


def _move(block: _Block, x: float) -> None:
    block.x = x
    for item in block.items:
        item.x = block.side * x


def _allowed(block: _Block, wanted: float) -> float:
    low = max([block.least, *(near.x + space for near, space in block.nearer.items())])
    high = min((far.x - space for far, space in block.farther.items()), default=wanted)
    return max(low, min(wanted, high))


def _wanted(block: _Block) -> float:
    """Where its ends are straight; of two ends the one that is farther out, so that only one of them bends."""
    ends = [_end(link, upwards=True) for link in block.items[0].above]
    ends += [_end(link, upwards=False) for link in block.items[-1].below]
    outwards = [block.side * each for each in ends]
    if not outwards:
        return block.x
    return max(outwards) if block.items[0].box is None else sum(outwards) / len(outwards)


def _end(link: Link, *, upwards: bool) -> float:
    if upwards:
        return link.upper.x + link.upper_port - link.lower_port
    return link.lower.x + link.lower_port - link.upper_port
