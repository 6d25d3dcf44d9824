"""What an aggregate amounted to after each of its events."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from event_store import Aggregate, Event, aggregate_class, applies, event_store, replay_aggregate
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from event_store.testing import isolated_registries
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db


class Tally(Aggregate):
    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.total = 0
        self.price = Decimal("1.50")
        self.seen: dict[int, set[str]] = {}
        self.odd: Any = object()

    @applies(Counted)
    def _count(self, event: Counted) -> None:
        self.total += 100 // event.number
        self.seen = {**self.seen, event.number: {"b", "a"}}


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    with isolated_registries():
        yield


def test_each_event_is_given_with_the_attributes_before_and_after_it() -> None:
    event_store.publish([Counted(number=10), Noted(), Counted(number=50)], stream="Tally$7")
    first, second, third = replay_aggregate("Tally$7")
    plain = {"price": "1.50", "odd": "<object>"}

    assert first.state_before == {"total": 0, "seen": {}, **plain}
    assert first.state == second.state == {"total": 10, "seen": {"10": ["a", "b"]}, **plain}
    assert (third.number, third.event.data.number, third.error) == (2, 50, "")
    assert third.state is not None
    assert third.state["total"] == 12


def test_a_part_is_folded_from_the_beginning() -> None:
    event_store.publish([Counted(number=10) for _ in range(5)], stream="Tally$7")
    replayed = list(replay_aggregate("Tally$7", start=2, limit=2))

    assert [(each.number, each.state and each.state["total"]) for each in replayed] == [(2, 30), (3, 40)]


def test_from_an_event_that_cannot_be_applied_on_there_are_no_attributes() -> None:
    event_store.publish([Counted(number=10), Counted(number=0), Counted(number=10)], stream="Tally$7")
    first, second, third = replay_aggregate("Tally$7")

    assert first.state is not None
    assert (second.state, third.state, second.failed_at, third.failed_at) == (None, None, 1, 1)
    assert "ZeroDivisionError" in second.error
    assert second.state_before == first.state


def test_an_event_that_todays_class_cannot_read_is_such_a_one() -> None:
    [event] = event_store.publish(Counted(number=10), stream="Tally$7")
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(data={"number": "many"})
    [replayed] = replay_aggregate("Tally$7")

    assert "UnreadableEvent" in replayed.error
    assert replayed.failed_at == 0


def test_the_first_error_is_the_one_that_counts() -> None:
    first, second = event_store.publish([Counted(number=0), Counted(number=10)], stream="Tally$7")
    with changes_allowed():
        StoredEvent.objects.filter(pk=second.global_position).update(data={"number": "many"})
    replayed = list(replay_aggregate("Tally$7"))

    assert [each.failed_at for each in replayed] == [0, 0]
    assert all("ZeroDivisionError" in each.error for each in replayed)
    assert replayed[0].event.id == first.id


def test_an_aggregate_that_cannot_be_made_has_no_attributes() -> None:
    class Broken(Aggregate):
        def __init__(self, aggregate_id: str) -> None:
            raise RuntimeError("not today")

    event_store.publish(Noted(), stream="Broken$7")
    [replayed] = replay_aggregate("Broken$7")

    assert "RuntimeError: not today" in replayed.error
    assert (replayed.state_before, replayed.state, replayed.failed_at) == (None, None, 0)


def test_the_class_of_a_category_is_the_one_that_was_declared_last() -> None:
    class Happened(Event, type="replays.Happened"): ...

    class First(Aggregate):
        category = "Party"

    class Second(Aggregate):
        category = "Party"

    event_store.publish(Happened(), stream="Elsewhere$1")

    assert aggregate_class("Party") is Second
    assert aggregate_class("Tally") is Tally
    assert aggregate_class("Elsewhere") is None
    assert list(replay_aggregate("Elsewhere$1")) == []
    assert First.category == Second.category
