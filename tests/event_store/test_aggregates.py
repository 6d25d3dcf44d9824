from __future__ import annotations

import pytest

from event_store import Aggregate, AggregateRepository, WrongExpectedVersion, applies, event_store
from tests.event_store.sample import Counted, Noted, NotedLoudly

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
