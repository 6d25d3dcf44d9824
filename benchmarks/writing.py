"""Turns of writers: in how many processes, so many events at once, as long as the seconds last."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from database import set_durability
from options import add_numbers
from workers import Start, Workers

if TYPE_CHECKING:
    from samples import Place
    from stored import Rows

WARM_UP = 30  # calls
WARM_UP_EVENTS = 300

Write = Callable[["Place"], Any]
Writer = Callable[[int], AbstractContextManager[Write]]
"""Given how many events each call has, connects and gives the call."""


class Turn(NamedTuple):
    """All calls that were made, warming up included, and calls per second after it."""

    calls: int
    per_second: float


class Case(NamedTuple):
    processes: int
    events: int
    synchronous: str = "NORMAL"

    def __str__(self) -> str:
        processes = f"{self.processes} process{'es' if self.processes > 1 else ''}"
        at_once = f"{self.events:,} at once" if self.events > 1 else ""
        return ", ".join(filter(None, [processes, at_once, "FULL" if self.synchronous == "FULL" else ""]))


def add_cases(parser: argparse.ArgumentParser) -> None:
    add_numbers(parser, "processes", (1, 2, 4, 8), "how many write at the same time")
    add_numbers(parser, "events", (1, 10, 100, 1000), "how many are written in one call")


def wanted_cases(arguments: argparse.Namespace) -> list[Case]:
    """Every number of processes with the fewest events, every number of events with the fewest processes."""
    cases = [Case(each, min(arguments.events)) for each in arguments.processes]
    cases += [Case(min(arguments.processes), each) for each in arguments.events]
    return list(dict.fromkeys(cases))


class Turns:
    """Makes turns of one case; each answers events per second, once it is sure that their rows are there."""

    def __init__(self, case: Case, workers: Workers, seconds: float) -> None:
        self.case, self._workers, self._seconds = case, workers, seconds

    def of_workers(self, writer: Writer, rows: Rows) -> Callable[[], float]:
        def run() -> Turn:
            arguments = (writer, self.case.events, self._seconds, self.case.synchronous)
            turns = self._workers.run(self.case.processes, write_for, *arguments)
            return Turn(sum(each.calls for each in turns), sum(each.per_second for each in turns))

        return self._checked(run, rows)

    def of_pgbench(self, script: Callable[[int], str], rows: Rows) -> Callable[[], float]:
        from pgbench import run_pgbench

        text = script(self.case.events)
        return self._checked(lambda: Turn(*run_pgbench(text, self.case.processes, self._seconds)), rows)

    def _checked(self, run: Callable[[], Turn], rows: Rows) -> Callable[[], float]:
        def events_per_second() -> float:
            rows.mark()
            turn = run()
            rows.check(turn.calls, self.case.events)
            return turn.per_second * self.case.events

        return events_per_second


def write_for(start: Start, writer: Writer, events: int, seconds: float, synchronous: str) -> Turn:
    """A job for workers: one call after the other."""
    from samples import places

    set_durability(synchronous)
    warm_up = max(2, min(WARM_UP, WARM_UP_EVENTS // events))
    with writer(events) as write:
        there = places(events)
        for _ in range(warm_up):
            write(next(there))
        start()
        started, calls = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            write(next(there))
            calls += 1
    return Turn(warm_up + calls, calls / elapsed)
