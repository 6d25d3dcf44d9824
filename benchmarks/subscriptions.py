"""
What durable subscriptions cost: events a second by way of handling, latency from commit to handler, cost for writers.

    python benchmarks/subscriptions.py [--database sqlite|postgresql] [--events 20000] [--partitions 1 2 4 8]
        [--rounds 3] [--seconds 5] [--memory 10000 1000000]

The measure of handling is reading the same events as the subscription reads them, without handling. Latency is from the
moment that `publish` returns, or before it with inline wake-ups, to the call of the handler in another process or this one.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from database import new_database, server, versions
from options import add_numbers, parser, run_for_each_database
from tables import Goal, number, print_goals, print_results, print_table
from timing import in_rounds
from workers import Start, Workers

READING = "reading them as JSON text"
TYPED = "reading them typed"
THEIRS = "eventsourcing, reading notifications in sections of 500"
EMPTY_LISTS = "empty handler, lists of 500"
EMPTY_EACH = "empty handler, each in a transaction"
MANY_PARKED = 100_000
PARKED = f"empty handler, lists of 500, beside {MANY_PARKED:,} parked events"
ROW_LISTS = "one row for each, lists of 500"
ROW_EACH = "one row for each, each in a transaction"

GOALS = [
    Goal("empty handler in lists, of reading", "events/s", EMPTY_LISTS, READING, at_least=0.7),
    Goal("writers with 10 subscriptions, of none", "publishes/s", "10 subscriptions", "0 subscriptions", at_least=0.95),
]
LEAST_RATE, LONGEST_LATENCY, MEMORY_GOAL = 20_000, 30.0, 5
"""Events a second with an empty handler in lists; milliseconds, at the 95th percentile, when it is busy; MB."""


def main() -> None:
    arguments = parser(__doc__, rounds=3, seconds=5)
    arguments.add_argument("--events", type=int, default=20_000, help="how many are handled in a turn (20000)")
    add_numbers(arguments, "memory", (10_000, 1_000_000), "how many events are caught up with for the peak memory")
    add_numbers(arguments, "partitions", (1, 2, 4, 8), "how many partitions, one after the other in one process")
    run_for_each_database(arguments, _measure)


def _measure(arguments: argparse.Namespace) -> None:
    with server(arguments.database):
        with new_database():
            _measure_handling(arguments)
        with new_database(), Workers([1, 8]) as publishers, Workers([1]) as worker:
            _measure_latency(arguments, publishers, worker)
        with new_database():
            _measure_memory(sorted(arguments.memory))


# ---- handling


def _measure_handling(arguments: argparse.Namespace) -> None:
    from filling import Filling

    Filling(arguments.events).store()
    _store_theirs(arguments.events)
    ways: dict[str, Callable[[], float]] = {READING: partial(_read, "as_json"), TYPED: partial(_read, "__iter__")}
    ways[THEIRS] = _follow_theirs
    ways |= {EMPTY_LISTS: partial(_handle, 500, _nothing), EMPTY_EACH: partial(_handle, None, _nothing)}
    ways |= {ROW_LISTS: partial(_handle, 500, _rows), ROW_EACH: partial(_handle, None, _row)}
    for partitions in arguments.partitions[1:]:
        ways[f"{EMPTY_LISTS}, {partitions} partitions"] = partial(_handle, 500, _nothing, partitions)
    ways[PARKED] = _handle_beside_parked
    costs = {f"{count} subscriptions": partial(_publish, count, arguments.seconds / 5) for count in (0, 1, 10)}
    results = in_rounds(arguments.rounds, {"events/s": ways})
    print_results(
        f"{versions()}: {arguments.events:,} events, median of {arguments.rounds} rounds",
        results,
        limit=READING,
        by_case=False,
    )
    print_goals(results, GOALS)
    rate = results.median("events/s", EMPTY_LISTS)
    print(
        f"\ngoal: at least {LEAST_RATE:,} events/s with an empty handler in lists: {'met' if rate >= LEAST_RATE else 'NOT met'}"
    )
    written = in_rounds(arguments.rounds, {"publishes/s": costs})
    print_results("What publishers pay, handled by workers that are not at work now", written, limit="0 subscriptions")
    print_goals(written, GOALS)


def _read(how: str) -> float:
    from event_store import event_store

    events: Any = event_store.events.as_json() if how == "as_json" else event_store.events
    started = time.perf_counter()
    count = sum(1 for _ in events)
    return count / (time.perf_counter() - started)


def _store_theirs(count: int) -> None:
    import uuid

    from eventsourcing.persistence import JSONTranscoder, StoredEvent
    from rivals import EVENTSOURCING_AT_ONCE, eventsourcing_recorder
    from samples import DATA, METADATA, TYPE

    state = JSONTranscoder().encode({"data": DATA, "metadata": METADATA})
    with eventsourcing_recorder(create_table=True) as recorder:
        for start in range(0, count, EVENTSOURCING_AT_ONCE):
            numbers = range(start, min(count, start + EVENTSOURCING_AT_ONCE))
            recorder.insert_events([StoredEvent(uuid.UUID(int=each // 10), each % 10, TYPE, state) for each in numbers])


def _follow_theirs() -> float:
    """Sections of 500 from its recorder, as a follower takes them; its tracking writes a position for each event."""
    from rivals import eventsourcing_recorder

    count, last = 0, 0
    with eventsourcing_recorder() as recorder:
        started = time.perf_counter()
        while section := recorder.select_notifications(last or None, 500, inclusive_of_start=False):
            count, last = count + len(section), section[-1].id
        return count / (time.perf_counter() - started)


@contextmanager
def _subscribed(handler: Callable[[Any], Any], name: str, **options: Any) -> Iterator[Any]:
    from event_store import Event, durable_subscribers, subscriber

    subscriber(Event, durable=True, name=name, **options)(handler)
    found = durable_subscribers.get(name)
    assert found is not None
    try:
        yield found
    finally:
        durable_subscribers.remove(found)


def _handle(
    batch_size: int | None, handler: Callable[[Any], Any], partitions: int = 1, start: int | str = "beginning"
) -> float:
    from event_store import event_store, remove_subscription
    from event_store.subscriptions.runner import SubscriptionRunner

    options: dict[str, Any] = {"partitions": partitions, "start": start} | (
        {} if batch_size is None else {"batch_size": batch_size}
    )
    with _subscribed(handler, "benchmark", **options) as subscriber:
        runner = SubscriptionRunner(event_store, subscriber)
        started = time.perf_counter()
        runner.run()
        seconds = time.perf_counter() - started
    remove_subscription("benchmark")
    return runner.handled / seconds


def _handle_beside_parked() -> float:
    from django.utils import timezone

    from event_store import event_store
    from event_store.models import FailedEvent, StoredEvent, Subscription
    from event_store.subscriptions.runner import SubscriptionRunner

    with _subscribed(_nothing, "parked", batch_size=500) as subscriber:
        SubscriptionRunner(event_store, subscriber).run()
        row, event = Subscription.objects.get(name="parked"), StoredEvent.objects.order_by("pk").first()
        assert event is not None
        if not row.failures.exists():
            waiting, now = FailedEvent.Status.WAITING, timezone.now()
            FailedEvent.objects.bulk_create(
                (
                    FailedEvent(
                        subscription=row, event=event, sequence=f"Parked${number}", status=waiting, parked_at=now
                    )
                    for number in range(MANY_PARKED)
                ),
                batch_size=1000,
            )
        Subscription.objects.update(checkpoint=0, fence=row.fence + 1, status=Subscription.Status.FAILING)
        runner = SubscriptionRunner(event_store, subscriber)
        started = time.perf_counter()
        runner.run()
        return runner.handled / (time.perf_counter() - started)


def _nothing(_: Any) -> None: ...


def _row(event: Any) -> None:
    from django.contrib.auth.models import Group

    Group.objects.create(name=str(event.id) + str(time.perf_counter_ns()))


def _rows(events: list[Any]) -> None:
    from django.contrib.auth.models import Group

    Group.objects.bulk_create(Group(name=str(event.id) + str(time.perf_counter_ns())) for event in events)


def _publish(count: int, seconds: float) -> float:
    from contextlib import ExitStack

    from django.test import override_settings
    from samples import Noted

    from event_store import event_store

    with ExitStack() as stack, override_settings(EVENT_STORES={"default": {"OPTIONS": {"wake_up": "worker"}}}):
        for each in range(count):
            stack.enter_context(_subscribed(_nothing, f"benchmark {each}"))
        published, ends_at = 0, time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            event_store.publish(Noted(order_id="42", text="x"), stream=f"Cost${published // 10}")
            published += 1
        return published / seconds


# ---- latency


def _measure_latency(arguments: argparse.Namespace, publishers: Workers, worker: Workers) -> None:
    rows = []
    for name, pause in (("a worker, 200 publishes a second", 0.005), ("a worker, one publish a second", 1.0)):
        with ThreadPoolExecutor(2) as pool:
            handled = pool.submit(worker.run, 1, handle_for, arguments.seconds + 2)
            published = pool.submit(publishers.run, 1, publish_for, arguments.seconds, pause)
            [at], [done] = published.result(), handled.result()
        # Before that, the worker still looked once a second.
        busy_from = min(at.values()) + 1
        late = [done[event] - at[event] for event in at if event in done and at[event] > busy_from]
        rows.append([name, *_milliseconds(late)])
    for count in (1, 8):
        for inside, name in ((False, "without a subscription"), (True, "with one inline")):
            took = publishers.run(count, publish_inline_for, arguments.seconds / 2, f"inline {count}" if inside else "")
            rows.append(
                [f"publish {name}, {count} at a time", *_milliseconds([each for some in took for each in some])]
            )
    print("\nFrom commit to handler; and how long a publish takes\n")
    print_table(["", "median, ms", "95 of 100 below, ms"], rows)
    busy = float(rows[0][2])
    print(
        f"\ngoal: below {LONGEST_LATENCY:.0f} ms at the 95th percentile when busy: {'met' if busy <= LONGEST_LATENCY else 'NOT met'}"
    )


def _measure_memory(counts: list[int]) -> None:
    from filling import Filling

    Filling(max(counts)).store()
    peaks = []
    for count in counts:
        # A process that has caught up with many would keep its peak.
        with Workers([1]) as worker:
            [(peak, rate)] = worker.run(1, catch_up, max(counts) - count)
        peaks.append(peak)
        print(f"caught up with {count:,} events at {rate:,.0f}/s, peak memory {peak:.1f} MB")
    verdict = "met" if peaks[-1] - peaks[0] <= MEMORY_GOAL else "NOT met"
    print(f"\ngoal: flat, at most {MEMORY_GOAL} MB more: {verdict}")


def catch_up(start: Start, behind: int) -> tuple[float, float]:
    """Peak memory in MB, and events a second, of a process that handles all events behind a position."""
    from read import peak_memory

    start()
    rate = _handle(500, _nothing, start=behind)
    return peak_memory(), rate


def _milliseconds(seconds: list[float]) -> list[str]:
    return [number(1000 * value) for value in (statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1])]


def handle_for(start: Start, seconds: float) -> dict[str, float]:
    """When each event came to the handler, by its id."""
    from event_store import event_store
    from event_store.subscriptions.worker import Worker

    came: dict[str, float] = {}
    with _subscribed(lambda event: came.setdefault(str(event.id), time.time()), "latency", start="now") as subscriber:
        worker = Worker(event_store, [subscriber], say=lambda line: None)
        threading.Timer(seconds, worker.stop).start()
        start()
        worker.run()
    return came


def publish_for(start: Start, seconds: float, pause: float) -> dict[str, float]:
    """When each publish had returned, by the event's id."""
    from samples import Noted

    from event_store import event_store

    at: dict[str, float] = {}
    time.sleep(1)
    start()
    ends_at = time.time() + seconds
    while time.time() < ends_at:
        [event] = event_store.publish(Noted(order_id="42", text="x"), stream=f"Latency${len(at)}")
        at[str(event.id)] = time.time()
        time.sleep(pause)
    return at


def publish_inline_for(start: Start, seconds: float, name: str) -> list[float]:
    """How long each publish took, with its durable handler inside; a name that is new has nothing to catch up with."""
    from contextlib import nullcontext

    from samples import Noted

    from event_store import event_store

    took: list[float] = []
    with _subscribed(_nothing, name, start="now") if name else nullcontext():
        start()
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            started = time.perf_counter()
            event_store.publish(Noted(order_id="42", text="x"), stream=f"Inline${len(took)}")
            took.append(time.perf_counter() - started)
    return took


if __name__ == "__main__":
    main()
