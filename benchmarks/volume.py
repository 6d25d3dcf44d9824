"""
Whether a store with a million events is as fast as one with ten thousand.

    python benchmarks/volume.py [--database sqlite|postgresql] [--events 10000 1000000 10000000] [--rounds 5] [--seconds 0.2]

Each volume has a database and a process of its own, so that they take turns within each round. Ten million events need
about 11 GB on the disk; filling takes a few minutes.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from database import new_database, server, versions
from options import add_numbers, parser, run_for_each_database
from tables import Goal, print_goals, print_results
from timing import in_rounds, microseconds
from workers import Start, Workers

if TYPE_CHECKING:
    from filling import Filling

GOAL = 1.3

_open = ExitStack()
_fillings: list[Filling] = []


def main() -> None:
    arguments = parser(__doc__, rounds=5, seconds=0.2)
    add_numbers(arguments, "events", (10_000, 1_000_000), "how many are stored, the fewest first")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with server(arguments.database), ExitStack() as stack:
        workers = {f"{count:,} events": stack.enter_context(Workers([1])) for count in arguments.events}
        for worker in workers.values():
            stack.callback(worker.run, 1, close_volume)
        for (name, worker), count in zip(workers.items(), arguments.events, strict=True):
            [(seconds, names, where)] = worker.run(1, fill_volume, count)
            print(f"{name} filled in {seconds:.0f} s")
        turns = {
            operation: {name: partial(_turn, worker, operation, arguments.seconds) for name, worker in workers.items()}
            for operation in names
        }
        results = in_rounds(arguments.rounds, turns)
    smallest, *others = workers
    print_results(f"{where}: µs per call, median of {arguments.rounds} rounds", results, limit=smallest, by_case=True)
    print_goals(
        results, [Goal(f"{each}, {case}", case, each, smallest, at_most=GOAL) for each in others for case in turns]
    )


def _turn(worker: Workers, operation: str, seconds: float) -> float:
    [median] = worker.run(1, time_operation, operation, seconds)
    return float(median)


# ---- in the process of one volume


def fill_volume(start: Start, count: int) -> tuple[float, list[str], str]:
    """How many seconds it took, the names of the operations, and what it is done on."""
    from filling import Filling
    from operations import OPERATIONS

    _open.enter_context(new_database())
    _fillings.append(Filling(count))
    started = time.perf_counter()
    _fillings[0].store()
    seconds = time.perf_counter() - started
    for name, (call, rows) in OPERATIONS.items():
        found = len(call(_fillings[0]))
        if found not in rows:
            raise AssertionError(f"{name}: {found} rows, not {rows}")
    return seconds, list(OPERATIONS), versions()


def time_operation(start: Start, operation: str, seconds: float) -> float:
    from operations import OPERATIONS

    call, _ = OPERATIONS[operation]
    return microseconds(lambda: call(_fillings[0]), seconds)


def close_volume(start: Start) -> None:
    _open.close()


if __name__ == "__main__":
    main()
