"""Partitions: which handles which sequence, and dividing a subscription anew."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from event_store import RecordedEvent, event_store, subscriber
from event_store.durable import DurableSubscriber, durable_subscribers, partition_of
from event_store.models import FailedEvent, Subscription
from event_store.subscriptions.runner import Outcome, SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, CustomerSaidYes, Noted

committing = pytest.mark.django_db(transaction=True)


def reading(seen: list[Any], **options: Any) -> DurableSubscriber:
    if known := durable_subscribers.get("reader"):
        durable_subscribers.remove(known)

    @subscriber(Counted, durable=True, name="reader", **options)
    def read(event: RecordedEvent[Counted]) -> None:
        seen.append((event.stream, event.data.number))

    found = durable_subscribers.get("reader")
    assert found is not None
    return found


def rows() -> list[tuple[int, int]]:
    found = Subscription.objects.filter(name="reader").order_by("partition")
    return [(row.partition, row.partitions) for row in found]


def test_a_sequence_has_its_partition_on_every_machine_and_for_ever() -> None:
    assert [partition_of(f"Order${number}", 4) for number in range(8)] == [0, 2, 0, 2, 1, 3, 1, 3]
    assert partition_of("whatever", 1) == 0


@committing
def test_each_event_is_handled_by_one_partition_in_the_order_of_its_stream() -> None:
    seen: list[Any] = []
    reading(seen, partitions=4)
    for number in range(3):
        for stream in ("a", "b", "c", "d", "e"):
            event_store.publish(Counted(number=number), stream=stream)

    assert rows() == [(number, 4) for number in range(4)]
    assert Counter(stream for stream, _ in seen) == dict.fromkeys("abcde", 3)
    assert all([number for each, number in seen if each == stream] == [0, 1, 2] for stream in "abcde")


@committing
def test_a_function_says_what_the_sequences_are() -> None:
    seen: list[Any] = []
    reading(seen, partitions=2, partition_by=lambda event: f"parity {event.data.number % 2}")

    event_store.publish([Counted(number=number) for number in range(6)], stream="s")

    assert sorted(number for _, number in seen) == list(range(6))
    assert [number for _, number in seen if number % 2] == [1, 3, 5]


@committing
@pytest.mark.parametrize("answer", [None, "", 7, "x" * 256])
def test_an_event_without_a_usable_sequence_is_parked_under_its_stream(answer: Any) -> None:
    seen: list[Any] = []
    reading(seen, partitions=2, partition_by=lambda event: answer)
    event_store.publish(Counted(number=1), stream="s")

    failure = FailedEvent.objects.get()
    assert failure.sequence == "s"
    assert "partition_by of reader gave" in failure.error
    assert seen == []


@committing
@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 2), (3, 1)])
def test_another_number_of_partitions_loses_and_repeats_nothing(before: int, after: int) -> None:
    seen: list[Any] = []
    reading(seen, partitions=before)
    for number in range(10):
        event_store.publish(Counted(number=number), stream=f"s{number % 5}")
    reading(seen, partitions=after)
    for number in range(10, 20):
        event_store.publish(Counted(number=number), stream=f"s{number % 5}")

    assert rows() == [(number, after) for number in range(after)]
    assert sorted(number for _, number in seen) == list(range(20))


@committing
def test_partitions_that_are_apart_are_brought_together_before_they_are_divided() -> None:
    seen: list[Any] = []
    reading(seen, partitions=2)
    for number in range(6):
        event_store.publish(Counted(number=number), stream=f"s{number}")
    Subscription.objects.filter(name="reader", partition=1).update(checkpoint=0)
    seen.clear()
    run_subscriptions(*[SubscriptionRunner(event_store, reading(seen, partitions=3)).subscriber.name])

    assert {partition_of(str(stream), 2) for stream, _ in seen} == {1}
    assert rows() == [(number, 3) for number in range(3)]


@committing
def test_what_is_parked_keeps_its_place_when_partitions_are_divided() -> None:
    seen: list[Any] = []
    broken = True

    def declare(partitions: int) -> None:
        reading(seen, partitions=partitions, partition_by=fail_or_stream)

    def fail_or_stream(event: RecordedEvent[Any]) -> str:
        if broken and event.stream == "bad":
            raise ValueError
        return str(event.stream)

    declare(4)
    event_store.publish(Counted(number=1), stream="bad")
    declare(1)
    event_store.publish(Counted(number=2), stream="bad")
    event_store.publish(Counted(number=3), stream="good")
    assert seen == [("good", 3)]
    broken = False
    run_subscriptions("reader")

    assert seen == [("good", 3), ("bad", 1), ("bad", 2)]


@committing
def test_a_batch_takes_only_events_of_its_own_partition() -> None:
    lists: list[list[str]] = []

    @subscriber(Noted, durable=True, name="reader", batch_size=100, partitions=2)
    def read(events: list[RecordedEvent[Noted]]) -> None:
        lists.append([str(event.stream) for event in events])

    for stream in "abcdef":
        event_store.append(Noted(), stream=stream)
    lists.clear()
    Subscription.objects.filter(name="reader").update(checkpoint=0)
    found = durable_subscribers.get("reader")
    assert found is not None
    assert SubscriptionRunner(event_store, found).run() is Outcome.IDLE

    assert [{partition_of(stream, 2) for stream in each} for each in lists] == [{0}, {1}]
    assert sorted(stream for each in lists for stream in each) == list("abcdef")


@committing
def test_what_the_others_handle_is_passed_over_at_once_however_it_falls_into_reads(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("event_store.subscriptions.partition_runner.READ_SIZE", 2)
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}
    subscriber = reading([], partitions=2)
    for stream in ("d", "a", "a", "a"):
        [last] = event_store.append(Counted(number=1), stream=stream)
    event_store.append(Noted(), stream="a")
    SubscriptionRunner(event_store, subscriber).run()

    assert (partition_of("d", 2), partition_of("a", 2)) == (0, 1)
    for row in Subscription.objects.filter(name="reader"):
        assert row.checkpoint >= last.global_position


@committing
def test_one_process_that_fails_holds_up_no_other_one_of_the_same_event(settings: Any) -> None:
    from event_store.models import Process
    from tests.event_store.sample import Agreement

    handled: list[str] = []
    kept = Agreement.process_id, Agreement.apply

    def fail_for_one(self: Any, state: Any, event: RecordedEvent[Any]) -> Any:
        if self.id == "1":
            raise ValueError("not this one")
        handled.append(self.id)
        return state

    Agreement.process_id = lambda self, event: ["1", "2", "3"]  # type: ignore[assignment, return-value]
    Agreement.apply = fail_for_one  # type: ignore[method-assign]
    try:
        event_store.publish(CustomerSaidYes(order_id="x"), stream="s")
        event_store.publish(CustomerSaidYes(order_id="y"), stream="s")
    finally:
        Agreement.process_id, Agreement.apply = kept  # type: ignore[method-assign]

    statuses = dict(Process.objects.filter(type="Agreement").values_list("key", "status"))
    assert statuses == {"1": "failed", "2": "waiting", "3": "waiting"}
    assert list(FailedEvent.objects.values_list("sequence", "status")) == [("1", "retrying"), ("1", "waiting")]
