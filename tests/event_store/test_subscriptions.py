"""Durable subscribers: order, checkpoint, waking up."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import Event, RecordedEvent, event_store, subscriber
from event_store.models import FailedEvent, StoredEvent, Subscription
from event_store.subscribers import durable_subscribers
from event_store.subscriptions.runner import Outcome, SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted

committing = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen() -> list[Any]:
    return []


def runner(name: str = "reader") -> SubscriptionRunner:
    found = durable_subscribers.get(name)
    assert found is not None
    return SubscriptionRunner(event_store, found)


def checkpoint(name: str = "reader") -> int:
    return Subscription.objects.get(name=name).checkpoint


@pytest.mark.django_db
def test_in_a_test_case_the_own_uncommitted_events_are_handled_in_order(seen: list[Any]) -> None:
    @subscriber(Counted, durable=True, name="reader")
    def read(event: RecordedEvent[Counted]) -> None:
        seen.append(event.data.number)

    event_store.publish([Counted(number=1), Noted(), Counted(number=2)], stream="s")
    [last] = event_store.append(Counted(number=3), stream="t")

    assert run_subscriptions("reader") == 3
    assert seen == [1, 2, 3]
    assert checkpoint() == last.global_position
    assert run_subscriptions("reader") == 0


@pytest.mark.django_db
def test_a_handler_that_publishes_sets_off_the_next(seen: list[Any]) -> None:
    @subscriber(Counted, durable=True, name="reader")
    def count_down(event: RecordedEvent[Counted]) -> None:
        seen.append((event.data.number, event.causation_id))
        if event.data.number:
            event_store.publish(Counted(number=event.data.number - 1), stream="s")

    [first] = event_store.publish(Counted(number=3), stream="s")
    run_subscriptions()

    assert [number for number, _ in seen] == [3, 2, 1, 0]
    assert seen[1][1] == first.id


@pytest.mark.django_db
def test_a_base_that_no_event_extends_yet_has_nothing_to_handle(seen: list[Any]) -> None:
    class Base(Event, abstract=True):
        pass

    subscriber(Base, durable=True, name="reader")(seen.append)
    event_store.publish(Noted(), stream="s")

    assert run_subscriptions("reader") == 0


@committing
def test_it_runs_right_after_the_commit_in_the_same_process(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    with transaction.atomic():
        event_store.publish(Noted(text="a"), stream="s")
        event_store.append(Noted(text="b"), stream="s")
        assert seen == []
    assert seen == ["a", "b"]
    event_store.publish(Noted(text="c"), stream="s")
    assert seen == ["a", "b", "c"]


@committing
def test_a_rolled_back_publish_is_never_seen(seen: list[Any]) -> None:
    subscriber(Event, durable=True, name="reader")(seen.append)

    with pytest.raises(RuntimeError), transaction.atomic():
        event_store.publish(Noted(), stream="s")
        raise RuntimeError
    run_subscriptions()

    assert seen == []


@committing
def test_a_rolled_back_savepoint_takes_no_wake_up_with_it(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            event_store.publish(Noted(text="undone"), stream="s")
            raise RuntimeError
        event_store.publish(Noted(text="kept"), stream="s")

    assert seen == ["kept"]


@committing
def test_one_transaction_registers_one_hook() -> None:
    subscriber(Noted, durable=True, name="reader")(lambda event: None)

    with transaction.atomic():
        for _ in range(3):
            event_store.publish(Noted(), stream="s")
        assert len(connection.run_on_commit) == 1


@committing
def test_a_chain_of_handlers_does_not_recurse(seen: list[Any]) -> None:
    @subscriber(Counted, durable=True, name="reader")
    def count_down(event: RecordedEvent[Counted]) -> None:
        seen.append(event.data.number)
        if event.data.number:
            event_store.publish(Counted(number=event.data.number - 1), stream="s")

    event_store.publish(Counted(number=1000), stream="s")

    assert seen == list(range(1000, -1, -1))


@committing
def test_the_handlers_writes_and_its_checkpoint_commit_together() -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        event_store.append(Counted(number=1), stream="effect")
        if not StoredEvent.objects.filter(type="sample.Counted", correlation_id=event.id).exists():
            raise AssertionError("the effect is in the same transaction")
        raise IntegrityError("crashed before the commit")

    event_store.publish(Noted(), stream="s")

    assert FailedEvent.objects.get().error == "IntegrityError: crashed before the commit"
    assert not event_store.events.in_stream("effect").exists()


@committing
def test_a_subscription_far_behind_skips_what_does_not_concern_it(seen: list[Any]) -> None:
    subscriber(Counted, durable=True, name="reader")(seen.append)
    last = event_store.append([Noted()] * 250, stream="s")[-1]

    assert runner().run() is Outcome.IDLE
    assert checkpoint() == last.global_position


@committing
def test_a_second_runner_finds_nothing_left(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)
        assert runner().run() is not Outcome.IDLE

    event_store.publish(Noted(text="a"), stream="s")

    assert seen == ["a"]


@committing
def test_a_worker_wake_up_leaves_events_to_the_worker(seen: list[Any], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}
    subscriber(Noted, durable=True, name="reader")(seen.append)

    event_store.publish(Noted(), stream="s")
    assert seen == []
    runner().run()

    assert len(seen) == 1


@committing
def test_events_that_nobody_durable_wants_cost_nothing() -> None:
    subscriber(Counted, durable=True, name="reader")(lambda event: None)
    event_store.publish(Noted(), stream="s")

    with CaptureQueriesContext(connection) as captured:
        event_store.publish(Noted(), stream="s")

    assert not any("event_store_subscription" in each["sql"] for each in captured)


@committing
def test_transactions_managed_by_hand_leave_events_to_the_next_wake_up(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    transaction.set_autocommit(False)
    event_store.publish(Noted(text="a"), stream="s")
    transaction.commit()
    transaction.set_autocommit(True)
    assert seen == []
    event_store.publish(Noted(text="b"), stream="s")

    assert seen == ["a", "b"]


@committing
def test_a_handler_runs_under_the_metadata_of_its_event_whoever_wakes_it(seen: list[Any]) -> None:
    broken = True

    @subscriber(Counted, durable=True, name="reader")
    def react(event: RecordedEvent[Counted]) -> None:
        if broken:
            raise ValueError
        [noted] = event_store.append(Noted(), stream="reactions")
        seen.append(noted.metadata)

    with event_store.metadata(user="anna"):
        event_store.publish(Counted(number=1), stream="s")
    broken = False
    FailedEvent.objects.update(next_attempt_at=timezone.now())
    with event_store.metadata(user="bob"):
        event_store.publish(Counted(number=2), stream="s")

    assert seen == [{"user": "anna"}, {"user": "bob"}]


@pytest.mark.django_db
def test_djangos_own_way_of_running_hooks_in_a_test_loses_nothing(
    seen: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    @subscriber(Counted, durable=True, name="first")
    def react(event: RecordedEvent[Counted]) -> None:
        event_store.publish(Noted(text=str(event.data.number)), stream="t")

    @subscriber(Noted, durable=True, name="second")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    event_store.publish(Counted(number=0), stream="before")
    for number in (1, 2):
        with django_capture_on_commit_callbacks(execute=True):
            event_store.publish(Counted(number=number), stream="s")
    run_subscriptions()

    assert seen == ["0", "1", "2"]


@committing
@pytest.mark.sqlite
def test_nobody_waits_for_other_writers_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    subscriber(Noted, durable=True, name="reader")(lambda event: None)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with transaction.atomic():
        event_store.publish(Noted(), stream="s")
        with pytest.raises(RuntimeError), transaction.atomic():
            event_store.publish(Noted(), stream="s")
            raise RuntimeError

    assert waits == []
