"""Deleting a stream removes its links and keeps the events."""

from __future__ import annotations

import pytest

from event_store.exceptions import EventAlreadyLinked, WrongExpectedVersion
from event_store.expected_version import NO_STREAM, STREAM_EXISTS
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, counted, numbers, positions


class DeletingContract(ContractCase):
    def test_delete_stream_removes_links_and_keeps_events(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="Order$1", links=["t"])

        assert store.delete_stream("Order$1") == 1
        assert positions(store, "Order$1") == []
        assert [place.stream for place in store.streams_of(event)] == ["t"]
        assert [(found.id, found.stream, found.position) for found in store.events] == [(event.id, None, None)]
        assert [found.id for found in store.events.in_category("Order")] == [event.id]

    def test_a_stream_that_is_not_there_has_nothing_to_delete(self, store: EventStore) -> None:
        store.publish(Noted(), stream="s")
        store.delete_stream("s")

        assert (store.delete_stream("s"), store.delete_stream("never")) == (0, 0)

    def test_a_deleted_stream_begins_anew(self, store: EventStore) -> None:
        [event] = store.publish(Noted(), stream="s", links=["t"])
        store.delete_stream("s")

        [again] = store.publish(Noted(), stream="s", expected_version=NO_STREAM)
        [linked] = store.link(event, stream="s")

        assert (again.position, linked.position) == (0, 1)
        with pytest.raises(EventAlreadyLinked):
            store.link(event, stream="t")

    def test_delete_stream_checks_the_version(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream="s")

        with pytest.raises(WrongExpectedVersion) as refused:
            store.delete_stream("s", expected_version=4)
        with pytest.raises(WrongExpectedVersion):
            store.delete_stream("never", expected_version=STREAM_EXISTS)

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("s", 4, 1)
        assert numbers(store.events.in_stream("s")) == [0, 1]
        assert store.delete_stream("s", expected_version=1) == 2
