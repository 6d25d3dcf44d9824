"""Reading by time: recorded, or valid, with a stable order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from event_store.events import NewEvent
from event_store.exceptions import InvalidQuery
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Counted, numbers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


def record(store: EventStore, number: int, *, recorded: datetime, valid: datetime | None = None) -> None:
    with store.clock(lambda: recorded):
        store.append(NewEvent(Counted(number=number), valid_at=valid), stream="s")


class TimeContract(ContractCase):
    @pytest.fixture
    def five(self, store: EventStore) -> None:
        """0 to 4 recorded in that order of hours but for 3, which came late; valid the other way round, 1 and 2 at once."""
        for number, recorded_hour, valid_hour in ((0, 0, 9), (1, 1, 5), (2, 2, 5), (4, 4, 1), (3, 3, 2)):
            record(store, number, recorded=hour(recorded_hour), valid=hour(valid_hour))

    @pytest.mark.usefixtures("five")
    def test_as_at_is_the_order_of_recording_and_as_of_that_of_validity(self, store: EventStore) -> None:
        assert numbers(store.events) == [0, 1, 2, 4, 3]
        for events in (store.events, store.events.in_stream("s"), store.events.in_streams("s")):
            assert numbers(events.as_at()) == [0, 1, 2, 3, 4]
            assert numbers(events.as_at().backward()) == [4, 3, 2, 1, 0]
            assert numbers(events.as_of()) == [4, 3, 1, 2, 0]
            assert numbers(events.as_of().backward()) == [0, 2, 1, 3, 4]

    @pytest.mark.usefixtures("five")
    def test_bounds_of_time_are_exclusive_or_inclusive_as_named(self, store: EventStore) -> None:
        events = store.events.as_at()

        assert numbers(events.newer_than(hour(1))) == [2, 3, 4]
        assert numbers(events.newer_than_or_equal(hour(1))) == [1, 2, 3, 4]
        assert numbers(events.older_than(hour(3))) == [0, 1, 2]
        assert numbers(events.older_than_or_equal(hour(3))) == [0, 1, 2, 3]
        assert numbers(events.between(hour(1), hour(3))) == [1, 2]
        assert numbers(events.newer_than(hour(1)).older_than(hour(3)).backward()) == [2]

    @pytest.mark.usefixtures("five")
    def test_bounds_mean_validity_after_as_of_and_recording_otherwise(self, store: EventStore) -> None:
        assert numbers(store.events.newer_than(hour(2))) == [4, 3]
        assert numbers(store.events.as_of().newer_than(hour(2))) == [1, 2, 0]
        assert numbers(store.events.in_stream("s").older_than_or_equal(hour(1))) == [0, 1]
        assert store.events.as_of().between(hour(1), hour(5)).count() == 2

    @pytest.mark.usefixtures("five")
    def test_a_microsecond_makes_the_difference_in_any_time_zone(self, store: EventStore) -> None:
        elsewhere = hour(1).astimezone(timezone(timedelta(hours=-7)))

        assert numbers(store.events.as_at().newer_than(elsewhere)[:1]) == [2]
        assert numbers(store.events.as_at().newer_than(elsewhere - MICROSECOND)[:1]) == [1]

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_pages_go_on_within_equal_times(self, store: EventStore, size: int) -> None:
        for number in range(7):
            record(store, number, recorded=hour(number // 4), valid=hour(0))

        for query in (store.events.as_at(), store.events.as_of(), store.events.in_stream("s").as_of()):
            for directed, expected in ((query, list(range(7))), (query.backward(), list(range(6, -1, -1)))):
                assert [number for page in directed.batches(size) for number in numbers(page)] == expected

    def test_what_is_recorded_meanwhile_neither_moves_nor_repeats_what_was_there(self, store: EventStore) -> None:
        for number in range(6):
            record(store, number, recorded=hour(number), valid=hour(number))
        for query in (store.events.as_of(), store.events.as_of().backward(), store.events.in_streams("s", "t").as_at()):
            there, seen = numbers(query), []
            for page in query.batches(2):
                seen += numbers(page)
                record(store, 100, recorded=hour(0), valid=hour(3))

            assert [number for number in seen if number < 100] == [number for number in there if number < 100]

    @pytest.mark.usefixtures("five")
    def test_first_and_last_follow_the_order(self, store: EventStore) -> None:
        events = store.events.as_of()

        assert numbers([events.first(), events.last(), events.backward().first(), events[:2].last()]) == [4, 0, 0, 3]

    @pytest.mark.usefixtures("five")
    def test_positions_remain_bounds_in_the_order_of_time(self, store: EventStore) -> None:
        assert numbers(store.events.in_stream("s").after(1).as_at()) == [2, 3, 4]
        assert numbers(store.events.in_stream("s").before_or_equal(3).as_of()) == [4, 1, 2, 0]

    @pytest.mark.parametrize("wrong", [None, "2026-01-01", 5, datetime(2026, 1, 1), NOON.date()])
    def test_what_is_no_aware_time_is_refused(self, store: EventStore, wrong: Any) -> None:
        for bound in (
            store.events.newer_than,
            store.events.newer_than_or_equal,
            store.events.older_than,
            store.events.older_than_or_equal,
        ):
            with pytest.raises(InvalidQuery, match=bound.__name__):
                bound(wrong)
        with pytest.raises(InvalidQuery):
            store.events.between(NOON, wrong)
