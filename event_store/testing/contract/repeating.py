"""The same write once more, by a caller who cannot know whether the first one came through."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from event_store.append_condition import AppendCondition
from event_store.events import Event, NewEvent
from event_store.exceptions import AppendConditionFailed, DuplicateEvent, InvalidEvent, WrongExpectedVersion
from event_store.expected_version import ANY, STREAM_EXISTS
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Counted, Noted, numbers, positions


class Held(Event, type="event_store.contract.Held"):
    value: Any


def two_numbers() -> list[NewEvent[Counted]]:
    return [NewEvent(Counted(number=number), id=UUID(int=number + 1)) for number in range(2)]


class RepeatingContract(ContractCase):
    @pytest.mark.parametrize("expected", [ANY, STREAM_EXISTS, -1, 0, 1, 2, 100])
    def test_a_repetition_returns_what_is_stored_whatever_version_is_expected(
        self, store: EventStore, expected: Any
    ) -> None:
        first = store.publish(two_numbers(), stream="s", links=["t"])

        again = store.publish(
            two_numbers(), stream="s", expected_version=expected, links={"t": expected}, on_duplicate="ignore"
        )

        assert again == first
        assert [numbers(store.events.in_stream(name)) for name in "st"] == [[0, 1], [0, 1]]

    def test_a_repetition_needs_no_condition_that_still_holds(self, store: EventStore) -> None:
        condition = AppendCondition({"s": -1, "tag": -1})
        first = store.publish(two_numbers(), stream="s", condition=condition)
        store.publish(Noted(), stream="tag")

        assert store.publish(two_numbers(), stream="s", condition=condition, on_duplicate="ignore") == first
        with pytest.raises(AppendConditionFailed):
            store.publish(NewEvent(Noted(), id=uuid4()), stream="s", condition=condition, on_duplicate="ignore")

    def test_a_part_of_a_write_is_repeated_in_any_order(self, store: EventStore) -> None:
        store.append(Noted(), stream="t")
        first = store.append(two_numbers(), stream="s", links=["t"])

        assert store.append(two_numbers()[::-1], stream="s", on_duplicate="ignore") == first[::-1]
        assert store.append(two_numbers()[1], stream="s", links=["t"], on_duplicate="ignore") == first[1:]

    @pytest.mark.parametrize("value", [UUID(int=7), (1, 2), Decimal("1.50"), 1e22, -0.0, {"at": datetime(2026, 1, 1)}])
    def test_values_of_untyped_fields_are_told_as_they_are_stored(self, store: EventStore, value: Any) -> None:
        event = NewEvent(Held(value=value), id=UUID(int=1))
        [first] = store.publish(event, stream="s", on_duplicate="ignore")

        [again] = store.publish(event, stream="s", on_duplicate="ignore")

        assert (again, again.id) == (store.events.first(), first.id)

    def test_a_stream_that_was_deleted_meanwhile_has_nothing_to_repeat(self, store: EventStore) -> None:
        store.publish(two_numbers(), stream="s", links=["t"])
        store.delete_stream("s")

        with pytest.raises(DuplicateEvent) as refused:
            store.publish(two_numbers(), stream="s", on_duplicate="ignore")

        assert refused.value.event_ids == [UUID(int=1), UUID(int=2)]
        assert positions(store, "s") == []

    def test_what_is_new_is_stored(self, store: EventStore) -> None:
        store.append(two_numbers(), stream="s", on_duplicate="ignore")

        assert numbers(store.events) == [0, 1]

    def test_a_repetition_is_told_by_type_and_data_not_by_metadata(self, store: EventStore) -> None:
        with store.metadata(request="first"):
            first = store.publish(two_numbers(), stream="s")
        with store.metadata(request="second"):
            again = store.publish(two_numbers(), stream="s", on_duplicate="ignore")

        assert again == first
        assert again[0].metadata == {"request": "first"}

    @pytest.mark.parametrize(
        "differing",
        [
            NewEvent(Counted(number=7), id=UUID(int=1)),
            NewEvent(Noted(), id=UUID(int=1)),
        ],
    )
    def test_differing_content_is_still_an_error(self, store: EventStore, differing: Any) -> None:
        store.publish(two_numbers(), stream="s")

        with pytest.raises(DuplicateEvent) as refused:
            store.publish(differing, stream="s", on_duplicate="ignore")

        assert refused.value.event_ids == [UUID(int=1)]
        assert numbers(store.events) == [0, 1]

    def test_another_stream_is_still_an_error(self, store: EventStore) -> None:
        store.publish(two_numbers(), stream="s", links=["linked"])

        for stream, links in (("t", []), ("linked", []), ("s", ["elsewhere"])):
            with pytest.raises(DuplicateEvent):
                store.publish(two_numbers(), stream=stream, links=links, on_duplicate="ignore")
        assert [stream.name for stream in store.streams] == ["linked", "s"]

    def test_a_mixture_of_stored_and_new_events_is_no_repetition(self, store: EventStore) -> None:
        store.publish(two_numbers(), stream="s")

        with pytest.raises(DuplicateEvent):
            store.publish([*two_numbers(), NewEvent(Noted(), id=uuid4())], stream="s", on_duplicate="ignore")

        assert positions(store, "s") == [0, 1]

    def test_a_wrong_version_without_a_repetition_is_told(self, store: EventStore) -> None:
        store.publish(Noted(), stream="s")

        with pytest.raises(WrongExpectedVersion):
            store.publish(two_numbers(), stream="s", expected_version=-1, on_duplicate="ignore")

    def test_events_need_ids_of_their_own(self, store: EventStore) -> None:
        with pytest.raises(InvalidEvent, match="on_duplicate.*id="):
            store.publish([*two_numbers(), Noted()], stream="s", on_duplicate="ignore")

    @pytest.mark.parametrize("wrong", ["skip", None, True, 1, "IGNORE"])
    def test_what_to_do_has_two_names(self, store: EventStore, wrong: Any) -> None:
        with pytest.raises(InvalidEvent, match="on_duplicate"):
            store.publish(Noted(), stream="s", on_duplicate=wrong)
