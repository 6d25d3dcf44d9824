"""
Links per second, written by 1 to 8 processes and 1 to 1,000 at once, beside what the database itself can do.

    python benchmarks/link.py [--database sqlite|postgresql] [--processes 1 8] [--events 1 100] [--rounds 3] [--seconds 1]

Ten calls per stream, each with the exact expected version. The limits and the ORM know the positions of the events, the
store is given ids and looks them up. `eventsourcing` has no links.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from database import database, versions
from options import parser, run_for_each_database
from tables import print_results
from timing import in_rounds
from workers import Workers
from writing import Turns, add_cases, wanted_cases

LIMITS = {"postgresql": "pgbench, prepared", "sqlite": "raw sqlite3"}


def main() -> None:
    arguments = parser(__doc__, rounds=3, seconds=1.0)
    add_cases(arguments)
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    name, cases = arguments.database, wanted_cases(arguments)
    with database(name), Workers(arguments.processes) as workers:
        # Django has to be set up for these.
        from filling import Filling
        from samples import LINKABLE

        Filling(LINKABLE).store()
        turns = {str(case): _turns(name, Turns(case, workers, arguments.seconds)) for case in cases}
        results = in_rounds(arguments.rounds, turns)
        title = (
            f"{versions()}: links written per second, median of {arguments.rounds} rounds of {arguments.seconds:g} s"
        )
    print_results(title, results, limit=LIMITS[name])


def _turns(name: str, turns: Turns) -> dict[str, Callable[[], float]]:
    import ours
    import pgbench
    import raw_sqlite
    import rivals
    from stored import OurRows

    rows = OurRows(is_link=True)
    return {
        LIMITS[name]: turns.of_pgbench(pgbench.link_script, rows)
        if name == "postgresql"
        else turns.of_workers(raw_sqlite.linking, rows),
        "event_store.link, recorded events": turns.of_workers(ours.linking, rows),
        "event_store.link, ids": turns.of_workers(ours.linking_ids, rows),
        "ORM, bulk_create in atomic": turns.of_workers(rivals.bulk_linking, rows),
    }


if __name__ == "__main__":
    main()
