"""Reading only what is final while others write."""

from __future__ import annotations

import pickle
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from event_store import HorizonUnavailable, event_store, horizon
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def a_thread_that_knows_nothing() -> None:
    horizon._readers.by_alias.clear()


def publish(text: str) -> None:
    event_store.append(Noted(text=text), stream=f"s{text}")


def final() -> list[str]:
    return [event.data.text for event in event_store.events.up_to_horizon()]


def looks_of(ask: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        ask()
    return sum("pg_locks" in each["sql"] for each in captured)


def test_what_others_may_still_come_before_is_left_out() -> None:
    publish("before")
    assert final() == ["before"]
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        publish("fast")

        assert final() == ["before"]
        assert event_store.events.up_to_horizon().count() == 1
        assert event_store.events.count() == 2
        slow.do(lambda: finish(transaction.commit))

    assert final() == ["before", "slow", "fast"]


def test_it_waits_a_moment_for_those_who_are_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for a busy machine; the other writer ends much sooner.
    monkeypatch.setattr(horizon, "LONGEST_WAIT", 40 * horizon.LONGEST_WAIT)
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        publish("fast")
        ending = slow.start(lambda: (time.sleep(0.1), finish(transaction.commit)))

        assert final() == ["slow", "fast"]
        ending.result(timeout=30)


def test_who_was_waited_for_in_vain_is_not_waited_for_again() -> None:
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))

        assert looks_of(final) > 2
        assert looks_of(final) == 1
        slow.do(lambda: finish(transaction.rollback))

    publish("next")
    assert final() == ["next"]


def test_a_thread_knows_only_what_it_has_seen_itself() -> None:
    publish("before")
    assert final() == ["before"]
    with Elsewhere() as slow, Elsewhere() as other:
        slow.do(begin)
        slow.do(lambda: publish("slow"))

        assert other.do(final) == []
        assert final() == ["before"]
        slow.do(lambda: finish(transaction.rollback))


def test_the_order_of_one_stream_asks_for_no_horizon() -> None:
    assert looks_of(lambda: list(event_store.events.in_stream("s").up_to_horizon())) == 0


def test_a_query_keeps_it_on_its_travels() -> None:
    publish("before")
    query = pickle.loads(pickle.dumps(event_store.events.up_to_horizon()))
    with Elsewhere() as slow:
        final()
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        publish("fast")

        assert [event.data.text for event in query] == ["before"]
        assert "'up_to_horizon': True" in repr(query)
        slow.do(lambda: finish(transaction.commit))


def test_asynchronous_code_reads_it_too() -> None:
    async def read() -> list[str]:
        return [event.data.text async for event in event_store.events.up_to_horizon()]

    publish("before")
    assert async_to_sync(read)() == ["before"]


def test_a_snapshot_that_may_be_too_old_is_refused() -> None:
    run("BEGIN ISOLATION LEVEL SERIALIZABLE")
    with pytest.raises(HorizonUnavailable):
        event_store.events.up_to_horizon().first()
    run("ROLLBACK")


def test_a_page_after_the_other_misses_nothing_that_was_late() -> None:
    seen: list[str] = []

    def read_on(position: int) -> int:
        for event in event_store.events.up_to_horizon().after(position):
            seen.append(event.data.text)
            position = event.global_position
        return position

    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        publish("fast")
        position = read_on(0)
        slow.do(lambda: finish(transaction.commit))
    read_on(position)

    assert seen == ["slow", "fast"]
