"""Durable subscribers that fail: recorded, tried again, and kept from harming others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, OperationalError, connection, transaction
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import RecordedEvent, WrongExpectedVersion, event_store, signals, subscriber
from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.immutability import changes_allowed
from event_store.models import FailedEvent, StoredEvent, Subscription
from event_store.subscriptions.failures import pause_after
from event_store.subscriptions.partition_runner import LOSSES_IN_A_ROW
from event_store.subscriptions.retries import Attempt, attempt, retry_due
from event_store.subscriptions.runner import Outcome, SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted
from tests.event_store.threads import Elsewhere

committing = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen() -> list[Any]:
    return []


def runner(name: str = "reader") -> SubscriptionRunner:
    found = durable_subscribers.get(name)
    assert found is not None
    return SubscriptionRunner(event_store, found)


def reader() -> DurableSubscriber:
    found = durable_subscribers.get("reader")
    assert found is not None
    return found


@pytest.fixture
def broken(seen: list[Any]) -> list[str]:
    """The streams whose events cannot be handled; `seen` are the others."""
    streams = ["one"]

    @subscriber(Noted, durable=True, name="reader", max_attempts=3)
    def read(event: RecordedEvent[Noted]) -> None:
        if event.stream in streams:
            raise ValueError(event.data.text)
        seen.append(event.data.text)

    return streams


def lose_the_connection(event: RecordedEvent[Any]) -> None:
    connection.connection.pgconn.finish()
    Group.objects.exists()


def statuses() -> list[tuple[str, str]]:
    return list(FailedEvent.objects.order_by("pk").values_list("sequence", "status"))


@contextmanager
def receiving(signal: Signal, told: list[Any]) -> Iterator[None]:
    def note(**facts: Any) -> None:
        told.append(facts)

    signal.connect(note)
    try:
        yield
    finally:
        signal.disconnect(note)


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
    assert (failure.sequence, checkpoint()) == ("s", event.global_position)


@committing
def test_later_events_of_the_sequence_wait_behind_it_and_all_others_flow(seen: list[Any], broken: list[str]) -> None:
    for text, stream in (("a", "one"), ("b", "one"), ("c", "two"), ("d", "one")):
        event_store.publish(Noted(text=text), stream=stream)
    assert seen == ["c"]
    assert statuses() == [("one", "retrying"), ("one", "waiting"), ("one", "waiting")]

    broken.clear()
    runner().run()
    assert seen == ["c"]
    FailedEvent.objects.filter(status="retrying").update(next_attempt_at=timezone.now())
    assert runner().run() is Outcome.IDLE
    assert seen == ["c", "a", "b", "d"]
    assert not FailedEvent.objects.exists()
    assert Subscription.objects.get(name="reader").status == Subscription.Status.OK


@committing
def test_an_attempt_that_fails_again_makes_the_pause_longer(broken: list[str]) -> None:
    event_store.publish(Noted(text="a"), stream="one")
    FailedEvent.objects.update(next_attempt_at=timezone.now())
    runner().run()

    failure = FailedEvent.objects.get()
    assert failure.last_failed_at is not None
    assert failure.next_attempt_at is not None
    assert (failure.attempts, failure.next_attempt_at - failure.last_failed_at) == (2, pause_after(2))


@committing
def test_after_its_last_attempt_an_event_is_given_up_and_its_sequence_waits_on(
    seen: list[Any], broken: list[str]
) -> None:
    told: list[Any] = []
    with receiving(signals.event_parked, told), receiving(signals.event_given_up, told):
        event_store.publish(Noted(text="a"), stream="one")
        for _ in range(5):
            FailedEvent.objects.filter(status="retrying").update(next_attempt_at=timezone.now())
            runner().run()
    event_store.publish(Noted(text="b"), stream="one")

    assert statuses() == [("one", "given_up"), ("one", "waiting")]
    assert FailedEvent.objects.order_by("pk")[0].attempts == 3
    assert [(each["subscription"], each["sequence"], str(each["error"])) for each in told] == [
        ("reader", "one", "a")
    ] * 2
    assert seen == []


@committing
def test_a_receiver_that_raises_harms_nobody(broken: list[str]) -> None:
    def refuse(**_: Any) -> None:
        raise KeyError

    signals.event_parked.connect(refuse)
    try:
        event_store.publish(Noted(text="a"), stream="one")
    finally:
        signals.event_parked.disconnect(refuse)

    assert statuses() == [("one", "retrying")]


@committing
def test_an_event_that_is_parked_while_the_first_one_is_tried_comes_up_by_itself(
    seen: list[Any], broken: list[str]
) -> None:
    event_store.publish(Noted(text="a"), stream="one")
    event_store.publish(Noted(text="b"), stream="one")
    # As if the first one had been locked when the second one was parked.
    FailedEvent.objects.update(status="retrying", next_attempt_at=timezone.now())
    second = FailedEvent.objects.order_by("pk")[1]

    assert attempt(event_store, reader(), second.pk) is Attempt.BUSY
    assert statuses() == [("one", "retrying"), ("one", "waiting")]
    broken.clear()
    runner().run()
    assert seen == ["a", "b"]


@committing
def test_the_traceback_has_no_values_of_variables() -> None:
    @subscriber(Noted, durable=True, name="reader")
    def fail(event: RecordedEvent[Noted]) -> None:
        secret = event.data.text
        raise ValueError(f"a text of {len(secret)} characters")

    event_store.publish(Noted(text="hunter2"), stream="s")

    failure = FailedEvent.objects.get()
    assert "in fail" in failure.traceback
    assert "hunter2" not in failure.traceback + failure.error


@committing
@pytest.mark.postgresql
def test_a_connection_that_is_lost_in_a_handler_is_no_failure(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        seen.append(event.data.text)
        if len(seen) == 1:
            connection.connection.pgconn.finish()
        Group.objects.create(name=event.data.text)

    event_store.publish(Noted(text="a"), stream="s")
    assert not FailedEvent.objects.exists()
    event_store.publish(Noted(text="b"), stream="s")

    assert seen == ["a", "a", "b"]


@committing
@pytest.mark.postgresql
def test_a_handler_that_loses_its_connection_each_time_is_parked_in_the_end(seen: list[Any]) -> None:
    subscriber(Noted, durable=True, name="reader")(lose_the_connection)
    event_store.append(Noted(text="a"), stream="s")
    same = runner()
    for _ in range(LOSSES_IN_A_ROW):
        with suppress(OperationalError):
            same.run()
    same.run()

    assert FailedEvent.objects.get().error.startswith("OperationalError")


@committing
@pytest.mark.postgresql
def test_an_attempt_that_loses_its_connection_gets_a_pause_like_any_other(seen: list[Any], broken: list[str]) -> None:
    event_store.publish(Noted(text="a"), stream="one")
    FailedEvent.objects.update(next_attempt_at=timezone.now())
    losing = replace(reader(), handle=lose_the_connection)

    assert retry_due(event_store, losing, Subscription.objects.get(name="reader")) == 0
    assert "OperationalError" in FailedEvent.objects.get().error
    assert FailedEvent.objects.get().attempts == 2


@committing
@pytest.mark.postgresql
def test_one_that_somebody_else_is_trying_does_not_keep_the_others_waiting(seen: list[Any], broken: list[str]) -> None:
    broken.append("two")
    for stream in broken:
        event_store.publish(Noted(text=stream), stream=stream)
    broken.clear()
    FailedEvent.objects.update(next_attempt_at=timezone.now())
    first = FailedEvent.objects.order_by("pk")[0]
    with Elsewhere() as other:
        other.do(lambda: transaction.set_autocommit(False))
        other.do(lambda: FailedEvent.objects.select_for_update().get(pk=first.pk))
        runner().run()
        other.do(transaction.rollback)
        other.do(lambda: transaction.set_autocommit(True))

    assert seen == ["two"]
    assert statuses() == [("one", "retrying")]


@committing
def test_a_batch_that_is_handled_one_by_one_ends_when_it_is_told_to(seen: list[Any]) -> None:
    @subscriber(Noted, durable=True, name="reader", batch_size=10)
    def read(events: list[RecordedEvent[Noted]]) -> None:
        seen.append(len(events))
        if len(events) > 1:
            raise ValueError

    event_store.append([Noted()] * 5, stream="s")
    assert seen == [5, 1, 1, 1, 1, 1]
    Subscription.objects.update(checkpoint=0)
    seen.clear()
    SubscriptionRunner(event_store, reader(), stopping=lambda: len(seen) >= 3).run()

    assert seen == [5, 1, 1]


@committing
def test_of_a_batch_only_the_event_that_fails_is_parked() -> None:
    lists: list[list[str]] = []

    @subscriber(Noted, durable=True, name="reader", batch_size=10)
    def read(events: list[RecordedEvent[Noted]]) -> None:
        lists.append([event.data.text for event in events])
        if "bad" in lists[-1]:
            raise ValueError

    event_store.publish([Noted(text=text) for text in ("a", "bad", "c")], stream="one")
    event_store.publish(Noted(text="d"), stream="two")

    assert lists == [["a", "bad", "c"], ["a"], ["bad"], ["d"]]
    assert statuses() == [("one", "retrying"), ("one", "waiting")]


@committing
def test_a_thousand_parked_events_cost_the_others_nothing(broken: list[str]) -> None:
    event_store.publish(Noted(text="a"), stream="one")
    with CaptureQueriesContext(connection) as with_one:
        event_store.publish(Noted(text="b"), stream="two")
    event_store.append([Noted()] * 1000, stream="one")
    assert FailedEvent.objects.count() == 1001
    FailedEvent.objects.filter(status="retrying").update(next_attempt_at=timezone.now() + timedelta(hours=1))
    with CaptureQueriesContext(connection) as with_many:
        event_store.publish(Noted(text="c"), stream="two")

    assert len(with_many) <= len(with_one)


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

    assert runner().run() is Outcome.IDLE
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
