"""An event is stored once and shown in many streams."""

from __future__ import annotations

from uuid import uuid4

import pytest

from event_store.exceptions import EventAlreadyLinked, EventNotFound, InvalidEvent, WrongExpectedVersion
from event_store.expected_version import STREAM_EXISTS
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, counted, numbers, positions


class LinkingContract(ContractCase):
    def test_links_show_the_same_event_in_further_streams(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream="Customer$7")

        [event] = store.publish(Noted(text="menu"), stream="Order$1", links=["Customer$7", "Audit"])

        assert [(place.stream, place.position, place.written_here) for place in store.streams_of(event)] == [
            ("Order$1", 0, True),
            ("Audit", 0, False),
            ("Customer$7", 2, False),
        ]
        assert [found.id for found in store.events].count(event.id) == 1

    def test_link_gives_positions_in_the_linked_stream(self, store: EventStore) -> None:
        first, second = store.publish([Noted(text="1"), Noted(text="2")], stream="s")

        linked = store.link([second.id, str(first.id)], stream="t", expected_version=-1)

        assert [(event.data.text, event.stream, event.position) for event in linked] == [("2", "t", 0), ("1", "t", 1)]
        assert list(store.events.in_stream("t")) == linked
        assert list(store.events) == [first, second]

    def test_linking_a_recorded_event_gives_the_same_as_its_id(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")

        assert store.link(event, stream="t") == list(store.events.in_stream("t"))

    def test_linking_nothing_links_nothing(self, store: EventStore) -> None:
        assert store.link([], stream="s", expected_version=5) == []
        assert not store.streams.exists()

    def test_linking_twice_into_one_stream_is_refused(self, store: EventStore) -> None:
        first, second = store.publish([Noted(), Noted()], stream="s")
        store.link(first, stream="t")

        with pytest.raises(EventAlreadyLinked) as refused:
            store.link([second, first], stream="t")
        with pytest.raises(EventAlreadyLinked) as given_twice:
            store.link([second, second], stream="u")

        assert (refused.value.stream, refused.value.event_ids) == ("t", [first.id])
        assert (given_twice.value.stream, given_twice.value.event_ids) == ("u", [second.id])
        assert [positions(store, name) for name in "stu"] == [[0, 1], [0], []]

    def test_the_stream_an_event_was_written_to_shows_it_already(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")

        with pytest.raises(EventAlreadyLinked):
            store.link(event, stream="s")
        assert positions(store, "s") == [0]

    def test_linking_an_unknown_id_links_nothing(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")
        unknown = uuid4()

        with pytest.raises(EventNotFound) as refused:
            store.link([event.id, unknown], stream="t", expected_version=8)

        assert (refused.value.event_ids, refused.value.streams) == ([unknown], None)
        assert positions(store, "t") == []

    def test_many_ids_are_linked_in_their_order(self, store: EventStore) -> None:
        events = store.append(counted(*range(2500)), stream="s")

        linked = store.link([event.id for event in reversed(events)], stream="t")

        assert numbers(linked) == numbers(store.events.in_stream("t")) == list(range(2499, -1, -1))

    def test_link_checks_the_version(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")

        with pytest.raises(WrongExpectedVersion) as refused:
            store.link(event, stream="t", expected_version=STREAM_EXISTS)
        with pytest.raises(WrongExpectedVersion):
            store.link(event, stream="s", expected_version=4)

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("t", STREAM_EXISTS, -1)
        assert store.link(event, stream="t", expected_version=-1)[0].position == 0

    def test_what_is_no_id_cannot_be_linked(self, store: EventStore) -> None:
        for wrong in (None, 5, "no uuid", [None], [Noted()], b"x"):
            with pytest.raises(InvalidEvent, match="event_ids"):
                store.link(wrong, stream="t")  # type: ignore[arg-type]

    def test_one_look_tells_where_an_event_stands(self, store: EventStore) -> None:
        store.publish(counted(0), stream="t")
        [event] = store.publish(Noted(), stream="s", links=["t"])

        assert (store.position_in_stream(event, "s"), store.position_in_stream(event.id, "t")) == (0, 1)
        assert store.global_position(str(event.id)) == event.global_position
        assert (store.is_in_stream(event, "t"), store.is_in_stream(event, "u")) == (True, False)

    def test_an_event_that_is_not_there_stands_nowhere(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s")
        unknown = uuid4()

        for ask in (
            lambda: store.streams_of(unknown),
            lambda: store.global_position(unknown),
            lambda: store.position_in_stream(unknown, "s"),
            lambda: store.position_in_stream(event, "t"),
        ):
            with pytest.raises(EventNotFound):
                ask()
        assert not store.is_in_stream(unknown, "s")
