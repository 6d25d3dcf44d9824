"""Durable subscribers that fail: recorded, tried again, and kept from harming others."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils import timezone

from event_store import RecordedEvent, WrongExpectedVersion, event_store, subscriber
from event_store.immutability import changes_allowed
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
def test_run_subscriptions_says_which_handler_failed_and_how() -> None:
    @subscriber(Counted, durable=True, name="reader")
    def fail(event: RecordedEvent[Counted]) -> None:
        raise ValueError("of no use")

    event_store.publish(Counted(number=1), stream="s")

    with pytest.raises(AssertionError, match=r"reader failed at sample\.Counted .*ValueError: of no use"):
        run_subscriptions()
    with pytest.raises(AssertionError, match="No durable subscriber of the store 'default' is named 'redaer'"):
        run_subscriptions("redaer")


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
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(type="sample.Counted")

    assert runner().run() is Outcome.FAILED
    assert "number" in FailedEvent.objects.get().error


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
