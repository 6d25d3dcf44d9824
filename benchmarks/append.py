"""
One event per publish, beside the same rows written by pgbench (PostgreSQL) or by raw sqlite3 (SQLite).

    python benchmarks/append.py [--database sqlite|postgresql] [--rounds 5] [--seconds 2]

Ten events per stream, exact expected version, 221 bytes of data, 154 bytes of metadata. The ways take turns within
each round; the table has medians in events per second, and their ratio to the limit of the same run.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from database import NAMES, database

EVENTS_PER_STREAM = 10
DATA = {"order_id": "42", "text": "x" * 193}
METADATA = {"request_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "user": 7, "path": "y" * 83}

PGBENCH = """
\\set number :number + 1
\\set stream_number :number / 10
WITH stream AS (
    INSERT INTO event_store_stream AS s (name, category, version, created_at)
    VALUES ('limit' || :prefix || '$' || :stream_number, 'limit' || :prefix, 0, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET version = s.version + 1 RETURNING id, version
), event AS (
    INSERT INTO event_store_storedevent
        (event_id, type, schema_version, data, metadata, correlation_id, causation_id, recorded_at, valid_at)
    VALUES (gen_random_uuid(), 'benchmark.Noted', 1, '{data}', '{metadata}', gen_random_uuid(), NULL, now(), now())
    RETURNING global_position
)
INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
SELECT stream.id, stream.version, event.global_position, true, now() FROM stream, event;
"""


def main() -> None:
    arguments = _arguments()
    for name in NAMES if arguments.database is None else (arguments.database,):
        # A database is bound to Django's settings, and these to a process.
        if arguments.database is None:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--database", name], check=True)
        else:
            with database(name):
                _print_table(name, _measure(name, arguments.rounds, arguments.seconds))


def _measure(name: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    ways = _ways(name)
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            rates[way].append(run(seconds))
    return rates


def _ways(name: str) -> dict[str, Callable[[float], float]]:
    limit = {"pgbench, prepared (limit)": _pgbench} if name == "postgresql" else {"raw sqlite3 (limit)": _raw_sqlite}
    return {**limit, "event_store.publish": _publish, "event_store.publish, 3 links": _publish_with_links}


def _print_table(name: str, rates: dict[str, list[float]]) -> None:
    medians = {way: statistics.median(values) for way, values in rates.items()}
    limit = next(iter(medians.values()))
    print(f"\n{name}: one event per append, one process, events/s (median of {len(next(iter(rates.values())))} rounds)")
    for way, rate in medians.items():
        print(f"  {way:<32}{rate:>9,.0f}{rate / limit:>8.2f} of the limit")


def _publish(seconds: float) -> float:
    return _published(seconds, links=[])


def _publish_with_links(seconds: float) -> float:
    return _published(seconds, links=["Audit", "Customer$7", "Report$2026"])


def _published(seconds: float, *, links: list[str]) -> float:
    from event_store import Event, NewEvent, event_store

    class Noted(Event, type="benchmark.Noted"):
        order_id: str
        text: str

    def publish(stream: str, position: int) -> None:
        event = NewEvent(Noted(**DATA), metadata=METADATA)
        event_store.publish(event, stream=stream, expected_version=position - 1, links=links)

    return _rate(publish, seconds)


def _raw_sqlite(seconds: float) -> float:
    from django.db import connection as django_connection

    connection = sqlite3.connect(django_connection.settings_dict["NAME"], isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    data, metadata = json.dumps(DATA), json.dumps(METADATA)

    def write(stream: str, position: int) -> None:
        now, event_id = str(datetime.now(UTC).replace(tzinfo=None)), uuid.uuid4().hex
        connection.execute("BEGIN IMMEDIATE")
        [(stream_id, version)] = connection.execute(
            "INSERT INTO event_store_stream AS s (name, category, version, created_at) VALUES (?, 'limit', 0, ?)"
            " ON CONFLICT (name) DO UPDATE SET version = s.version + 1 RETURNING id, version",
            (stream, now),
        ).fetchall()
        cursor = connection.execute(
            "INSERT INTO event_store_storedevent (event_id, type, schema_version, data, metadata, correlation_id,"
            " causation_id, recorded_at, valid_at) VALUES (?, ?, 1, ?, ?, ?, NULL, ?, ?)",
            (event_id, "benchmark.Noted", data, metadata, event_id, now, now),
        )
        connection.execute(
            "INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)"
            " VALUES (?, ?, ?, 1, ?)",
            (stream_id, version, cursor.lastrowid, now),
        )
        connection.execute("COMMIT")

    try:
        return _rate(write, seconds)
    finally:
        connection.close()


def _rate(write: Callable[[str, int], None], seconds: float) -> float:
    places = _places()
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        write(*next(places))
        count += 1
    return count / elapsed


def _places() -> Iterator[tuple[str, int]]:
    run, stream_number = uuid.uuid4().hex, 0
    while True:
        for position in range(EVENTS_PER_STREAM):
            yield f"bench-{run}${stream_number}", position
        stream_number += 1


def _pgbench(seconds: float) -> float:
    from django.db import connection

    from tests.postgresql import programs

    settings = connection.settings_dict
    script = PGBENCH.replace("{data}", json.dumps(DATA)).replace("{metadata}", json.dumps(METADATA))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "append.sql"
        path.write_text(script)
        variables: list[Any] = ["-D", "number=0", "-D", f"prefix={time.monotonic_ns()}"]
        place: list[Any] = ["-h", settings["HOST"] or "127.0.0.1", "-U", settings["USER"] or "postgres"]
        place += ["-p", str(settings["PORT"])] if settings["PORT"] else []
        command = [programs() / "pgbench", "-n", "-M", "prepared", "-c", "1", "-T", str(max(1, round(seconds)))]
        answer = subprocess.run(
            [*command, *variables, *place, "-f", path, settings["NAME"]], capture_output=True, text=True, check=True
        )
    found = re.search(r"tps = ([\d.]+) \(without initial", answer.stdout)
    if found is None:
        raise RuntimeError(answer.stdout + answer.stderr)
    return float(found[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=NAMES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
