"""The horizon: what a durable reader may read without ever missing an event."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from event_store import Horizon, HorizonUnavailable, RecordedEvent, event_store, subscriber
from event_store.models import StoredEvent
from event_store.subscriptions import wakeups
from event_store.testing import run_subscriptions
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, run

committing = pytest.mark.django_db(transaction=True)


def publish(text: str = "") -> int:
    return event_store.append(Noted(text=text), stream=f"s{text}")[0].global_position


@committing
def test_it_is_the_last_position_while_nobody_writes() -> None:
    horizon = Horizon("default")
    before = horizon.read()
    position = publish()

    assert before < position
    assert horizon.read() == position == horizon.last


@committing
@pytest.mark.postgresql
def test_a_fresh_sequence_has_given_out_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE event_store_storedevent_global_position_seq RESTART")

    assert Horizon("default").read() == 0


@pytest.mark.django_db
def test_in_a_test_case_the_own_uncommitted_events_are_final() -> None:
    position = publish()

    assert Horizon("default").read() == position


@committing
@pytest.mark.postgresql
@pytest.mark.parametrize("end", [transaction.commit, transaction.rollback])
def test_it_waits_for_a_writer_that_was_faster_to_draw_than_to_commit(end: Callable[[], None]) -> None:
    horizon, start = Horizon("default"), publish("0")
    with Elsewhere() as slow:
        slow.do(begin)
        early = slow.do(lambda: publish("slow"))
        late = publish("fast")

        assert early < late
        assert horizon.read() <= start
        slow.do(lambda: finish(end))

    assert horizon.read() == late


@committing
@pytest.mark.postgresql
def test_it_rises_while_writers_overlap_without_a_pause() -> None:
    horizon = Horizon("default")
    with Elsewhere() as first, Elsewhere() as second:
        first.do(begin)
        in_first = first.do(lambda: publish("first"))
        horizon.read()
        second.do(begin)
        in_second = second.do(lambda: publish("second"))
        first.do(lambda: finish(transaction.commit))
        between = horizon.read()
        second.do(lambda: finish(transaction.commit))

    assert in_first <= between < in_second
    assert horizon.read() == in_second


@committing
@pytest.mark.postgresql
def test_a_writer_that_begins_between_the_two_looks_is_not_taken_for_final() -> None:
    begun: list[int] = []

    def begin_after_the_first(execute: Any, *arguments: Any) -> Any:
        answer = execute(*arguments)
        if not begun:
            slow.do(begin)
            begun.append(slow.do(lambda: publish("slow")))
        return answer

    with Elsewhere() as slow:
        with connection.execute_wrapper(begin_after_the_first):
            horizon = Horizon("default").read()
        slow.do(lambda: finish(transaction.rollback))

    assert horizon < begun[0]


@committing
@pytest.mark.postgresql
def test_an_inline_wake_up_waits_a_moment_for_other_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for a busy machine; the other writer ends much sooner.
    monkeypatch.setattr(wakeups, "LONGEST_WAIT", 40 * wakeups.LONGEST_WAIT)
    seen: list[str] = []

    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Any]) -> None:
        seen.append(event.data.text)

    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        ending = slow.start(lambda: (time.sleep(0.1), finish(transaction.commit)))
        event_store.publish(Noted(text="fast"), stream="s")
        ending.result(timeout=30)

    assert seen == ["slow", "fast"]


@committing
@pytest.mark.postgresql
def test_a_transaction_that_writes_no_events_holds_nobody_back() -> None:
    horizon = Horizon("default")
    with Elsewhere() as other:
        other.do(begin)
        other.do(lambda: list(event_store.events))
        position = publish()

        assert horizon.read() == position
        other.do(lambda: finish(transaction.rollback))


@committing
@pytest.mark.postgresql
def test_its_memory_outlives_the_connection() -> None:
    horizon = Horizon("default")
    position = publish()
    horizon.read()
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        connection.close()

        assert horizon.read() == position
        slow.do(lambda: finish(transaction.rollback))


@committing
@pytest.mark.postgresql
@pytest.mark.parametrize(("go_back", "count"), [("SELECT setval('{}', 1)", 1), ("ALTER SEQUENCE {} RESTART", 10)])
def test_its_memory_ends_when_the_numbers_start_again(go_back: str, count: int) -> None:
    """One that was reset is known by its file, even when it has passed by what was known of it."""
    run("ALTER SEQUENCE event_store_storedevent_global_position_seq RESTART")
    horizon = Horizon("default")
    event_store.append([Noted()] * 5, stream="s")
    horizon.read()
    with Elsewhere() as slow:
        run("DELETE FROM event_store_streamlink; TRUNCATE event_store_storedevent CASCADE")
        run(go_back.format("event_store_storedevent_global_position_seq"))
        slow.do(begin)
        again = slow.do(lambda: event_store.append([Noted()] * count, stream="t"))

        assert horizon.read() < again[0].global_position
        slow.do(lambda: finish(transaction.rollback))


@committing
@pytest.mark.postgresql
def test_a_checkpoint_costs_its_memory_and_no_more() -> None:
    horizon, position = Horizon("default"), publish()
    horizon.read()
    with connection.cursor() as cursor, Elsewhere() as slow:
        slow.do(begin)
        late = slow.do(lambda: publish("slow"))
        cursor.execute("CHECKPOINT")

        assert horizon.read() == 0
        slow.do(lambda: finish(transaction.commit))

    assert position < late == horizon.read()


@committing
@pytest.mark.postgresql
def test_two_looks_that_a_checkpoint_separates_are_made_again() -> None:
    position = publish()
    horizon, statements = Horizon("default"), 0

    def write_a_checkpoint(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        answer = execute(*arguments)
        if statements == 1:
            elsewhere.do(lambda: run("CHECKPOINT"))
        return answer

    with Elsewhere() as elsewhere, connection.execute_wrapper(write_a_checkpoint):
        assert horizon.read() == position
    assert statements == 4


@committing
@pytest.mark.postgresql
def test_a_server_that_never_stays_the_same_is_given_up() -> None:
    def write_a_checkpoint(execute: Any, *arguments: Any) -> Any:
        answer = execute(*arguments)
        elsewhere.do(lambda: run("CHECKPOINT"))
        return answer

    with (
        Elsewhere() as elsewhere,
        connection.execute_wrapper(write_a_checkpoint),
        pytest.raises(HorizonUnavailable, match="never met the same server"),
    ):
        Horizon("default").read()


@committing
@pytest.mark.postgresql
def test_a_number_that_the_sequence_only_promises_to_its_log_is_not_given_out() -> None:
    """What a plain SELECT of `last_value` can see for a moment is 32 numbers ahead, so the sequence itself is asked."""
    asked: list[str] = []

    def note(execute: Any, sql: str, *arguments: Any) -> Any:
        asked.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        Horizon("default").read()

    assert "pg_sequence_last_value(" in asked[0]
    assert not any(re.search(r"\blast_value\b", sql) for sql in asked)


@committing
@pytest.mark.postgresql
def test_a_naive_reader_would_lose_what_a_durable_subscriber_gets() -> None:
    seen: list[str] = []

    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Any]) -> None:
        seen.append(event.data.text)

    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        event_store.publish(Noted(text="fast"), stream="s")
        naive = StoredEvent.objects.order_by("pk").last()
        slow.do(lambda: finish(transaction.commit))
        run_subscriptions("reader")

    assert naive is not None
    assert not StoredEvent.objects.filter(pk__gt=naive.pk).exists()
    assert seen == ["slow", "fast"]
