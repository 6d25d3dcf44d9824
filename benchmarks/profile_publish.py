"""
Where the microseconds of one publish go.

    python benchmarks/profile_publish.py [--database sqlite|postgresql] [--events 1 100] [--seconds 3] [--functions]

Each stage is charged what the stages inside it do not take; the stopwatch itself costs a little in each. Below the table
stands what the same call takes without a stopwatch and, on PostgreSQL, what pgbench takes for the same function and for
the bare rows. --functions prints cProfile's list instead.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import time
from collections.abc import Callable
from typing import Any

from database import database, versions
from options import add_numbers, parser, run_for_each_database
from stopwatch import Stopwatch
from tables import number, print_table
from timing import microseconds

FUNCTIONS = 30
TURNS = 6

FUNCTION = """
SELECT * FROM event_store_append_v1(
    p_stream => 'Order-' || :run || '-' || :client_id || '$' || :stream_number,
    p_expected => {events} * (:call % {calls_per_stream}) - 1,
    p_events => (
        SELECT jsonb_agg(jsonb_build_object('i', gen_random_uuid(), 't', '{type}', 's', 1, 'd', :data::jsonb,
                                            'm', :metadata::jsonb, 'c', '01890a5d-ac96-774b-bcce-b302099a8057'))
          FROM generate_series(1, {events})),
    p_links => NULL, p_condition => NULL, p_recorded_at => NULL);
"""


def main() -> None:
    arguments = parser(__doc__, rounds=1, seconds=3.0)
    add_numbers(arguments, "events", (1, 100), "how many are published at once")
    arguments.add_argument("--functions", action="store_true", help="cProfile's list instead of the stages")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with database(arguments.database):
        for events in arguments.events:
            print(f"\n{versions()}: one publish of {events:,} event{'s' if events > 1 else ''}\n")
            if arguments.functions:
                _print_functions(events, arguments.seconds)
            else:
                _print_stages(events, arguments.seconds)


def _print_stages(events: int, seconds: float) -> None:
    from django.db import connection

    watch = Stopwatch()
    publish, publish_timed = _publisher(events), _publisher(events, watch)
    stages = _stages(connection.vendor)
    times = []
    # Turn by turn, as everywhere here: what disturbs one disturbs the other.
    for _ in range(TURNS):
        times.append(microseconds(publish, seconds / TURNS / 2))
        with watch.watching(stages):
            give_up_at = time.perf_counter() + seconds / TURNS / 2
            while time.perf_counter() < give_up_at:
                publish_timed()
                watch.end_lap()
    medians = watch.medians()
    total = sum(medians.values())
    rows = [[stage, number(spent), f"{spent / total:.0%}"] for stage, spent in medians.items()]
    print_table(["stage", "µs", "share"], [*rows, ["together, with the stopwatch", number(total), "100%"]])
    print(f"\nwithout the stopwatch: {number(statistics.median(times))} µs")
    if connection.vendor == "postgresql":
        _print_pgbench(events, seconds)


def _print_pgbench(events: int, seconds: float) -> None:
    import pgbench
    from samples import CALLS_PER_STREAM, TYPE

    function = pgbench.COUNT_CALLS + FUNCTION.format(events=events, calls_per_stream=CALLS_PER_STREAM, type=TYPE)
    for name, script in (("the same function", function), ("the bare rows", pgbench.append_script(events))):
        _, per_second = pgbench.run_pgbench(script, 1, seconds / 2)
        print(f"pgbench, prepared, {name}: {number(1e6 / per_second)} µs (a mean)")
    print(f"an empty query with Django’s cursor: {number(microseconds(_ask_nothing, 0.5))} µs")


def _print_functions(events: int, seconds: float) -> None:
    publish = _publisher(events)
    publish()
    with cProfile.Profile() as profile:
        microseconds(publish, seconds)
    pstats.Stats(profile).sort_stats("tottime").print_stats(FUNCTIONS)


def _publisher(events: int, watch: Stopwatch | None = None) -> Callable[[], Any]:
    from samples import DATA, METADATA, Noted, places

    from event_store import NewEvent, event_store

    def build() -> list[NewEvent[Noted]]:
        return [NewEvent(Noted(**DATA), metadata=METADATA) for _ in range(events)]

    build_timed = build if watch is None else watch.wrapped("build the events: their fields are checked", build)
    there = places(events)

    def publish() -> None:
        place = next(there)
        event_store.publish(build_timed(), stream=place.stream, expected_version=place.version)

    return publish


def _stages(vendor: str) -> list[tuple[str, Any, str]]:
    import psycopg
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.sqlite3.base import SQLiteCursorWrapper
    from django.db.backends.utils import CursorWrapper
    from django.db.transaction import Atomic

    from event_store import store
    from event_store.backends import postgresql, sqlite
    from event_store.backends.database import DatabaseBackend

    of_all = [
        ("publish itself: looks for subscribers", store.EventStore, "publish"),
        ("check the arguments", store, "checked_write"),
        ("encode data and metadata, make ids", store.EventStore, "_encoded"),
        ("build what is returned", store.EventStore, "_store"),
        ("send the signal, look for durable subscribers", store.EventStore, "_announce"),
        ("find the connection, translate errors", DatabaseBackend, "append"),
        ("make rows, read the answer", postgresql if vendor == "postgresql" else sqlite, "append"),
        ("open a cursor", BaseDatabaseWrapper, "cursor"),
        ("Django’s cursor", CursorWrapper, "execute"),
        ("Django’s cursor", CursorWrapper, "executemany"),
    ]
    if vendor == "postgresql":
        return [*of_all, ("psycopg, the database and the way there", psycopg.Cursor, "execute")]
    return [
        *of_all,
        ("sqlite3 with the database in it", SQLiteCursorWrapper, "execute"),
        ("sqlite3 with the database in it", SQLiteCursorWrapper, "executemany"),
        ("Django’s transaction: BEGIN", Atomic, "__enter__"),
        ("Django’s transaction: COMMIT", Atomic, "__exit__"),
    ]


def _ask_nothing() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


if __name__ == "__main__":
    main()
