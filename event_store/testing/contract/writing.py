"""Events come back as they were written: in order, with their metadata, cause and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest

from event_store.events import NewEvent
from event_store.exceptions import DuplicateEvent, InvalidEvent, UnstorablePayload
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, counted, nothing_is_stored, numbers, positions

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
ELSEWHERE = datetime(2030, 5, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
SUN_TIME = datetime(1900, 1, 1, 12, tzinfo=timezone(timedelta(minutes=19, seconds=32)))


class Place(StrEnum):
    FIRST = "Place$first"


class Last(IntEnum):
    ONE = 1


class Moment(datetime):
    """As libraries for times have them."""


class WritingContract(ContractCase):
    def test_publish_returns_what_reading_gives_back(self, store: EventStore) -> None:
        published = store.publish([NewEvent(Noted(text="a"), metadata={"by": "anna"}), Noted(text="b")], stream="s")

        assert list(store.events.in_stream("s")) == published
        assert list(store.events) == published
        assert [(event.stream, event.position) for event in published] == [("s", 0), ("s", 1)]
        assert published[0].global_position < published[1].global_position

    def test_a_single_event_needs_no_list(self, store: EventStore) -> None:
        [event] = store.publish(Noted(text="a"), stream="s")

        assert (event.type, event.data, event.stream) == ("event_store.contract.Noted", Noted(text="a"), "s")

    def test_an_empty_list_stores_nothing(self, store: EventStore) -> None:
        assert store.publish([], stream="s", expected_version=7) == []
        assert store.append([], stream="s", links={"t": 7}) == []
        assert nothing_is_stored(store)

    def test_a_name_and_a_version_may_come_from_enumerations(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream=Place.FIRST)
        [event] = store.publish(Noted(), stream="plain", links={Place.FIRST: Last.ONE})

        assert [(place.stream, type(place.stream)) for place in store.streams_of(event)] == [
            ("plain", str),
            ("Place$first", str),
        ]
        assert store.position_in_stream(event, Place.FIRST) == 2

    def test_append_stores_as_publish_does(self, store: EventStore) -> None:
        store.append(counted(1, 2), stream="s", links=["t"])

        assert numbers(store.events.in_stream("t")) == [1, 2]

    def test_positions_go_on_without_holes(self, store: EventStore) -> None:
        store.publish(counted(0, 1, 2), stream="s")
        store.publish(counted(3, 4), stream="s")

        assert positions(store, "s") == [0, 1, 2, 3, 4]

    def test_a_thousand_events_at_once_keep_their_order(self, store: EventStore) -> None:
        store.publish(counted(*range(1000)), stream="s", links=["t"])

        assert numbers(store.events.in_stream("s")) == list(range(1000))
        assert numbers(store.events.in_stream("t")) == list(range(1000))
        assert numbers(store.events) == list(range(1000))

    def test_an_id_is_unique_in_the_whole_store_and_refuses_the_whole_batch(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")

        with pytest.raises(DuplicateEvent) as refused:
            store.publish([Noted(), NewEvent(Noted(), id=event.id)], stream="t", links=["u"])

        assert refused.value.event_ids == [event.id]
        assert list(store.events) == [event]
        assert [stream.name for stream in store.streams] == ["s"]

    def test_an_id_that_is_given_twice_is_a_duplicate(self, store: EventStore) -> None:
        with pytest.raises(DuplicateEvent) as refused:
            store.publish([NewEvent(Noted(), id=UUID(int=7)), NewEvent(Noted(), id=UUID(int=7))], stream="s")

        assert refused.value.event_ids == [UUID(int=7)]
        assert nothing_is_stored(store)

    def test_what_cannot_be_stored_leaves_nothing_behind(self, store: EventStore) -> None:
        for wrong in (NewEvent(Noted(), metadata={"a": "\0"}), NewEvent(Noted(), metadata={"a": float("inf")})):
            with pytest.raises(UnstorablePayload):
                store.publish([Noted(), wrong], stream="s")
        with pytest.raises(InvalidEvent):
            store.publish([Noted(), None], stream="s")  # type: ignore[list-item]

        assert nothing_is_stored(store)

    # ---- metadata and cause

    def test_metadata_of_blocks_nests_and_the_event_has_the_last_word(self, store: EventStore) -> None:
        with store.metadata(tenant="acme", user=1):
            with store.metadata(user=2, request="r"):
                [inner] = store.publish(NewEvent(Noted(), metadata={"request": "own"}), stream="s")
            [outer] = store.publish(Noted(), stream="s")
        [after] = store.publish(Noted(), stream="s")

        assert inner.metadata == {"tenant": "acme", "user": 2, "request": "own"}
        assert [event.metadata for event in store.events] == [inner.metadata, outer.metadata, after.metadata]
        assert (outer.metadata, after.metadata) == ({"tenant": "acme", "user": 1}, {})

    def test_metadata_is_returned_as_it_is_stored(self, store: EventStore) -> None:
        given: dict[str, Any] = {"id": UUID(int=1), "list": ["a"], "big": 1e22, "zero": -0.0, "deep": {"é": None}}
        [event] = store.publish(NewEvent(Noted(), metadata=given), stream="s")
        given["list"].append("b")

        assert event == store.events.first()
        assert event.metadata["big"] == 10**22

    def test_a_publish_that_nothing_caused_opens_a_conversation(self, store: EventStore) -> None:
        first, second = store.publish([Noted(), Noted()], stream="s")

        assert first.correlation_id == second.correlation_id == first.id
        assert first.causation_id is None
        assert list(store.events) == [first, second]

    def test_caused_by_names_the_cause_and_stays_in_the_conversation(self, store: EventStore) -> None:
        [cause] = store.publish(Noted(), stream="s")
        with store.caused_by(cause):
            [effect] = store.publish(Noted(), stream="s")
            with store.caused_by(effect):
                [last] = store.publish(Noted(), stream="s")

        assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.id)
        assert (last.causation_id, last.correlation_id) == (effect.id, cause.id)
        assert store.events.last() == last

    # ---- times

    @pytest.mark.parametrize("valid_at", [LONG_AGO, FAR_AHEAD, ELSEWHERE, SUN_TIME])
    def test_times_of_validity_keep_their_microseconds_and_come_back_in_utc(
        self, store: EventStore, valid_at: datetime
    ) -> None:
        [published] = store.publish(NewEvent(Noted(), valid_at=valid_at), stream="s")
        read = store.events.first()

        assert read == published
        assert (published.valid_at, published.valid_at.tzinfo) == (valid_at, UTC)
        assert published.recorded_at.tzinfo is UTC

    def test_times_of_another_class_are_stored_as_plain_ones(self, store: EventStore) -> None:
        moment = Moment(2026, 1, 1, tzinfo=UTC)
        with store.clock(lambda: moment):
            [published] = store.publish(NewEvent(Noted(), valid_at=moment), stream="s")
        [read] = store.events.older_than_or_equal(moment)

        assert read == published
        assert {type(time) for time in (published.valid_at, published.recorded_at)} == {datetime}

    def test_an_event_is_valid_when_it_is_recorded_if_nothing_else_is_said(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")

        assert event.valid_at == event.recorded_at
        assert abs(datetime.now(UTC) - event.recorded_at) < timedelta(minutes=1)

    def test_a_clock_sets_the_time_of_recording(self, store: EventStore) -> None:
        with store.clock(lambda: ELSEWHERE):
            [event] = store.publish(Noted(), stream="s")
            store.link(event, stream="t")

        assert (event.recorded_at, event.valid_at) == (ELSEWHERE, ELSEWHERE)
        assert {place.linked_at for place in store.streams_of(event)} == {ELSEWHERE}
        assert store.events.first() == event

    # ---- transactions

    def test_a_block_that_raises_leaves_nothing_behind(self, store: EventStore) -> None:
        [kept] = store.publish(Noted(), stream="s")

        with pytest.raises(RuntimeError), store.atomic():
            store.publish(Noted(), stream="s", links=["t"])
            store.link(kept, stream="u")
            store.delete_stream("s")
            raise RuntimeError

        assert list(store.events) == [kept]
        assert [(place.stream, place.position) for place in store.streams_of(kept)] == [("s", 0)]
        assert [(stream.name, stream.version) for stream in store.streams] == [("s", 0)]

    def test_a_block_within_a_block_can_be_undone_by_itself(self, store: EventStore) -> None:
        with store.atomic():
            store.publish(Noted(text="kept"), stream="s")
            with pytest.raises(RuntimeError), store.atomic():
                store.publish(Noted(text="undone"), stream="s")
                raise RuntimeError
            store.publish(Noted(text="kept, too"), stream="s", expected_version=0)

        assert [event.data.text for event in store.events.in_stream("s")] == ["kept", "kept, too"]
