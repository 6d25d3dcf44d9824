"""Where the time of one call goes: functions are wrapped, and each is charged what those inside it do not take."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Time by stage, lap by lap. A function that is wrapped and calls another one stops its own time meanwhile."""

    def __init__(self) -> None:
        self._nanoseconds: dict[str, int] = {}
        self._inside: list[int] = []
        self._laps: list[dict[str, int]] = []

    def end_lap(self) -> None:
        self._laps.append(dict(self._nanoseconds))
        self._nanoseconds.update(dict.fromkeys(self._nanoseconds, 0))

    def medians(self) -> dict[str, float]:
        """Microseconds of each stage in a lap."""
        return {stage: statistics.median(lap[stage] for lap in self._laps) / 1000 for stage in self._nanoseconds}

    @contextmanager
    def watching(self, stages: list[tuple[str, Any, str]]) -> Iterator[None]:
        """
        Args:
            stages: the name of a stage, and the owner and the name of a function that belongs to it.
        """
        # As they lie in the class: getattr would unwrap static methods.
        before = [(owner, name, vars(owner)[name]) for _, owner, name in stages]
        for stage, owner, name in stages:
            setattr(owner, name, self.wrapped(stage, vars(owner)[name]))
        try:
            yield
        finally:
            for owner, name, function in before:
                setattr(owner, name, function)

    def wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        inside, nanoseconds, now = self._inside, self._nanoseconds, time.perf_counter_ns
        nanoseconds.setdefault(stage, 0)

        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            inside.append(0)
            started = now()
            try:
                return function(*args, **options)
            finally:
                elapsed = now() - started
                nanoseconds[stage] += elapsed - inside.pop()
                if inside:
                    inside[-1] += elapsed

        return timed
