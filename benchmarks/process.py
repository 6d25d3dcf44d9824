"""
What a process manager's steps cost: steps a second and statements for each, beside the same job done by hand.

    python benchmarks/process.py [--database sqlite|postgresql] [--steps 2000] [--lengths 2 20 200] [--partitions 1 2 4 8]
        [--rounds 3] [--seconds 5]

Every second event of a process has a command sent, whose handler publishes an event. By hand, a row of a Django model is
locked with `select_for_update`, changed and saved, and the event is published: without history, reasons, states and replay.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

from database import new_database, server, versions
from options import add_numbers, parser, run_for_each_database
from tables import print_results, print_table
from timing import in_rounds
from workers import Start, Workers

OURS, BY_HAND = "process manager", "by hand, select_for_update"
MOST_ROUND_TRIPS = 14
WARM_UP = 4.0
"""Seconds that workers have to share the partitions."""
runs = count()


def main() -> None:
    arguments = parser(__doc__, rounds=3, seconds=5)
    arguments.add_argument("--steps", type=int, default=2000, help="how many are taken in a turn (2000)")
    add_numbers(arguments, "lengths", (2, 20, 200), "how many events a process has")
    add_numbers(arguments, "partitions", (1, 2, 4, 8), "how many partitions, with a worker each")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with server(arguments.database):
        with new_database():
            _print_statements()
            _measure_lengths(arguments)
        with new_database():
            _measure_partitions(arguments)


# ---- the job


def declare(partitions: int = 1) -> Any:
    """The events, the command, its handler and the process manager; the subscription that takes its steps."""
    from event_store import Command, Event, ProcessManager, durable_subscribers, event_store, handles

    class Happened(Event, type="benchmark.Happened"):
        process: str
        number: int

    class Answered(Event, type="benchmark.Answered"):
        process: str
        number: int

    class Answer(Command, type="benchmark.Answer"):
        process: str
        number: int

    @handles(Answer)
    def answer(command: Answer) -> None:
        event_store.publish(
            Answered(process=command.process, number=command.number), stream=f"Answers${command.process}"
        )

    class Counting(ProcessManager):
        reacts_to = (Happened,)

        @dataclass(frozen=True)
        class State:
            seen: int = 0

        def process_id(self, event: Any) -> str:
            return str(event.data.process)

        def apply(self, state: Any, event: Any) -> Any:
            return replace(state, seen=state.seen + 1)

        def act(self, state: Any, event: Any) -> Any:
            if state.seen % 2 == 0:
                yield Answer(process=self.id, number=state.seen).because("two more have come")

        def waiting_for(self, state: Any) -> Any:
            return [Happened]

    Counting.partitions = partitions
    Counting.type = "Counting"
    found = durable_subscribers.get("Counting")
    assert found is not None
    return replace(found, partitions=partitions), Happened, Answered


def store_events(happened: Any, *, steps: int, length: int, run: str) -> list[Any]:
    """Events of as many processes as make these steps, those of all processes in turn."""
    from event_store import event_store

    stored: list[Any] = []
    processes = max(1, steps // length)
    for number in range(length):
        events = [happened(process=f"{run}-{process}", number=number) for process in range(processes)]
        stored += event_store.append(events, stream=f"Happened${run}")
    return stored


@contextmanager
def woken_by_nobody() -> Iterator[None]:
    from django.test import override_settings

    with override_settings(EVENT_STORES={"default": {"OPTIONS": {"wake_up": "worker"}}}):
        yield


def _take_steps(job: Any, steps: int, length: int) -> float:
    from event_store import event_store
    from event_store.subscriptions.runner import SubscriptionRunner

    subscriber, happened, _ = job
    with woken_by_nobody():
        store_events(happened, steps=steps, length=length, run=f"ours{next(runs)}")
        runner = SubscriptionRunner(event_store, subscriber)
        started = time.perf_counter()
        runner.run()
        return runner.handled / (time.perf_counter() - started)


def _by_hand(job: Any, model: Any, steps: int, length: int) -> float:
    from django.db import transaction

    from event_store import event_store

    _, happened, answered = job
    with woken_by_nobody():
        events = store_events(happened, steps=steps, length=length, run=f"hand{next(runs)}")
        started = time.perf_counter()
        for event in events:
            with transaction.atomic():
                key = event.data.process
                row = model.objects.select_for_update().filter(key=key).first() or model(key=key)
                row.seen += 1
                row.save()
                if row.seen % 2 == 0:
                    event_store.publish(answered(process=key, number=row.seen), stream=f"Answers${key}")
        return len(events) / (time.perf_counter() - started)


@contextmanager
def _table_by_hand() -> Iterator[Any]:
    from django.db import connection, models

    class Counted(models.Model):
        key = models.CharField(max_length=255, unique=True)
        seen = models.IntegerField(default=0)

        class Meta:
            app_label = "benchmark"

        def __str__(self) -> str:
            return self.key

    with connection.schema_editor() as editor:
        editor.create_model(Counted)
    yield Counted
    with connection.schema_editor() as editor:
        editor.delete_model(Counted)


def _print_statements() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from event_store import event_store
    from event_store.subscriptions.runner import SubscriptionRunner

    subscriber, happened, _ = declare()
    runner = SubscriptionRunner(event_store, subscriber)
    with woken_by_nobody():
        store_events(happened, steps=2, length=2, run="counted")[0]
        runner.run()
        store_events(happened, steps=2, length=2, run="counted")
        with CaptureQueriesContext(connection) as captured:
            runner.run()
    statements = [" ".join(query["sql"].split())[:100] for query in captured]
    begins = [number for number, each in enumerate(statements) if each.startswith("BEGIN")]
    ends = [number for number, each in enumerate(statements) if each == "COMMIT"]
    # The second of the two steps has the command.
    step = statements[begins[-1] : ends[-1] + 1]
    print(f"\n{versions()}: the round trips of a step with a command that publishes\n")
    print("\n".join(f"{number:3} {each}" for number, each in enumerate(step, start=1)))
    if connection.vendor == "sqlite":
        print("\nNone of them leaves the process.")
        return
    verdict = "met" if len(step) <= MOST_ROUND_TRIPS else "NOT met"
    print(f"\ngoal: at most {MOST_ROUND_TRIPS} round trips: {len(step)}, {verdict}")


def _measure_lengths(arguments: argparse.Namespace) -> None:
    job = declare()
    with _table_by_hand() as model:
        turns: dict[str, dict[str, Callable[[], float]]] = {
            f"processes of {length}, steps/s": {
                OURS: partial(_take_steps, job, arguments.steps, length),
                BY_HAND: partial(_by_hand, job, model, arguments.steps, length),
            }
            for length in arguments.lengths
        }
        results = in_rounds(arguments.rounds, turns)
    print_results(
        f"{versions()}: {arguments.steps:,} steps in a turn, median of {arguments.rounds} rounds",
        results,
        limit=BY_HAND,
    )


# ---- partitions


def _measure_partitions(arguments: argparse.Namespace) -> None:
    rows = []
    with Workers(arguments.partitions) as workers:
        for partitions in arguments.partitions:
            rate = _rate_of(workers, partitions, arguments)
            rows.append(
                [
                    f"{partitions}",
                    f"{rate:,.0f}",
                    f"{rate / float(rows[0][1].replace(',', '')):.2f}" if rows else "1.00",
                ]
            )
    print("\nAs many workers as partitions, processes of 2 events\n")
    print_table(["partitions", "steps/s", "of one"], rows)


def _rate_of(workers: Workers, partitions: int, arguments: argparse.Namespace) -> float:
    from concurrent.futures import ThreadPoolExecutor

    from event_store.models import Subscription

    _, happened, _ = declare(partitions)
    backlog = int((WARM_UP + arguments.seconds) * 1000)
    with woken_by_nobody():
        store_events(happened, steps=backlog, length=2, run=f"shared{partitions}")
    Subscription.objects.filter(name="Counting").delete()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(workers.run, partitions, work_for, partitions, WARM_UP + arguments.seconds + 1)
        time.sleep(WARM_UP)
        before, started = _handled(), time.perf_counter()
        time.sleep(arguments.seconds)
        rate = (_handled() - before) / (time.perf_counter() - started)
        work.result()
    return rate


def _handled() -> int:
    from django.db.models import Sum

    from event_store.models import Subscription

    return Subscription.objects.filter(name="Counting").aggregate(sum=Sum("handled"))["sum"] or 0


def work_for(start: Start, partitions: int, seconds: float) -> None:
    from event_store import event_store
    from event_store.subscriptions.worker import Worker

    subscriber, *_ = declare(partitions)
    worker = Worker(event_store, [subscriber], lease_seconds=1, say=lambda line: None)
    threading.Timer(seconds, worker.stop).start()
    start()
    with woken_by_nobody():
        worker.run()


if __name__ == "__main__":
    main()
