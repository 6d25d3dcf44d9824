"""Several writers at once, each with a connection of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from event_store import DuplicateEvent, NewEvent, RecordedEvent, WrongExpectedVersion, event_store, subscriber
from event_store.models import IssuedCommand, Process, StoredEvent
from event_store.testing import run_subscriptions
from tests.event_store.sample import CatererSaidYes, Counted, CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere, at_once

pytestmark = pytest.mark.django_db(transaction=True)


def publishing_view(request: HttpRequest, number: int) -> HttpResponse:
    assert connection.in_atomic_block, "ATOMIC_REQUESTS is on"
    event_store.publish(Counted(number=number), stream="Order$1", links=["Audit"])
    if number % 5 == 4:
        raise RuntimeError("rolled back")
    return HttpResponse("done")


urlpatterns = [path("publish/<int:number>/", publishing_view)]


def positions(stream: str) -> list[int | None]:
    return [event.position for event in event_store.events.in_stream(stream)]


def test_writers_of_one_stream_lose_nothing_and_leave_no_holes() -> None:
    def write(writer: int) -> None:
        for number in range(20):
            event_store.publish(Counted(number=writer * 100 + number), stream="busy")

    assert at_once([lambda writer=writer: write(writer) for writer in range(8)]) == [None] * 8  # type: ignore[misc]

    events = list(event_store.events.in_stream("busy"))
    assert [event.position for event in events] == list(range(160))
    assert [event.global_position for event in events] == sorted(event.global_position for event in events)
    assert len({event.data.number for event in events}) == 160


def test_of_writers_that_believe_in_the_same_version_one_wins() -> None:
    event_store.publish(Noted(), stream="s")

    answers = at_once([lambda: event_store.publish(Noted(), stream="s", expected_version=0)] * 6)

    refused = [answer for answer in answers if isinstance(answer, WrongExpectedVersion)]
    assert (len(refused), positions("s")) == (5, [0, 1])


def test_of_writers_that_begin_a_stream_one_wins() -> None:
    answers = at_once([lambda: event_store.publish(Noted(), stream="new", expected_version=-1)] * 6)

    assert sum(isinstance(answer, WrongExpectedVersion) for answer in answers) == 5
    assert positions("new") == [0]


def test_writers_that_link_into_each_others_streams_do_not_wait_for_each_other() -> None:
    def write(stream: str, link: str) -> None:
        for _ in range(25):
            event_store.publish(Noted(), stream=stream, links=[link])

    assert at_once([lambda: write("a", "b"), lambda: write("b", "a")] * 2) == [None] * 4
    assert (len(positions("a")), len(positions("b"))) == (100, 100)


@pytest.mark.urls(__name__)
def test_atomic_requests_with_concurrent_writers_lose_nothing() -> None:
    def request(number: int) -> int:
        status: int = Client(raise_request_exception=False).get(f"/publish/{number}/").status_code
        return status

    answers = at_once([lambda number=number: request(number) for number in range(10)])  # type: ignore[misc]

    assert Counter(answers) == {200: 8, 500: 2}
    assert sorted(event.data.number for event in event_store.events.in_stream("Order$1")) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert positions("Order$1") == positions("Audit") == list(range(8))


def test_durable_subscribers_miss_nothing_of_overlapping_transactions() -> None:
    seen: list[int] = []

    @subscriber(Counted, durable=True, name="reader")
    def read(event: RecordedEvent[Counted]) -> None:
        seen.append(event.global_position)

    def write(writer: int) -> None:
        for number in range(15):
            with transaction.atomic():
                event_store.publish(Counted(number=number), stream=f"s{writer}")
                if number % 4 == 3:
                    transaction.set_rollback(True)

    assert at_once([lambda writer=writer: write(writer) for writer in range(6)]) == [None] * 6  # type: ignore[misc]
    run_subscriptions("reader")

    assert seen == sorted(seen)
    assert seen == list(StoredEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert len(seen) == 6 * 12


@pytest.mark.parametrize("round_", range(10))
def test_two_confirmations_at_the_same_time_end_in_exactly_one_command(round_: int) -> None:
    def confirm(event: Any, stream: str) -> None:
        with transaction.atomic():
            event_store.publish(event, stream=stream)

    answers = at_once(
        [
            lambda: confirm(CustomerSaidYes(order_id="42"), "Order$42"),
            lambda: confirm(CatererSaidYes(order_id="42"), "Caterer$7"),
        ]
    )

    # The two wake-ups between them have handled both: no worker is needed.
    assert answers == [None, None]
    assert IssuedCommand.objects.filter(outcome="accepted").count() == 1
    assert Process.objects.get().status == "completed"
    assert event_store.events.in_stream("Order$42").of_type("sample.Confirmed").count() == 1
    assert positions("Agreement$42") == [0, 1]


def test_many_orders_confirmed_from_both_sides_at_once() -> None:
    def confirm(kind: Any, stream: str) -> None:
        for order in range(20):
            event_store.publish(kind(order_id=str(order)), stream=stream.format(order))

    answers = at_once([lambda: confirm(CustomerSaidYes, "Order${}"), lambda: confirm(CatererSaidYes, "Caterer$7")])
    run_subscriptions()

    assert answers == [None, None]
    confirmed = Counter(event.data.order_id for event in event_store.events.of_type("sample.Confirmed"))
    assert confirmed == {str(order): 1 for order in range(20)}


@pytest.mark.postgresql
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_lost_race_under_a_stricter_isolation_level_is_a_wrong_version(level: str) -> None:
    event_store.publish(Noted(), stream="s")
    with Elsewhere() as other, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        assert event_store.events.in_stream("s").count() == 1
        other.do(lambda: event_store.publish(Noted(), stream="s"))

        with pytest.raises(WrongExpectedVersion) as refused:
            event_store.publish(Noted(), stream="s", expected_version=0)
        with pytest.raises(OperationalError), transaction.atomic():
            event_store.publish(Noted(), stream="s")

    assert refused.value.actual is None
    assert positions("s") == [0, 1]


@pytest.mark.postgresql
def test_a_duplicate_that_the_snapshot_hides_is_named_all_the_same() -> None:
    event_id = uuid4()
    with Elsewhere() as other, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert event_store.events.count() == 0
        other.do(lambda: event_store.publish(NewEvent(Noted(), id=event_id), stream="elsewhere"))

        with pytest.raises(DuplicateEvent) as refused:
            event_store.publish(NewEvent(Noted(), id=event_id), stream="s")

    assert refused.value.event_ids == [event_id]


@pytest.mark.postgresql
def test_a_writer_waits_for_the_one_before_it_and_then_knows_better() -> None:
    event_store.publish(Noted(), stream="s")
    with Elsewhere() as other:
        with transaction.atomic():
            event_store.publish(Noted(), stream="s", expected_version=0)
            waiting = other.start(lambda: event_store.publish(Noted(), stream="s", expected_version=0))
            assert not waiting.done()
        with pytest.raises(WrongExpectedVersion) as refused:
            waiting.result(timeout=30)

    assert refused.value.actual == 1


def test_connections_of_threads_are_closed() -> None:
    def read() -> Any:
        event_store.events.count()
        return connections["default"]

    [of_thread] = at_once([read])

    assert of_thread is not connections["default"]
    assert of_thread.connection is None
