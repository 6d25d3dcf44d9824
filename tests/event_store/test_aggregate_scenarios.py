"""Given events, when a decision is made, then new ones; and what a failure tells."""

from __future__ import annotations

from typing import Any

import pytest

from event_store import Aggregate, applies
from event_store.exceptions import InvalidAggregate, InvalidEvent
from event_store.testing import given_aggregate
from tests.event_store.sample import Counted


class Total(Aggregate):
    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.total = 0

    def add(self, number: int) -> int:
        if self.total + number > 10:
            raise ValueError(f"{number} is too much")
        if number:
            self.record(Counted(number=number))
        return self.total

    def cheat(self) -> None:
        self.total = 7

    @applies(Counted)
    def counted(self, event: Counted) -> None:
        self.total += event.number


def test_a_decision_records_events_and_goes_on_from_them() -> None:
    scenario = (
        given_aggregate(Total, Counted(number=3), id="7").when(lambda total: total.add(4)).then(Counted(number=4))
    )

    assert (scenario.answer, scenario.aggregate.total, scenario.aggregate.stream) == (7, 7, "Total$7")
    scenario.when(lambda total: total.add(0)).then_nothing()
    scenario.given(Counted(number=1)).when(lambda total: total.add(2)).then(Counted(number=2))


def test_a_refused_decision_leaves_nothing() -> None:
    def add_twice(total: Total) -> None:
        total.add(3)
        total.add(8)

    scenario = given_aggregate(Total).when(add_twice).then_raises(ValueError, match="8 is too")

    assert scenario.aggregate.total == 0
    scenario.when(lambda total: total.add(9)).then(Counted(number=9))


def test_what_was_expected_stands_beside_what_was_decided() -> None:
    scenario = given_aggregate(Total, Counted(number=3)).when(lambda total: total.add(4))

    with pytest.raises(AssertionError) as raised:
        scenario.then(Counted(number=5))
    assert str(raised.value).splitlines() == [
        "Total 1, given",
        "  Counted(number=3)",
        "was expected to decide",
        "  Counted(number=5)",
        "and decided",
        "  Counted(number=4)",
    ]


@pytest.mark.parametrize(("number", "found"), [(9, "ValueError: 9 is too much"), (0, "nothing")])
def test_a_refusal_that_was_not_or_was_another_is_told(number: int, found: str) -> None:
    scenario = given_aggregate(Total, Counted(number=3)).when(lambda total: total.add(number))

    with pytest.raises(AssertionError) as raised:
        scenario.then_raises(KeyError, match="full")
    assert str(raised.value).splitlines()[-4:] == [
        "was expected to decide",
        "  KeyError with 'full'",
        "and decided",
        f"  {found}",
    ]


def test_an_error_that_nobody_asks_for_is_raised() -> None:
    def refused() -> Any:
        return given_aggregate(Total).when(lambda total: total.add(11))

    for go_on in (
        lambda: refused().then_nothing(),
        lambda: refused().when(lambda total: None),
        lambda: refused().given(Counted(number=1)),
    ):
        with pytest.raises(ValueError, match="11 is too much"):
            go_on()


def test_attributes_that_change_without_an_event_are_found() -> None:
    with pytest.raises(AssertionError, match=r"Total\.total is 7, and its events amount to 0"):
        given_aggregate(Total).when(lambda total: total.cheat())


def test_an_attribute_that_no_snapshot_gives_back_is_found() -> None:
    class Numbers(Total):
        snapshot_every = 100

        def __init__(self, aggregate_id: str) -> None:
            super().__init__(aggregate_id)
            self.numbers: set[int] = set()

        @applies(Counted)
        def counted(self, event: Counted) -> None:
            self.numbers.add(event.number)

    with pytest.raises(InvalidAggregate, match=r"Numbers\.numbers comes back"):
        given_aggregate(Numbers, Counted(number=1))


def test_only_events_are_given() -> None:
    with pytest.raises(InvalidEvent, match="given: 3 is not an event"):
        given_aggregate(Total, 3)  # type: ignore[arg-type]
