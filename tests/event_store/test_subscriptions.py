"""Durable subscribers: order, checkpoint, failure, waking up."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import Event, RecordedEvent, WrongExpectedVersion, event_store, subscriber
from event_store.models import FailedEvent, StoredEvent, Subscription
from event_store.subscribers import durable_subscribers
from event_store.subscriptions import checkpoints, failures
from event_store.subscriptions.failures import pause_after
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


@pytest.mark.django_db
def test_run_subscriptions_says_which_handler_failed_and_how() -> None:
    @subscriber(Counted, durable=True, name="reader")
    def fail(event: RecordedEvent[Counted]) -> None:
        raise ValueError("of no use")

    event_store.publish(Counted(number=1), stream="s")

    with pytest.raises(AssertionError, match=r"reader failed at sample\.Counted .*ValueError: of no use"):
        run_subscriptions()
    with pytest.raises(AssertionError, match="No durable subscriber is named 'redaer'"):
        run_subscriptions("redaer")


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

    event_store.publish(Counted(number=300), stream="s")

    assert seen == list(range(300, -1, -1))


@committing
def test_a_failing_handler_never_reaches_the_publisher_and_is_recorded(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def fail(event: RecordedEvent[Noted]) -> None:
        event_store.append(Counted(number=1), stream="undone")
        raise ValueError("of no use")

    with transaction.atomic():
        [event] = event_store.publish(Noted(), stream="s")
        transaction.on_commit(lambda: seen.append("later hook"))

    failure = FailedEvent.objects.get()
    assert seen == ["later hook"]
    assert (failure.event_id, failure.attempts, failure.error) == (event.global_position, 1, "ValueError: of no use")
    assert "in fail" in failure.traceback
    assert not event_store.events.in_stream("undone").exists()
    assert Subscription.objects.get(name="reader").status == Subscription.Status.FAILING
    assert checkpoint() < event.global_position


@committing
def test_a_failed_event_is_tried_again_after_its_pause_and_before_later_ones(seen: list[Any]) -> None:
    broken = True

    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        if broken:
            raise ValueError
        seen.append(event.data.text)

    event_store.publish(Noted(text="a"), stream="s")
    event_store.publish(Noted(text="b"), stream="s")
    broken = False

    assert runner().run() is Outcome.FAILED
    assert FailedEvent.objects.get().attempts == 1
    Subscription.objects.update(retry_at=timezone.now())
    assert runner().run() is Outcome.IDLE
    assert seen == ["a", "b"]
    assert not FailedEvent.objects.exists()
    assert Subscription.objects.get(name="reader").status == Subscription.Status.OK


def test_pauses_grow_to_five_minutes() -> None:
    assert [pause_after(attempts).total_seconds() for attempts in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]


@committing
def test_a_failure_does_not_stop_other_subscriptions(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="broken")
    def fail(event: RecordedEvent[Noted]) -> None:
        raise ValueError

    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)

    event_store.publish(Noted(text="a"), stream="s")

    assert seen == ["a"]


@committing
def test_the_handlers_writes_and_its_checkpoint_commit_together() -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        event_store.append(Counted(number=1), stream="effect")
        if not StoredEvent.objects.filter(type="sample.Counted", correlation_id=event.id).exists():
            raise AssertionError("the effect is in the same transaction")
        raise IntegrityError("crashed before the commit")

    event_store.publish(Noted(), stream="s")

    assert checkpoint() == 0
    assert not event_store.events.in_stream("effect").exists()


@committing
def test_a_conflict_is_repeated_at_once_and_is_no_failure(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.id)
        if len(seen) < 4:
            raise WrongExpectedVersion(stream="s", expected=1, actual=2)

    event_store.publish(Noted(), stream="s")

    assert len(seen) == 4
    assert not FailedEvent.objects.exists()


@committing
def test_a_conflict_that_never_ends_is_a_failure_like_any_other() -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        event_store.publish(Counted(number=1), stream="s", expected_version=99)

    event_store.publish(Noted(), stream="s")

    assert FailedEvent.objects.get().error.startswith("WrongExpectedVersion")


@committing
def test_an_event_whose_data_fits_no_more_fails_like_a_handler(seen: list[Any]) -> None:
    subscriber(Counted, durable=True, name="reader")(seen.append)
    [event] = event_store.append(Noted(), stream="s")
    StoredEvent.objects.filter(pk=event.global_position).update(type="sample.Counted")

    assert runner().run() is Outcome.FAILED
    assert "number" in FailedEvent.objects.get().error


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
def test_a_swallowed_database_error_is_a_failure_and_not_an_endless_loop() -> None:
    Group.objects.create(name="taken")
    calls = []

    @subscriber(Noted, durable=True, name="reader")
    def insert(event: RecordedEvent[Noted]) -> None:
        calls.append(event.id)
        with suppress(IntegrityError):
            Group.objects.create(name="taken")

    event_store.publish(Noted(), stream="s")

    assert len(calls) == 1
    assert FailedEvent.objects.get().error.startswith("BrokenTransaction")


@committing
@pytest.mark.parametrize("words", ["a\0b", "\udc80", "x" * 100_000])
def test_whatever_an_error_says_is_recorded_and_the_next_subscriber_has_its_turn(seen: list[Any], words: str) -> None:
    @subscriber(Noted, durable=True, name="broken")
    def fail(event: RecordedEvent[Noted]) -> None:
        raise ValueError(words)

    subscriber(Noted, durable=True, name="reader")(seen.append)
    event_store.publish(Noted(), stream="s")

    assert FailedEvent.objects.get().error.startswith("ValueError: ")
    assert len(seen) == 1


@committing
def test_a_runner_that_breaks_does_not_reach_the_publisher_nor_stop_the_others(
    seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber(Noted, durable=True, name="broken")(lambda event: None)
    subscriber(Noted, durable=True, name="reader")(seen.append)
    original = SubscriptionRunner.run

    def sometimes(self: SubscriptionRunner) -> Any:
        if self.subscriber.name == "broken":
            raise KeyError("bug")
        return original(self)

    monkeypatch.setattr(SubscriptionRunner, "run", sometimes)
    event_store.publish(Noted(), stream="s")

    assert len(seen) == 1


@committing
def test_a_failure_that_another_worker_has_overtaken_is_not_recorded() -> None:
    subscriber(Noted, durable=True, name="reader")(lambda event: None)
    [event] = event_store.append(Noted(), stream="s")
    stale = Subscription.objects.get(name="reader")
    stale.checkpoint = 0

    assert failures.record(stale, event, ValueError("late"), using="default") is False
    assert not FailedEvent.objects.exists()
    assert Subscription.objects.get(name="reader").status == Subscription.Status.OK


@committing
def test_a_success_after_another_workers_failure_clears_it(seen: list[Any], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}

    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.id)

    [event] = event_store.append(Noted(), stream="s")
    loaded = checkpoints.load("reader", using="default")
    failures.record(loaded, event, ValueError("elsewhere"), using="default")

    assert runner().run(ignore_pauses=True) is Outcome.IDLE
    assert not FailedEvent.objects.exists()
    row = Subscription.objects.get(name="reader")
    assert (row.status, row.retry_at) == (Subscription.Status.OK, None)


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
    Subscription.objects.update(retry_at=None)
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
def test_nobody_waits_for_other_writers_where_there_are_none() -> None:
    subscriber(Noted, durable=True, name="reader")(lambda event: None)
    started = time.monotonic()
    with transaction.atomic():
        event_store.publish(Noted(), stream="s")
        with pytest.raises(RuntimeError), transaction.atomic():
            event_store.publish(Noted(), stream="s")
            raise RuntimeError

    assert time.monotonic() - started < 0.2
