"""What led to an event and what it led to: exact, bounded, and safe from circles."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import NewEvent, causation_of, event_store
from event_store.models import IssuedCommand
from event_store.testing import run_subscriptions
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db


def noted(event_id: UUID | None = None, *, cause: UUID | None = None) -> UUID:
    [event] = event_store.append(NewEvent(Noted(), id=event_id, causation_id=cause), stream="s")
    return event.id


def line(length: int) -> list[UUID]:
    """Each event is caused by the one before it."""
    ids = [noted()]
    for _ in range(length - 1):
        ids.append(noted(cause=ids[-1]))
    return ids


def test_causes_are_followed_to_the_root_and_effects_to_the_leaves() -> None:
    ids = line(5)
    found = causation_of(ids[2])

    assert found.causes == [ids[1], ids[0]]
    assert [(each.id, each.cause, each.depth) for each in found.effects] == [(ids[3], ids[2], 1), (ids[4], ids[3], 2)]
    assert not found.goes_round


def test_a_command_stands_between_the_event_of_its_step_and_the_events_that_it_led_to() -> None:
    event_store.publish(CustomerSaidYes(order_id="41"), stream="Order$41")
    [caterer] = event_store.publish(CatererSaidYes(order_id="41"), stream="Caterer$7")
    run_subscriptions()
    command = IssuedCommand.objects.get().command_id
    confirmed = event_store.events.of_type("sample.Confirmed").first()
    assert confirmed is not None

    assert causation_of(confirmed.id).causes == [command, caterer.id]
    assert [each.id for each in causation_of(caterer.id).effects] == [command, confirmed.id]


def test_a_cause_that_the_store_does_not_have_is_the_last_one() -> None:
    unknown = uuid4()

    assert causation_of(noted(cause=unknown)).causes == [unknown]
    assert causation_of(uuid4()).causes == causation_of(uuid4()).effects == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_is_walked_once(length: int) -> None:
    ids = [uuid4() for _ in range(length)]
    for index, each in enumerate(ids):
        noted(each, cause=ids[index - 1])
    found = causation_of(ids[0])

    assert found.goes_round
    assert found.causes == ids[:0:-1]
    assert [each.id for each in found.effects] == ids[1:]


def test_many_causes_and_deep_effects_end_at_a_number() -> None:
    ids = line(60)

    assert causation_of(ids[-1]).causes == ids[-2:8:-1]
    assert len(causation_of(ids[0]).effects) == 50
    assert len(causation_of(ids[0], deepest=3).effects) == 3


def test_one_cause_with_many_effects_leaves_room_for_those_of_others() -> None:
    root = noted()
    children = [noted(cause=root) for _ in range(30)]
    grandchild = noted(cause=children[0])
    found = [each.id for each in causation_of(root, most_of_one=5).effects]

    assert found == [*children[:5], grandchild]
    assert len(causation_of(root, most_effects=7, most_of_one=30).effects) == 7


def test_it_is_one_query() -> None:
    ids = line(10)
    with CaptureQueriesContext(connection) as captured:
        causation_of(ids[5])

    assert len(captured) == 1


@pytest.mark.sqlite
def test_sqlite_reads_no_table_as_a_whole() -> None:
    scanned = re.findall(r"SCAN (\w+)", plan_of(line(3)[1]))

    assert set(scanned) <= {"causes", "effects", "found"}


@pytest.mark.postgresql
def test_postgresql_reads_no_table_as_a_whole() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
        )

    assert "Seq Scan" not in plan_of(line(3)[1])


def plan_of(event_id: UUID) -> str:
    with CaptureQueriesContext(connection) as captured:
        causation_of(event_id)
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {captured[0]['sql']}".replace("%", "%%"), ())
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
