"""How long a call takes, and every way again in each round."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def microseconds(call: Callable[[], Any], seconds: float, *, least: int = 3) -> float:
    """The median time of one call."""
    call()
    times: list[float] = []
    give_up_at = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < give_up_at:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


class Results:
    """Values of ways in cases, one for each round."""

    def __init__(self, places: Iterable[tuple[str, str]]) -> None:
        self._values: dict[tuple[str, str], list[float]] = {place: [] for place in places}

    def add(self, case: str, way: str, value: float) -> None:
        self._values[case, way].append(value)

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self._values

    def median(self, case: str, way: str) -> float:
        return statistics.median(self._values[case, way])

    def ratios(self, case: str, way: str, to: str) -> list[float]:
        """Round by round, since what disturbs a machine disturbs neighbours in time alike."""
        return [value / limit for value, limit in zip(self._values[case, way], self._values[case, to], strict=True)]

    @property
    def cases(self) -> list[str]:
        return list(dict.fromkeys(case for case, _ in self._values))

    @property
    def ways(self) -> list[str]:
        return list(dict.fromkeys(way for _, way in self._values))


def in_rounds(rounds: int, turns: Mapping[str, Mapping[str, Callable[[], float]]]) -> Results:
    """Call every turn of every case once in each round, the ways of a case in an order that changes."""
    results = Results([(case, way) for case, ways in turns.items() for way in ways])
    for _ in range(rounds):
        for case, ways in turns.items():
            for way in random.sample(list(ways), len(ways)):
                results.add(case, way, ways[way]())
    return results
