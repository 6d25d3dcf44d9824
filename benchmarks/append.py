"""
Events per second, stored by 1 to 8 processes and 1 to 1,000 at once, beside what the database itself can do.

    python benchmarks/append.py [--database sqlite|postgresql] [--processes 1 8] [--events 1 100] [--rounds 5] [--seconds 1]

Ten calls per stream, each with the exact expected version; about 220 bytes of data and 150 of metadata; a row in each of
streams, events and links. The numbers of processes are tried with one event, the numbers of events with one process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from database import database, versions
from options import parser, run_for_each_database
from tables import Goal, print_goals, print_results
from timing import in_rounds
from workers import Workers
from writing import Case, Turns, add_cases, wanted_cases

PUBLISH, PUBLISH_LINKS = "event_store.publish", "event_store.publish, 3 links"
BULK_CREATE, EVENTSOURCING = "ORM, bulk_create in atomic", "eventsourcing, default recorder"
LIMITS = {"postgresql": "pgbench, prepared", "sqlite": "raw sqlite3"}


GOALS = {
    "postgresql": [
        Goal("one event, of the limit", str(Case(1, 1)), PUBLISH, LIMITS["postgresql"], at_least=0.70),
        Goal("one event, of eventsourcing", str(Case(1, 1)), PUBLISH, EVENTSOURCING, at_least=2.0),
        Goal("one event, of bulk_create", str(Case(1, 1)), PUBLISH, BULK_CREATE, at_least=4),
        Goal("8 processes, of the limit", str(Case(8, 1)), PUBLISH, LIMITS["postgresql"], at_least=0.45),
        Goal("8 processes, of eventsourcing", str(Case(8, 1)), PUBLISH, EVENTSOURCING, at_least=2.0),
        Goal("100 at once, of the limit", str(Case(1, 100)), PUBLISH, LIMITS["postgresql"], at_least=0.60),
        Goal("time with 3 links, of that without", str(Case(1, 1)), PUBLISH, PUBLISH_LINKS, at_most=1.3),
    ],
    "sqlite": [
        *(
            Goal(f"{case}, {name}", str(case), PUBLISH, to, at_least=bound)
            for case in (Case(1, 1), Case(1, 1, "FULL"))
            for name, to, bound in (("of the limit", LIMITS["sqlite"], 0.65), ("of bulk_create", BULK_CREATE, 5))
        ),
        # FULL is its default.
        Goal("FULL, of eventsourcing", str(Case(1, 1, "FULL")), PUBLISH, EVENTSOURCING, at_least=0.85),
        Goal("time with 3 links, of that without", str(Case(1, 1)), PUBLISH, PUBLISH_LINKS, at_most=1.3),
    ],
}


def main() -> None:
    arguments = parser(__doc__, rounds=5, seconds=1.0)
    add_cases(arguments)
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    name = arguments.database
    cases = wanted_cases(arguments)
    cases += [Case(1, 1, "FULL")] if name == "sqlite" else []
    with database(name), Workers([1, *arguments.processes]) as workers:
        turns = {str(case): _turns(name, Turns(case, workers, arguments.seconds)) for case in cases}
        results = in_rounds(arguments.rounds, turns)
        title = (
            f"{versions()}: events stored per second, median of {arguments.rounds} rounds of {arguments.seconds:g} s"
        )
    print_results(title, results, limit=LIMITS[name])
    print("\neventsourcing stores one row for each event, and at most 250 in one call: with 1,000 it may hang.")
    print_goals(results, GOALS[name])


def _turns(name: str, turns: Turns) -> dict[str, Callable[[], float]]:
    # Django has to be set up for these.
    import ours
    import pgbench
    import raw_sqlite
    import rivals
    from stored import OurRows

    ways = {
        LIMITS[name]: turns.of_pgbench(pgbench.append_script, OurRows())
        if name == "postgresql"
        else turns.of_workers(raw_sqlite.appending, OurRows()),
        PUBLISH: turns.of_workers(ours.publishing, OurRows()),
        PUBLISH_LINKS: turns.of_workers(ours.publishing_with_links, OurRows(streams=4)),
        BULK_CREATE: turns.of_workers(rivals.bulk_creating, OurRows()),
        EVENTSOURCING: turns.of_workers(rivals.eventsourcing, rivals.eventsourcing_rows()),
    }
    if turns.case.events > 1:
        del ways[PUBLISH_LINKS]
    return ways


if __name__ == "__main__":
    main()
