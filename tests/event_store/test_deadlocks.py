"""What writers that wait for each other see."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, OperationalError, transaction

from event_store import event_store
from tests.event_store.sample import Noted
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def publish_two(first: str, second: str, meeting: threading.Barrier) -> None:
    with transaction.atomic():
        event_store.publish(Noted(text=first), stream=first)
        meeting.wait()
        event_store.publish(Noted(text=first), stream=second)


def test_within_one_call_streams_are_locked_in_the_order_of_their_names() -> None:
    def publish(stream: str, links: list[str]) -> None:
        for _ in range(20):
            event_store.publish(Noted(), stream=stream, links=links)

    answers = at_once([lambda: publish("a", ["c", "b"]), lambda: publish("c", ["b", "a"]), lambda: publish("b", ["a"])])

    assert answers == [None] * 3
    assert event_store.events.in_stream("b").count() == 60


@pytest.mark.postgresql
def test_across_two_calls_of_one_transaction_the_database_ends_one_of_the_writers() -> None:
    meeting = threading.Barrier(2, timeout=30)

    answers = at_once([lambda: publish_two("a", "b", meeting), lambda: publish_two("b", "a", meeting)])

    [ended] = [answer for answer in answers if isinstance(answer, DatabaseError)]
    assert isinstance(ended, OperationalError)
    assert getattr(ended.__cause__, "sqlstate", None) == "40P01"
    assert "deadlock detected" in str(ended)
    # The other one has gone through, whole.
    assert len({event.data.text for event in event_store.events}) == 1
    assert [event_store.events.in_stream(name).count() for name in ("a", "b")] == [1, 1]


@pytest.mark.sqlite
def test_on_sqlite_the_second_writer_waits_for_the_first_one_to_end() -> None:
    def publish(first: str, second: str) -> None:
        with transaction.atomic():
            event_store.publish(Noted(), stream=first)
            event_store.publish(Noted(), stream=second)

    answers = at_once([lambda: publish("a", "b"), lambda: publish("b", "a")] * 3)

    assert answers == [None] * 6
    assert [event_store.events.in_stream(name).count() for name in ("a", "b")] == [6, 6]
