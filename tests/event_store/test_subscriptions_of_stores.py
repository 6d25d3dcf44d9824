"""Durable subscribers of two stores: each store has its own checkpoints, in its own database."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from event_store import RecordedEvent, event_stores, subscriber
from event_store.models import Process, Subscription
from event_store.subscribers import durable_subscribers
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, CustomerSaidYes, Noted

BOTH = ["default", "archive"]
committing = pytest.mark.django_db(databases=BOTH, transaction=True)


@pytest.fixture(autouse=True)
def two_stores(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "archive": {"OPTIONS": {"using": "archive"}}}


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def reader(seen: list[str]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)


def leave_it_to_the_worker(settings: Any) -> None:
    settings.EVENT_STORES = {name: {"OPTIONS": {"using": name, "wake_up": "worker"}} for name in ("default", "archive")}


def note(store: str, text: str = "") -> RecordedEvent[Any]:
    [event] = event_stores[store].publish(Noted(text=text), stream="s")
    return event


def checkpoints(name: str = "reader") -> list[int]:
    """Of both stores; -1 where there is none."""
    found = [Subscription.objects.using(alias).filter(name=name).first() for alias in BOTH]
    return [-1 if each is None else each.checkpoint for each in found]


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("run_subscriptions", *arguments, stdout=out, **options)
    return out.getvalue()


# ---- each store for itself


@committing
def test_a_commit_wakes_the_subscription_of_its_store(reader: None, seen: list[str]) -> None:
    kept = note("archive", "kept")

    assert seen == ["kept"]
    assert checkpoints() == [-1, kept.global_position]


@committing
def test_one_subscriber_reads_both_stores_from_two_checkpoints(reader: None, seen: list[str]) -> None:
    note("default", "first")
    kept, current = note("archive", "second"), note("default", "third")

    assert seen == ["first", "second", "third"]
    assert checkpoints() == [current.global_position, kept.global_position]


@committing
def test_the_worker_runs_the_subscriptions_of_one_store(reader: None, seen: list[str], settings: Any) -> None:
    leave_it_to_the_worker(settings)
    note("default", "current")
    note("archive", "kept")

    assert "reader: 1 handled" in run(store="archive", until_idle=True)
    assert seen == ["kept"]
    run(until_idle=True)
    assert seen == ["kept", "current"]


@pytest.mark.django_db(databases=BOTH)
def test_in_a_test_case_the_subscriptions_of_one_store_are_run(reader: None, seen: list[str]) -> None:
    note("default", "current")
    note("archive", "kept")

    assert run_subscriptions(store="archive") == 1
    assert seen == ["kept"]


@committing
def test_process_managers_stay_with_the_default_store(settings: Any) -> None:
    event_stores["archive"].publish(CustomerSaidYes(order_id="42"), stream="s")

    assert "Agreement" not in run(store="archive", until_idle=True)
    with pytest.raises(CommandError, match="No subscription of the store 'archive' is named 'Agreement'"):
        run("Agreement", store="archive", once=True)
    with pytest.raises(AssertionError, match="No durable subscriber of the store 'archive' is named 'Agreement'"):
        run_subscriptions("Agreement", store="archive")
    assert not any(Process.objects.using(alias).exists() for alias in BOTH)


def test_the_worker_of_a_store_that_nobody_reads_says_so() -> None:
    durable_subscribers.restore({})
    subscriber(Noted, durable=True, name="reader", store="archive")(print)

    with pytest.raises(CommandError, match="No durable subscriber and no process manager reads the store 'default'"):
        run(once=True)


def test_the_worker_of_an_unknown_store_says_which_there_are() -> None:
    with pytest.raises(CommandError, match="no store 'archives'; it has default, archive"):
        run(store="archives", once=True)


# ---- a transaction of the other database around it


@pytest.fixture
def writer_elsewhere() -> None:
    """It is woken by the archive and writes to the default database."""

    @subscriber(Noted, durable=True, name="reader")
    def write(event: RecordedEvent[Noted]) -> None:
        Group.objects.create(name=event.data.text)


@committing
def test_a_wake_up_waits_for_the_transaction_of_another_database(writer_elsewhere: None) -> None:
    with transaction.atomic():
        kept = note("archive", "a")
        assert checkpoints() == [-1, -1]

    assert (Group.objects.get().name, checkpoints()[1]) == ("a", kept.global_position)


@committing
def test_a_rollback_in_another_database_loses_no_effect(writer_elsewhere: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        note("archive", "a")
        raise RuntimeError
    note("archive", "b")

    assert [group.name for group in Group.objects.order_by("name")] == ["a", "b"]


@committing
def test_a_transaction_of_another_database_gets_one_hook(reader: None, seen: list[str]) -> None:
    with transaction.atomic():
        for number in range(3):
            note("archive", str(number))
        assert len(connections["default"].run_on_commit) == 1

    assert seen == ["0", "1", "2"]


@committing
def test_stores_that_wake_each_other_do_not_recurse(seen: list[Any]) -> None:
    @subscriber(Counted, durable=True, name="reader")
    def count_down(event: RecordedEvent[Counted]) -> None:
        number = event.data.number
        seen.append(number)
        if number:
            event_stores[BOTH[number % 2]].publish(Counted(number=number - 1), stream="s")

    event_stores["default"].publish(Counted(number=300), stream="s")

    assert seen == list(range(300, -1, -1))


@pytest.mark.django_db(databases=BOTH)
def test_the_transactions_around_a_test_case_are_not_waited_for(
    reader: None, seen: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(using="archive", execute=True):
        note("archive", "kept")

    assert seen == ["kept"]


def test_a_store_in_memory_has_no_durable_readers(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "memory": {"BACKEND": "event_store.backends.memory.MemoryBackend"}}
    event_stores["memory"].publish(Noted(), stream="s")

    with pytest.raises(CommandError, match="'memory' keeps no checkpoints"):
        call_command("run_subscriptions", "--once", store="memory")
    assert event_stores["memory"].events.count() == 1
