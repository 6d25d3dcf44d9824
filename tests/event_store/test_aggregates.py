from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from event_store import Aggregate, AggregateRepository, WrongExpectedVersion, applies, event_store
from event_store.exceptions import InvalidAggregate
from tests.event_store.sample import Counted, Noted, NotedLoudly
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db


class Total(Aggregate):
    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.total = 0

    def add(self, number: int) -> None:
        if self.total + number > 10:
            raise ValueError("full")
        self.record(Counted(number=number))

    @applies(Counted)
    def counted(self, event: Counted) -> None:
        self.total += event.number


class LoudTotal(Total):
    category = "Loud"

    @applies(Noted, NotedLoudly)
    def noted(self, event: Noted) -> None:
        self.total += 100


totals = AggregateRepository(Total)


def test_changing_loads_decides_and_stores() -> None:
    with totals.changing("1") as total:
        total.add(3)
        total.add(4)

    loaded = totals.load("1")
    assert (loaded.total, loaded.version, loaded.stream) == (7, 1, "Total$1")


def test_a_refused_decision_stores_nothing() -> None:
    with pytest.raises(ValueError, match="full"), totals.changing("1") as total:
        total.add(3)
        total.add(8)

    assert totals.load("1").version == -1


def test_what_was_decided_on_an_old_version_is_refused() -> None:
    first, second = totals.load("1"), totals.load("1")
    first.add(1)
    second.add(2)
    totals.store(first)

    with pytest.raises(WrongExpectedVersion):
        totals.store(second)
    assert totals.load("1").total == 1


def test_it_can_go_on_after_it_was_stored() -> None:
    total = totals.load("1")
    for number in (1, 2):
        total.add(number)
        totals.store(total, links=["Audit"])

    assert total.version == 1
    assert event_store.events.in_stream("Audit").count() == 2


def test_a_subclass_applies_what_its_base_applies_and_more() -> None:
    loud = LoudTotal("1")
    loud.record(Counted(number=1))
    loud.record(NotedLoudly())

    assert (loud.total, loud.stream) == (101, "Loud$1")


def test_an_event_of_a_subclass_is_applied_like_its_base() -> None:
    class Booked(Counted, type="sample.Booked"):
        pass

    total = Total("1")
    total.record(Booked(number=4))

    assert total.total == 4


def test_an_event_that_nothing_applies_changes_nothing() -> None:
    total = Total("1")
    total.record(Noted())

    assert total.total == 0


def test_change_returns_what_the_decision_returns_and_links() -> None:
    def decide(total: Total) -> int:
        total.add(3)
        return total.total

    assert totals.change("1", decide, links=["Audit"]) == 3
    assert event_store.events.in_stream("Audit").count() == 1


def test_change_decides_anew_when_somebody_else_was_faster() -> None:
    seen: list[int] = []

    def decide(total: Total) -> None:
        seen.append(total.total)
        if len(seen) < 3:
            event_store.publish(Counted(number=1), stream="Total$1")
        total.add(5)

    assert totals.change("1", decide) is None
    # On a real conflict the rival's events stay: here they were undone with the attempt.
    assert (seen, totals.load("1").total) == ([0, 0, 0], 5)


def test_change_gives_up_after_its_attempts() -> None:
    attempts: list[int] = []

    def decide(total: Total) -> None:
        attempts.append(1)
        event_store.publish(Counted(number=1), stream="Total$1")
        total.add(5)

    with pytest.raises(WrongExpectedVersion):
        totals.change("1", decide, attempts=3)
    assert (len(attempts), totals.load("1").version) == (3, -1)


def test_what_a_decision_raises_is_raised_and_nothing_is_kept() -> None:
    with pytest.raises(ValueError, match="full"):
        totals.change("1", lambda total: [total.add(3), total.add(8)])

    assert totals.load("1").version == -1


@pytest.mark.django_db(transaction=True)
def test_change_loses_no_decision_of_many_writers() -> None:
    answers = at_once([lambda: totals.change("1", lambda total: total.add(1), attempts=50)] * 8)

    assert [each for each in answers if isinstance(each, Exception)] == []
    assert totals.load("1").total == 8


def test_the_async_twins_do_the_same() -> None:
    async def change_and_store() -> int:
        await totals.achange("1", lambda total: total.add(3))
        total = await totals.aload("1")
        total.add(2)
        await totals.astore(total)
        return (await totals.aload("1")).total

    assert async_to_sync(change_and_store)() == 5


@pytest.mark.parametrize("attempts", [0, -1, True, "3", 1.5])
def test_attempts_is_a_whole_number(attempts: Any) -> None:
    with pytest.raises(ValueError, match="attempts is .*: a whole number from 1"):
        totals.change("1", lambda total: None, attempts=attempts)


@pytest.mark.parametrize("wrong", [Counted, Total("1"), None, "Total"])
def test_a_repository_is_of_an_aggregate(wrong: Any) -> None:
    with pytest.raises(InvalidAggregate, match="takes a subclass of Aggregate"):
        AggregateRepository(wrong)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"category": "a$b"}, r"Wrong.category is 'a\$b': a text without \$"),
        ({"category": "$a"}, "Wrong.category is"),
        ({"category": 3}, "Wrong.category is 3"),
        ({"category": ""}, "Wrong.category is ''"),
        ({"snapshot_every": 0}, "Wrong.snapshot_every is 0: a whole number from 1"),
        ({"snapshot_every": True}, "Wrong.snapshot_every is True"),
        ({"snapshot_version": None}, "Wrong.snapshot_version is None"),
        ({"snapshot_version": "2"}, "Wrong.snapshot_version is '2'"),
        (
            {"first": applies(Counted)(lambda self, event: None), "second": applies(Counted)(lambda self, event: None)},
            "Wrong.first and Wrong.second both apply Counted",
        ),
    ],
)
def test_classes_that_contradict_themselves(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidAggregate, match=message):
        type("Wrong", (Aggregate,), attributes)


@pytest.mark.parametrize("wrong", [int, "Counted", None, Counted(number=1)])
def test_only_event_classes_are_applied(wrong: Any) -> None:
    with pytest.raises(InvalidAggregate, match="@applies takes classes of events"):
        applies(wrong)
    with pytest.raises(InvalidAggregate, match="@applies names the events"):
        applies()
