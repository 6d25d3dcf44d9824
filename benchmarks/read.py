"""
Microseconds to read a stream of 1, 10 and 1,000 events, and 1,000 of all; and what reading many costs in memory.

    python benchmarks/read.py [--database sqlite|postgresql] [--processes 1] [--rounds 5] [--seconds 0.5] [--memory 1000 100000]

About 220 bytes of data and 150 of metadata, any of several streams each time. The measure is Django's cursor with the SQL
written by hand and `json.loads` into data classes. The ORM's instances do not have the JSON in classes of their own, those of
`eventsourcing` come from a table without links.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from database import new_database, server, versions
from options import add_numbers, parser, run_for_each_database
from tables import Goal, print_goals, print_results, print_table
from timing import in_rounds, microseconds
from workers import Start, Workers

if TYPE_CHECKING:
    from readers import Wanted

PLAIN = "Django cursor, json.loads into data classes"
TYPED = "event_store.events"
EVENTSOURCING = "eventsourcing, default recorder"

GOALS = [
    Goal("stream of 10, of the plain cursor", "stream of 10", TYPED, PLAIN, at_most=1.15),
    Goal("stream of 1,000, of the plain cursor", "stream of 1,000", TYPED, PLAIN, at_most=1.15),
    Goal("stream of 1,000, of eventsourcing", "stream of 1,000", TYPED, EVENTSOURCING, at_most=1.0),
]
MEMORY_GOAL = 5  # MB


def main() -> None:
    arguments = parser(__doc__, rounds=5, seconds=0.5)
    add_numbers(arguments, "processes", (1,), "how many read at the same time")
    add_numbers(arguments, "memory", (1_000, 10_000, 100_000), "how many events are iterated for the peak memory")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with server(arguments.database):
        for processes in arguments.processes:
            with new_database(), Workers([processes]) as workers:
                _measure_times(arguments, processes, workers)
        with new_database(), Workers([1]) as workers:
            _measure_memory(sorted(arguments.memory), workers)


def _measure_times(arguments: argparse.Namespace, processes: int, workers: Workers) -> None:
    # Django has to be set up for it.
    import readers

    readers.store_streams()
    results = in_rounds(
        arguments.rounds,
        {
            str(wanted): {way: partial(_turn, workers, processes, way, wanted, arguments.seconds) for way in _ways()}
            for wanted in [*map(readers.Wanted, readers.STREAMS), readers.Wanted(1000, of_all=True)]
        },
    )
    title = f"{versions()}: µs to read, {processes} at the same time, median of {arguments.rounds} rounds"
    print_results(title, results, limit=PLAIN)
    print_goals(results, GOALS)


def _turn(workers: Workers, processes: int, way: str, wanted: Wanted, seconds: float) -> float:
    return statistics.mean(workers.run(processes, read_for, way, wanted, seconds))


def _measure_memory(counts: list[int], workers: Workers) -> None:
    from filling import Filling

    Filling(max(counts)).store()
    [peaks] = workers.run(1, peaks_of, counts)
    print("\nPeak memory of a process that iterates over event_store.events\n")
    rows = [[f"{count:,}", f"{peak:.1f}", f"{peak - peaks[0]:.1f}"] for count, peak in zip(counts, peaks, strict=True)]
    print_table(["events", "MB", f"more than with {counts[0]:,}, MB"], rows)
    verdict = "met" if peaks[-1] - peaks[0] <= MEMORY_GOAL else "NOT met"
    print(f"\ngoal: flat, at most {MEMORY_GOAL} MB more: {verdict}")


# ---- in a worker


def read_for(start: Start, way: str, wanted: Wanted, seconds: float) -> float:
    with _ways()[way]() as read:
        rows = read(wanted)
        _check(rows, wanted)
        start()
        return microseconds(lambda: read(wanted), seconds)


def peaks_of(start: Start, counts: list[int]) -> list[float]:
    """Peak memory in MB after iterating over so many events, for one count after the other."""
    from event_store import event_store

    peaks = []
    for count in counts:
        assert sum(1 for _ in event_store.events[:count]) == count
        peaks.append(peak_memory())
    return peaks


def _ways() -> dict[str, Callable[[], Any]]:
    import readers

    return {
        PLAIN: readers.cursor_classes,
        "the same, not decoded": readers.cursor_rows,
        TYPED: readers.typed_events,
        "event_store.events.as_json()": readers.json_events,
        "ORM, model instances": readers.model_instances,
        EVENTSOURCING: readers.eventsourcing_events,
    }


def _check(rows: Any, wanted: Wanted) -> None:
    from samples import DATA

    assert len(rows) == wanted.length, (len(rows), wanted)
    data = rows[0][3] if isinstance(rows[0], tuple) else rows[0].data
    plain = json.loads(data) if isinstance(data, str) else data if isinstance(data, dict) else vars(data)
    assert plain == DATA, plain


def peak_memory() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would begin with the memory of the process that started this one.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        assert found is not None
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
