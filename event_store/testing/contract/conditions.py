"""Append on a condition: the streams that a decision was made from have not changed."""

from __future__ import annotations

from typing import Any

import pytest

from event_store.append_condition import AppendCondition
from event_store.events import NewEvent
from event_store.exceptions import (
    AppendConditionFailed,
    DuplicateEvent,
    InvalidAppendCondition,
    InvalidStreamName,
    WrongExpectedVersion,
)
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Counted, Noted, NotedLoudly, counted, positions


class ConditionContract(ContractCase):
    def test_a_condition_holds_while_its_streams_are_as_they_were_read(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream="Course$1")

        store.publish(Noted(), stream="s", condition=AppendCondition({"Course$1": 1, "Never$written": -1}))

        assert positions(store, "s") == [0]
        assert [stream.name for stream in store.streams] == ["Course$1", "s"]

    @pytest.mark.parametrize("read", [-1, 0, 2, 50])
    def test_a_stream_that_is_not_as_it_was_read_refuses_the_write(self, store: EventStore, read: int) -> None:
        store.publish(counted(0, 1), stream="Course$1")

        with pytest.raises(AppendConditionFailed) as refused:
            store.publish(Noted(), stream="s", links=["t"], condition=AppendCondition({"Course$1": read}))

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("Course$1", read, 1)
        assert [stream.name for stream in store.streams] == ["Course$1"]

    def test_a_failed_condition_is_a_wrong_version_so_that_one_retry_serves_both(self, store: EventStore) -> None:
        with pytest.raises(WrongExpectedVersion, match="read it again"):
            store.publish(Noted(), stream="s", condition=AppendCondition({"t": 3}))

    @pytest.mark.parametrize("types", [[Counted], ["event_store.contract.Counted"], [Counted, NotedLoudly]])
    def test_only_the_named_types_count_as_a_change(self, store: EventStore, types: Any) -> None:
        store.publish([*counted(0), Noted()], stream="t")
        condition = AppendCondition({"t": 0}, types=types)

        store.publish(Noted(), stream="s", condition=condition)
        store.publish(counted(1), stream="t")

        with pytest.raises(AppendConditionFailed) as refused:
            store.publish(Noted(), stream="s", condition=condition)
        assert (refused.value.expected, refused.value.actual) == (0, 2)

    def test_a_class_counts_with_its_subclasses(self, store: EventStore) -> None:
        store.publish(NotedLoudly(), stream="t")

        with pytest.raises(AppendConditionFailed):
            store.publish(Noted(), stream="s", condition=AppendCondition({"t": -1}, types=[Noted]))
        store.publish(Noted(), stream="s", condition=AppendCondition({"t": -1}, types=["event_store.contract.Noted"]))

    def test_streams_of_the_condition_may_be_written_in_the_same_call(self, store: EventStore) -> None:
        store.publish(counted(0), stream="tag")
        condition = AppendCondition({"tag": 0, "s": -1}, types=[Counted])

        store.publish(counted(1, 2), stream="s", links=["tag"], condition=condition)
        with pytest.raises(AppendConditionFailed) as refused:
            store.publish(counted(3), stream="s", links=["tag"], condition=condition)

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("s", -1, 1)
        assert [positions(store, name) for name in ("s", "tag")] == [[0, 1], [0, 1, 2]]

    def test_linked_events_count_as_written_ones_do(self, store: EventStore) -> None:
        [event] = store.publish(counted(0), stream="s")
        store.link(event, stream="tag")

        with pytest.raises(AppendConditionFailed):
            store.publish(Noted(), stream="t", condition=AppendCondition({"tag": -1}, types=[Counted]))

    def test_a_deleted_stream_is_not_as_it_was_read(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream="tag")
        store.delete_stream("tag")

        with pytest.raises(AppendConditionFailed) as refused:
            store.publish(Noted(), stream="s", condition=AppendCondition({"tag": 1}, types=[Noted]))
        store.publish(Noted(), stream="s", condition=AppendCondition({"tag": -1}))

        assert refused.value.actual == -1

    def test_of_versions_and_conditions_the_first_name_is_told_and_duplicates_last(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="z")
        again = NewEvent(Noted(), id=event.id)

        with pytest.raises(AppendConditionFailed) as condition_first:
            store.publish(again, stream="m", expected_version=4, condition=AppendCondition({"a": 3}))
        with pytest.raises(WrongExpectedVersion) as version_first:
            store.publish(again, stream="a", expected_version=4, condition=AppendCondition({"m": 3}))
        with pytest.raises(DuplicateEvent):
            store.publish(again, stream="a", condition=AppendCondition({"z": 0}))

        assert (condition_first.value.stream, version_first.value.stream) == ("a", "a")
        assert not isinstance(version_first.value, AppendConditionFailed)

    @pytest.mark.parametrize(
        "versions", [None, {}, [], "s", {"s": None}, {"s": -2}, {"s": "1"}, {"s": True}, {"s": 2**62}]
    )
    def test_versions_of_the_wrong_kind_are_refused(self, store: EventStore, versions: Any) -> None:
        with pytest.raises(InvalidAppendCondition, match="versions"):
            AppendCondition(versions)

    @pytest.mark.parametrize("name", [None, 5, "", "x" * 256, "a\0", "\ud800"])
    def test_names_of_no_stream_are_refused(self, store: EventStore, name: Any) -> None:
        with pytest.raises(InvalidStreamName, match="versions"):
            AppendCondition({name: 1})

    @pytest.mark.parametrize("types", [[], "Counted", Counted, 5, [None], [Noted()], [int]])
    def test_types_of_the_wrong_kind_are_refused(self, store: EventStore, types: Any) -> None:
        with pytest.raises(InvalidAppendCondition, match="types"):
            AppendCondition({"s": 1}, types=types)

    @pytest.mark.parametrize("condition", [{"s": 1}, "s", 5, AppendCondition])
    def test_what_is_no_condition_is_refused(self, store: EventStore, condition: Any) -> None:
        with pytest.raises(InvalidAppendCondition, match="condition"):
            store.publish(Noted(), stream="s", condition=condition)
