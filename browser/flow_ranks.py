"""Which box of a flow map stands in which row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol


class Way(Protocol):
    """An arrow from a box to another one, by their numbers."""

    @property
    def source(self) -> int: ...

    @property
    def target(self) -> int: ...

    @property
    def weight(self) -> int: ...


def ranks_of(count: int, arrows: Sequence[Way], *, start: int, end: int | None, spine: Sequence[int]) -> list[int]:
    """The row of each box: below all boxes that an arrow leads from, but for arrows that close a circle."""
    following: list[set[int]] = [set() for _ in range(count)]
    for source, target in _downward(count, arrows, start, spine):
        following[source].add(target)
    ranks = [0 if number == start else 1 for number in range(count)]
    for source in _before_what_follows(following):
        for target in following[source]:
            ranks[target] = max(ranks[target], ranks[source] + 1)
    if end is not None:
        ranks[end] = 1 + max((rank for number, rank in enumerate(ranks) if number != end), default=0)
    return ranks


def _downward(count: int, arrows: Sequence[Way], start: int, spine: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Arrows without a circle: those of the spine, those by which each box is reached first, then the heaviest."""
    ways = sorted(
        (each for each in arrows if each.source != each.target), key=lambda a: (-a.weight, a.source, a.target)
    )
    wanted = [*pairwise(spine), *_tree(count, ways, start, spine), *((each.source, each.target) for each in ways)]
    following: list[set[int]] = [set() for _ in range(count)]
    for source, target in dict.fromkeys(wanted):
        if not _leads_to(following, target, source):
            following[source].add(target)
            yield source, target


def _tree(count: int, ways: Sequence[Way], start: int, spine: Sequence[int]) -> Iterator[tuple[int, int]]:
    reached = {start, *spine}
    while len(reached) < count:
        way = next((each for each in ways if each.source in reached and each.target not in reached), None)
        if way is None:
            reached.add(next(each for each in range(count) if each not in reached))
            continue
        reached.add(way.target)
        yield way.source, way.target


def _leads_to(following: Sequence[set[int]], source: int, target: int) -> bool:
    waiting, seen = [source], {source}
    while waiting:
        number = waiting.pop()
        if number == target:
            return True
        fresh = following[number] - seen
        seen |= fresh
        waiting.extend(fresh)
    return False


def _before_what_follows(following: Sequence[set[int]]) -> list[int]:
    coming = [0] * len(following)
    for targets in following:
        for target in targets:
            coming[target] += 1
    order = [number for number, count in enumerate(coming) if not count]
    for number in order:
        for target in sorted(following[number]):
            coming[target] -= 1
            if not coming[target]:
                order.append(target)
    return order
