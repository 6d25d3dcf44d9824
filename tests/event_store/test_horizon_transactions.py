"""From where the horizon can be read: the transaction around it, its isolation, and what it has written itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from event_store import Horizon, HorizonUnavailable, event_store, subscriber
from event_store.testing import run_subscriptions
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, run

pytestmark = pytest.mark.postgresql
committing = pytest.mark.django_db(transaction=True)


def publish(text: str = "") -> int:
    return event_store.append(Noted(text=text), stream=f"s{text}")[0].global_position


@pytest.fixture(params=[IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE], ids=lambda level: level.name)
def stricter(request: Any, transactional_db: None) -> Iterator[str]:
    """The setting of DATABASES that makes every transaction so."""
    connection.close()
    connection.settings_dict["OPTIONS"]["isolation_level"] = request.param
    connection.isolation_level = request.param
    yield request.param.name
    connection.close()
    del connection.settings_dict["OPTIONS"]["isolation_level"]


def test_a_snapshot_that_may_be_older_than_the_answer_is_refused(stricter: str) -> None:
    with transaction.atomic(), pytest.raises(HorizonUnavailable, match=stricter.replace("_", " ")) as refusal:
        Horizon("default").read()

    assert refusal.value.alias == "default"


def test_outside_of_a_transaction_a_stricter_setting_does_no_harm(stricter: str) -> None:
    position = publish()

    assert Horizon("default").read() == position


def test_durable_subscribers_work_where_every_transaction_is_stricter(stricter: str) -> None:
    seen: list[str] = []
    subscriber(Noted, durable=True, name="reader")(lambda event: seen.append(event.data.text))

    event_store.publish(Noted(text="at once"), stream="s")
    event_store.append(Noted(text="later"), stream="s")
    run_subscriptions("reader")

    assert seen == ["at once", "later"]


@committing
def test_a_transaction_begun_by_hand_is_seen_too() -> None:
    run("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(HorizonUnavailable, match="REPEATABLE READ"):
        Horizon("default").read()
    run("ROLLBACK")


@committing
def test_a_database_that_is_repeatable_read_by_default_works_in_autocommit() -> None:
    position = publish()
    run("SET default_transaction_isolation = 'repeatable read'")

    assert Horizon("default").read() == position
    with transaction.atomic(), pytest.raises(HorizonUnavailable):
        Horizon("default").read()
    connection.close()


@committing
def test_in_a_read_committed_transaction_it_rises_with_the_others_commits() -> None:
    horizon = Horizon("default")
    with transaction.atomic():
        before = horizon.read()
        with Elsewhere() as other:
            position = other.do(lambda: publish("other"))

        assert before < position == horizon.read()
        assert event_store.events.before_or_equal(position).exists()


@pytest.mark.django_db
def test_a_test_case_may_be_repeatable_read() -> None:
    run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with transaction.atomic():
        position = publish()

        assert Horizon("default").read() == position


@committing
def test_a_transaction_that_has_published_leaves_nothing_in_the_memory() -> None:
    horizon, before = Horizon("default"), publish()
    horizon.read()
    with Elsewhere() as other:
        begin()
        own = publish("own")
        assert horizon.read() == own
        finish(transaction.rollback)
        other.do(begin)
        other.do(lambda: publish("other"))

        assert horizon.read() == before
        other.do(lambda: finish(transaction.rollback))


@committing
def test_what_ended_with_a_crash_is_forgotten_by_a_transaction_that_has_published_as_well() -> None:
    horizon, before = Horizon("default"), publish()
    horizon.read()
    with Elsewhere() as other, transaction.atomic():
        other.do(begin)
        other.do(lambda: publish("other"))
        publish("own")
        assert horizon.read() == before
        other.do(lambda: run("CHECKPOINT"))  # what ends a recovery as well

        assert horizon.read() == 0
        other.do(lambda: finish(transaction.rollback))
