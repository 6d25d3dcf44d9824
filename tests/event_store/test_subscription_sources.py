"""What durable subscribers read: the store, a category or a stream, from where they are told, one by one or in lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from event_store import Event, RecordedEvent, event_store, subscriber
from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.exceptions import InvalidSubscriber, SubscriptionChanged
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent, Subscription
from event_store.subscriptions.checkpoints import start_position
from event_store.subscriptions.runner import SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted

committing = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen() -> list[Any]:
    return []


def reading(seen: list[Any], *classes: type[Event], **options: Any) -> None:
    @subscriber(*(classes or (Event,)), durable=True, name="reader", **options)
    def read(event: RecordedEvent[Any]) -> None:
        seen.append((event.stream, event.position))


def reader() -> DurableSubscriber:
    found = durable_subscribers.get("reader")
    assert found is not None
    return found


def runner() -> SubscriptionRunner:
    return SubscriptionRunner(event_store, reader())


@committing
def test_a_category_is_that_of_the_stream_an_event_was_written_to(seen: list[Any]) -> None:
    reading(seen, category="Order")

    event_store.publish(Noted(), stream="Order$1", links=["Customer$1"])
    event_store.publish(Noted(), stream="Customer$1", links=["Order$2"])
    event_store.publish(Noted(), stream="Orders")

    assert seen == [("Order$1", 0)]


@committing
def test_a_stream_is_read_in_its_own_order_with_what_is_linked_there(seen: list[Any]) -> None:
    reading(seen, stream="Order$1")
    [early] = event_store.publish(Noted(), stream="Customer$1")

    event_store.publish(Noted(), stream="Order$1")
    event_store.link(early, stream="Order$1")
    event_store.publish(Noted(), stream="Customer$1", links=["Order$1"])

    assert seen == [("Order$1", 0), ("Order$1", 1), ("Order$1", 2)]
    assert Subscription.objects.get(name="reader").checkpoint == 2


@committing
def test_a_stream_that_is_deleted_and_begun_anew_is_read_anew(seen: list[Any]) -> None:
    reading(seen, stream="Order$1")
    event_store.publish([Noted(), Noted()], stream="Order$1")
    event_store.delete_stream("Order$1")

    event_store.publish(Noted(), stream="Order$1")

    assert seen == [("Order$1", 0), ("Order$1", 1), ("Order$1", 0)]


@committing
def test_events_whose_class_is_gone_reach_who_reads_all_as_plain_data() -> None:
    data: list[Any] = []

    @subscriber(Event, durable=True, name="reader")
    def read(event: RecordedEvent[Any]) -> None:
        data.append(event.data)

    [event] = event_store.append(Counted(number=3), stream="s")
    data.clear()
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(type="gone.Counted")
    Subscription.objects.update(checkpoint=0)
    runner().run()

    assert data == [{"number": 3}]


@committing
def test_a_new_subscription_that_starts_now_sees_the_event_that_woke_it_and_no_earlier_one(seen: list[Any]) -> None:
    event_store.publish([Noted(), Noted()], stream="s")
    reading(seen, start="now")

    event_store.publish([Noted(), Noted()], stream="s")

    assert seen == [("s", 2), ("s", 3)]


@committing
def test_one_of_a_stream_starts_now_with_the_event_that_is_linked_there(seen: list[Any]) -> None:
    event_store.publish([Noted(), Noted()], stream="Order$1")
    reading(seen, stream="Order$1", start="now")

    event_store.publish(Noted(), stream="Customer$1", links=["Order$1"])

    assert seen == [("Order$1", 2)]


@pytest.mark.django_db
def test_it_starts_behind_a_position_or_at_a_time(seen: list[Any]) -> None:
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    positions = []
    for time in times:
        with event_store.clock(lambda time=time: time):
            positions += [each.global_position for each in event_store.append(Noted(), stream="s")]

    def start(value: Any, **options: Any) -> int:
        reading(seen, start=value, **options)
        found = start_position(event_store, reader())
        durable_subscribers.remove(reader())
        return found

    assert start(positions[0]) == positions[0]
    assert start(times[1]) == positions[1] - 1
    assert start(times[2] + timedelta(days=1)) == start("now") == positions[2]
    assert (start("beginning"), start("beginning", stream="s")) == (0, -1)
    assert (start(times[1], stream="s"), start("now", stream="s"), start("now", stream="none")) == (0, 2, -1)


@committing
def test_a_list_of_events_is_handled_in_one_transaction_with_the_checkpoint() -> None:
    lists: list[list[int]] = []

    @subscriber(Counted, durable=True, name="reader", batch_size=3)
    def read(events: list[RecordedEvent[Counted]]) -> None:
        lists.append([event.data.number for event in events])
        assert transaction.get_connection().in_atomic_block

    event_store.publish([Counted(number=number) for number in range(7)], stream="s")

    assert lists == [[0, 1, 2], [3, 4, 5], [6]]
    assert Subscription.objects.get(name="reader").handled == 7


@committing
def test_a_subscription_that_reads_another_stream_under_its_old_name_is_refused(
    seen: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    reading(seen, stream="Order$1")
    event_store.publish(Noted(), stream="Order$1")
    durable_subscribers.remove(reader())
    reading(seen, stream="Order$2")

    with pytest.raises(SubscriptionChanged, match="checkpoint in the stream 'Order\\$1', and now reads"):
        runner().run()
    event_store.publish(Noted(), stream="Order$2")
    assert "SubscriptionChanged" in caplog.text


@committing
def test_a_filter_that_matches_rarely_moves_its_checkpoint_all_the_same(seen: list[Any]) -> None:
    reading(seen, Counted)
    event_store.append(Counted(number=1), stream="s")
    last = event_store.append([Noted()] * 150, stream="s")[-1]

    runner().run()

    assert Subscription.objects.get(name="reader").checkpoint == last.global_position


@pytest.mark.django_db
def test_no_event_is_handled_twice_however_often_one_asks(seen: list[Any]) -> None:
    reading(seen)
    event_store.append([Noted()] * 3, stream="s")

    assert (run_subscriptions("reader"), run_subscriptions("reader")) == (3, 0)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"stream": ""}, "stream"),
        ({"stream": "$type-x"}, "is a query"),
        ({"category": "a$b"}, "category"),
        ({"stream": "a", "category": "b"}, "reads one of the two"),
        ({"start": "yesterday"}, "start is 'yesterday'"),
        ({"start": -1}, "start is -1"),
        ({"start": datetime(2026, 1, 1)}, "aware datetime"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"partitions": 1025}, "from 1 to 1024"),
        ({"partition_by": "stream"}, "partition_by is 'stream'"),
        ({"stream": "a", "partitions": 2}, "need partition_by"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"partitons": 2}, "the option 'partitons' is unknown"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidSubscriber, match=what):
        subscriber(Noted, durable=True, name="reader", **options)


def test_an_immediate_subscriber_has_none_of_these_options() -> None:
    with pytest.raises(InvalidSubscriber, match="partitions: only a durable subscriber"):
        subscriber(Noted, partitions=2)
