"""
How long the browser's pages take with a million events, and how many statements they send.

    python benchmarks/pages.py [--database sqlite|postgresql] [--events 1000000] [--rounds 30]

Each visit of a page asks for another stream, process or event. Server time, with session, permissions and template, as a
superuser sees it; beside it the admin's own list of the one user in the same rounds. Fails where a page asks for what grows
with the store, or sends more statements than it may.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from database import new_database, server, versions
from filling import FREQUENT_CATEGORY, FREQUENT_TYPE, RARE_TYPE, Filling, event_id
from filling_processes import SUBSCRIPTIONS, TYPE, ProcessFilling, declare
from options import run_for_each_database
from tables import print_table

MOUNT = "/es/"
BASELINE = "/admin/auth/user/"
MOST_MILLISECONDS = 150
WARM_UP = 2
OF_TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SET LOCAL")


@dataclass(frozen=True)
class Page:
    """
    `path` gives the address of one visit, below the mount. `most_statements` includes session, user and permissions, and
    leaves out those that begin and end transactions.
    """

    name: str
    path: Callable[[], str]
    most_statements: int
    most_milliseconds: int = MOST_MILLISECONDS


@dataclass
class Visits:
    milliseconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    statements: int = 0
    faults: set[str] = field(default_factory=set)
    size: int = 0

    def p95(self) -> float:
        return statistics.quantiles(self.milliseconds, n=20)[-1]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=1_000_000, help="how many are stored (1000000)")
    arguments.add_argument("--rounds", type=int, default=30, help="how often each page is visited (30)")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with server(arguments.database), new_database():
        filled = Filling(arguments.events)
        processes = ProcessFilling(filled)
        _fill(filled, processes)
        pages = _pages(filled, processes)
        # What the worked example adds is no part of the pages.
        with _without_extensions():
            visits = _visit(pages, arguments.rounds)
        _print(pages, visits, versions())
    if any(visits[each.name].faults or visits[each.name].statements > each.most_statements for each in pages):
        sys.exit("Some pages ask for too much.")


def _fill(filled: Filling, processes: ProcessFilling) -> None:
    started = time.perf_counter()
    filled.store()
    processes.store()
    _analyze()
    seconds = time.perf_counter() - started
    print(f"{filled.count:,} events, {filled.streams:,} streams, {filled.processes:,} processes in {seconds:.0f} s")
    declare()


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _pages(filled: Filling, processes: ProcessFilling) -> list[Page]:
    deep = filled.count // 2

    def process() -> str:
        return f"processes/{TYPE}/{processes.any_key()}/"

    def event() -> str:
        return f"events/{event_id(random.randrange(filled.count))}/"

    return [
        Page("overview", lambda: "", 10),
        Page("streams", lambda: "streams/", 6),
        Page("streams of a category", lambda: f"streams/?category={FREQUENT_CATEGORY}", 6),
        Page("streams from the middle", lambda: f"streams/?from={filled.any_stream()}", 6),
        Page("stream", lambda: f"streams/{filled.any_stream()}/", 7),
        Page("stream of a process", lambda: f"streams/{filled.any_process_stream()}/", 7),
        Page("events", lambda: "events/", 7),
        Page("events, 500,000 back", lambda: f"events/?before={deep - random.randrange(1000)}", 7),
        Page("events of a frequent type", lambda: f"events/?type={FREQUENT_TYPE}", 7),
        Page("events of a frequent type, 500,000 back", lambda: f"events/?type={FREQUENT_TYPE}&before={deep}", 7),
        Page("events of a rare type", lambda: f"events/?type={RARE_TYPE}", 7),
        Page("event", event, 11),
        Page("conversation", lambda: f"correlations/{filled.any_conversation()}/", 6),
        Page("streams side by side", lambda: f"swimlane/?s={filled.any_stream()}&s={filled.any_process_stream()}", 8),
        Page("board", lambda: "processes/", 8),
        Page("process type", lambda: f"processes/{TYPE}/", 8),
        Page("waiting processes", lambda: f"processes/{TYPE}/?status=waiting", 8),
        Page("processes that wait for long", lambda: f"processes/{TYPE}/?older=1h", 8),
        Page("processes by the beginning of a key", lambda: f"processes/{TYPE}/?key={processes.any_key()[:2]}", 8),
        Page("process", process, 9),
        Page("states of a process", lambda: f"{process()}compare/", 11),
        Page("comparison of two steps", lambda: process() + "compare/?a=2&b=5", 11),
        Page("command", lambda: f"commands/{processes.any_command()}/", 11),
        Page("subscriptions", lambda: "handlers/", 6),
        Page("types", lambda: "types/", 5),
        Page("flow", lambda: f"flow/?category={FREQUENT_CATEGORY}", 6),
        Page("flow of a process", lambda: "flow/?category=OrderMatch", 6),
        Page("type", lambda: f"types/{FREQUENT_TYPE}/", 9),
        Page("subscription", lambda: f"handlers/subscription_{random.randrange(SUBSCRIPTIONS)}/", 8),
        Page("streams that changed recently", lambda: "streams/?recent=1", 6),
        Page("search for a value", lambda: f"events/?where=order_id:%22{random.randrange(filled.streams)}%22", 8, 2000),
        Page("find", lambda: "find/?q=Cust", 12),
        Page("help", lambda: "help/", 4),
    ]


def _visit(pages: list[Page], rounds: int) -> dict[str, Visits]:
    client = _superuser()
    visits = {each.name: Visits() for each in pages}
    for page in pages:
        _look_at_statements(client, page, visits[page.name])
    for number in range(WARM_UP + rounds):
        baseline = _milliseconds(client, BASELINE)
        for page in random.sample(pages, len(pages)):
            taken = _milliseconds(client, MOUNT + page.path())
            if number >= WARM_UP:
                visits[page.name].milliseconds.append(taken)
                visits[page.name].ratios.append(taken / baseline)
    return visits


def _without_extensions() -> Any:
    from browser.extensions import extensions

    return extensions.isolated()


def _superuser() -> Any:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    settings.ROOT_URLCONF = "tests.browser.urls"
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def _milliseconds(client: Any, path: str) -> float:
    started = time.perf_counter()
    response = client.get(path)
    taken = (time.perf_counter() - started) * 1000
    assert response.status_code == 200, (path, response.status_code)
    return taken


def _look_at_statements(client: Any, page: Page, seen: Visits) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.browser.forbidden_sql import fault_of

    path = MOUNT + page.path()
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200, (path, response.status_code)
    statements = [each["sql"] for each in captured.captured_queries if not each["sql"].startswith(OF_TRANSACTIONS)]
    seen.statements = len(statements)
    seen.faults = set(filter(None, map(fault_of, statements)))
    seen.size = len(response.content)


def _print(pages: list[Page], visits: dict[str, Visits], where: str) -> None:
    print(f"\n{where}: ms of server time; the ratio is to the admin's list of users in the same round\n")
    rows = [_row(each, visits[each.name]) for each in pages]
    print_table(["page", "median", "ratio", "p95", "met", "statements", "may send", "kB", "forbidden"], rows)


def _row(page: Page, seen: Visits) -> list[str]:
    p95 = seen.p95()
    return [
        page.name,
        f"{statistics.median(seen.milliseconds):.1f}",
        f"{statistics.median(seen.ratios):.2f}",
        f"{p95:.1f}",
        "yes" if p95 < page.most_milliseconds else "NO",
        f"{seen.statements}",
        f"{page.most_statements}",
        f"{seen.size / 1000:.0f}",
        ", ".join(sorted(seen.faults)) or "–",
    ]


if __name__ == "__main__":
    main()
