"""Leases: who runs which partition, and what a worker that has lost its lease can still do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import RecordedEvent, event_store, subscriber
from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.horizon import Horizon
from event_store.models import Subscription, Worker
from event_store.subscriptions import checkpoints
from event_store.subscriptions import worker as worker_module
from event_store.subscriptions.leases import Capability, Leases, share_of
from event_store.subscriptions.partition_runner import Outcome, PartitionRunner
from event_store.subscriptions.worker import Worker as SubscriptionWorker
from tests.event_store.sample import Noted

committing = pytest.mark.django_db(transaction=True)
pytestmark = committing


@pytest.fixture(autouse=True)
def leave_it_to_workers(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def reader(seen: list[str]) -> DurableSubscriber:
    @subscriber(Noted, durable=True, name="reader", partitions=4)
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    found = durable_subscribers.get("reader")
    assert found is not None
    return found


def leases(name: str, *, seconds: float = 30, **capability: Any) -> Leases:
    return Leases(name, Capability(**capability), using="default", seconds=seconds)


def rows(reader: DurableSubscriber) -> list[Subscription]:
    return checkpoints.load(event_store, reader)


def owners(reader: DurableSubscriber) -> list[str]:
    return [row.owner for row in rows(reader)]


def worker(reader: DurableSubscriber, **options: Any) -> SubscriptionWorker:
    return SubscriptionWorker(event_store, [reader], say=lambda line: None, **options)


def test_a_lease_is_taken_by_one_and_fences_the_others_off(reader: DurableSubscriber) -> None:
    [row, *_] = rows(reader)

    assert leases("first").acquire(row)
    assert not leases("second").acquire(row)
    assert not leases("second").acquire(rows(reader)[0])
    assert (rows(reader)[0].owner, rows(reader)[0].fence) == ("first", row.fence + 1)


def test_an_expired_lease_is_taken_over_and_its_holder_can_move_nothing(
    reader: DurableSubscriber, seen: list[str]
) -> None:
    event_store.append(Noted(text="a"), stream="s")
    paused = leases("paused")
    assert all(paused.acquire(row) for row in rows(reader))
    runners = [PartitionRunner(event_store, reader, horizon=Horizon("default"), owner="paused") for _ in range(4)]
    kept = rows(reader)
    Subscription.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert all(leases("awake").acquire(row) for row in kept)

    outcomes = {runner.run(row, head_id=kept[0].pk) for runner, row in zip(runners, kept, strict=True)}

    assert outcomes == {Outcome.LOST}
    assert seen == []


def test_a_lease_from_a_clock_that_was_far_ahead_does_not_last_for_ever(reader: DurableSubscriber) -> None:
    assert leases("dreamer").acquire(rows(reader)[0])
    Subscription.objects.filter(owner="dreamer").update(lease_until=timezone.now() + timedelta(days=365))

    assert leases("other").acquire(rows(reader)[0])


def test_partitions_are_shared_out_evenly_among_those_that_are_alive(reader: DurableSubscriber) -> None:
    for name in ("a", "b", "c"):
        alive = leases(name).report()

    shares = [share_of(name, rows(reader), alive) for name in ("a", "b", "c")]
    assert sorted(map(len, shares)) == [1, 1, 2]
    assert set.union(*shares) == {row.pk for row in rows(reader)}


def test_who_may_run_only_some_partitions_gets_only_those(reader: DurableSubscriber) -> None:
    leases("all").report()
    alive = leases("some", partitions=frozenset([1]), subscriptions=frozenset(["reader"])).report()

    shares = {name: share_of(name, rows(reader), alive) for name in ("all", "some")}
    [second] = [row.pk for row in rows(reader) if row.partition == 1]
    assert shares["some"] <= {second}
    assert shares["all"] | shares["some"] == {row.pk for row in rows(reader)}


def test_the_dead_are_forgotten(reader: DurableSubscriber) -> None:
    leases("dead").report()
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=1))

    assert [each.name for each in leases("alive").report()] == ["alive"]


def test_a_worker_that_ends_gives_its_leases_back_at_once(reader: DurableSubscriber, seen: list[str]) -> None:
    event_store.append(Noted(text="a"), stream="s")
    worker(reader).run(once=True)

    assert seen == ["a"]
    assert owners(reader) == ["", "", "", ""]
    assert not Worker.objects.exists()


def test_a_second_worker_takes_its_share_when_the_first_one_gives_it_up(reader: DurableSubscriber) -> None:
    first, second = worker(reader, lease_seconds=0.001), worker(reader, lease_seconds=30)
    for each in (first, second, first, second, second):
        each._beaten_at = float("-inf")
        Worker.objects.update(seen_at=timezone.now())
        each._look()

    assert sorted(owners(reader)) == sorted([first.name, first.name, second.name, second.name])


def test_a_long_backlog_gives_the_others_their_turn_and_keeps_its_leases(
    monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    # Time goes by only in the slow handler.
    seconds = [0.0]
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: seconds[-1]))
    subscriber(Noted, durable=True, name="slow")(lambda event: (seen.append("slow"), seconds.append(seconds[-1] + 0.2)))
    subscriber(Noted, durable=True, name="quick")(lambda event: seen.append("quick"))
    event_store.append([Noted()] * 20, stream="s")
    chosen = [each for name in ("slow", "quick") if (each := durable_subscribers.get(name))]
    several = SubscriptionWorker(event_store, chosen, say=lambda line: None, lease_seconds=1)
    renewed_at: list[float] = []
    renew = several._leases.renew
    monkeypatch.setattr(several._leases, "renew", lambda rates: (renewed_at.append(seconds[-1]), renew(rates)))

    several._look()
    assert seen == ["slow", "slow", *["quick"] * 20]
    assert renewed_at == [0.0, 0.4]
    several.run(until_idle=True)
    assert seen.count("slow") == 20


def test_a_turn_handles_something_however_short_it_is(
    reader: DurableSubscriber, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_store.subscriptions.worker.TURN", 0.0)
    event_store.append([Noted(text="a"), Noted(text="b")], stream="s")

    worker(reader).run(until_idle=True)

    assert seen == ["a", "b"]


def test_an_idle_look_takes_a_handful_of_statements_however_many_subscriptions_there_are(
    reader: DurableSubscriber, seen: list[str]
) -> None:
    for number in range(10):
        subscriber(Noted, durable=True, name=f"reader {number}")(lambda event: seen.append("x"))
    event_store.append(Noted(text="a"), stream="s")
    idle = SubscriptionWorker(event_store, durable_subscribers.all(), say=lambda line: None)
    idle._look()
    idle._look()

    with CaptureQueriesContext(connection) as captured:
        assert idle._look() == (0, False)

    # The rows, and the horizon: two on PostgreSQL.
    assert len(captured) <= 3
    assert len(seen) == 11


# ---- in processes of their own, with the demo's subscriptions


def until(condition: Callable[[], Any], *, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "did not happen"
        time.sleep(0.05)


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "manage.py", "run_subscriptions", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Running ")
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def holders() -> set[str]:
    return set(Subscription.objects.exclude(owner="").values_list("owner", flat=True))


def pids() -> set[int]:
    return {int(name.split(":")[1]) for name in holders()}


def test_a_process_that_is_told_to_end_gives_its_leases_back_at_once(child_environment: dict[str, str]) -> None:
    with running(child_environment, "--lease", "60") as process:
        until(holders)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0

    assert holders() == set()


def test_a_killed_process_is_followed_by_another_one_once_its_lease_is_over(child_environment: dict[str, str]) -> None:
    with running(child_environment, "--lease", "1") as first:
        until(lambda: pids() == {first.pid})
        first.kill()
        first.wait()
        with running(child_environment, "--lease", "1") as second:
            until(lambda: pids() == {second.pid})


def test_a_process_that_was_stopped_for_longer_than_its_lease_has_lost_it(child_environment: dict[str, str]) -> None:
    with running(child_environment, "--lease", "1") as first:
        until(lambda: pids() == {first.pid})
        first.send_signal(signal.SIGSTOP)
        with running(child_environment, "--lease", "1") as second:
            until(lambda: pids() == {second.pid})
            fences = dict(Subscription.objects.values_list("pk", "fence"))
            first.send_signal(signal.SIGCONT)
            # Both are alive now, and share: nothing is written with the old number.
            until(lambda: pids() == {first.pid, second.pid})

    assert all(fence >= fences[key] for key, fence in Subscription.objects.values_list("pk", "fence"))


@pytest.mark.postgresql
def test_a_handler_that_is_silent_for_too_long_loses_its_session_and_is_parked(
    reader: DurableSubscriber, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints.move, "__kwdefaults__", {"timeout": 1})
    sleepy = subscriber(Noted, durable=True, name="sleepy")(lambda event: time.sleep(3))
    assert sleepy is not None
    found = durable_subscribers.get("sleepy")
    assert found is not None
    event_store.append(Noted(text="a"), stream="s")

    SubscriptionWorker(event_store, [found], say=lambda line: None).run(once=True)

    row = Subscription.objects.get(name="sleepy")
    assert (row.status, row.last_error.split(":")[0]) == ("failing", "InternalError")
    connection.close()
