"""
How soon a download of many events begins, how fast it is, and how much memory it takes.

    python benchmarks/exports.py [--database sqlite|postgresql] [--events 1000000]

The browser's export of all events, by a superuser, taken part by part as a server takes it, after one of 2,000 events has
warmed everything up.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from database import database, versions
from filling import Filling
from options import run_for_each_database
from tables import print_table

SOONEST_SECONDS, MOST_MEGABYTES = 1, 50


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=1_000_000, help="how many are stored (1000000)")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with database(arguments.database):
        Filling(arguments.events).store()
        client = _superuser()
        rows = [_download(client, kind, arguments.events) for kind in ("jsonl", "csv")]
        print(f"\n{versions()}: {arguments.events:,} events\n")
        names = ["file", "first part, ms", "events per second", "MB", "more memory, MB"]
        print_table(names, [[kind, *(f"{each:,.0f}" for each in figures)] for kind, *figures in rows])
    if any(first > SOONEST_SECONDS * 1000 or memory > MOST_MEGABYTES for _, first, _, _, memory in rows):
        sys.exit("A download begins too late, or keeps too much in memory.")


def _superuser() -> Any:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    settings.ROOT_URLCONF = "tests.browser.urls"
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def _download(client: Any, kind: str, events: int) -> tuple[str, float, float, float, float]:
    for _part in client.get(f"/es/events/export.{kind}?limit=2000"):
        pass
    memory, started = _memory(), time.perf_counter()
    first, size, most = 0.0, 0, memory
    for part in client.get(f"/es/events/export.{kind}?limit={events}"):
        first = first or time.perf_counter() - started
        size += len(part)
        most = max(most, _memory())
    seconds = time.perf_counter() - started
    return kind, first * 1000, events / seconds, size / 1e6, (most - memory) / 1e6


def _memory() -> int:
    """Bytes of this process that are in memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


if __name__ == "__main__":
    main()
