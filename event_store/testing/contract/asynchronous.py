"""The same for `async`: every method that reads or writes has a twin."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync

from event_store.exceptions import EventNotFound, InvalidQuery, InvalidStreamName, WrongExpectedVersion
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, counted, numbers


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives; its database work is done in this thread, in the transaction of the test."""

    async def wait() -> Any:
        return await work

    return async_to_sync(wait)()


async def listed(events: Any) -> list[Any]:
    return [each async for each in events]


class AsynchronousContract(ContractCase):
    def test_twins_write_what_their_originals_write(self, store: EventStore) -> None:
        first, second = finished(store.apublish(counted(1, 2), stream="s", links={"t": -1}))
        [third] = finished(store.aappend(Noted(), stream="s", expected_version=1))
        [linked] = finished(store.alink(third.id, stream="t", expected_version=1))

        assert list(store.events.in_stream("s")) == [first, second, third]
        assert (linked.stream, linked.position) == ("t", 2)
        assert finished(store.adelete_stream("t", expected_version=2)) == 3
        assert list(store.events.in_stream("t")) == []

    def test_twins_answer_what_their_originals_answer(self, store: EventStore) -> None:
        [event] = store.append(Noted(), stream="s", links=["t"])

        assert finished(store.astreams_of(event)) == store.streams_of(event)
        assert finished(store.aglobal_position(event)) == event.global_position
        assert finished(store.aposition_in_stream(event, "t")) == 0
        assert [finished(store.ais_in_stream(event, name)) for name in "tu"] == [True, False]
        assert finished(store.arecently_changed_streams(1)) == store.recently_changed_streams(1)
        assert finished(store.acategories()) == store.categories()
        assert finished(store.aevent_types()) == ["event_store.contract.Noted"]

    def test_queries_are_iterated_and_asked(self, store: EventStore) -> None:
        store.append(counted(*range(10)), stream="s")
        query = store.events.in_stream("s").after(3).backward()

        assert finished(listed(query)) == list(query)
        assert numbers(finished(listed(query.aiterator(2)))) == [9, 8, 7, 6, 5, 4]
        assert list(map(numbers, finished(listed(query.abatches(4))))) == [[9, 8, 7, 6], [5, 4]]
        assert numbers([finished(query.afirst()), finished(query.alast())]) == [9, 4]
        assert (finished(query.acount()), finished(query.aexists()), finished(query[:0].aexists())) == (6, True, False)

    def test_lists_of_streams_are_iterated_and_asked(self, store: EventStore) -> None:
        store.append(Noted(), stream="s", links=["t"])

        assert finished(listed(store.streams)) == list(store.streams)
        assert finished(store.streams.backward().afirst()) == store.streams.backward().first()
        assert finished(store.streams.after("t").aexists()) is False

    def test_refusals_are_the_same(self, store: EventStore) -> None:
        for refused, work in (
            (WrongExpectedVersion, store.apublish(Noted(), stream="s", expected_version=3)),
            (InvalidStreamName, store.aappend(Noted(), stream="")),
            (EventNotFound, store.alink(uuid4(), stream="s")),
            (EventNotFound, store.events.after(uuid4()).afirst()),
            (EventNotFound, listed(store.events.before(uuid4()))),
            (InvalidQuery, listed(store.events.abatches(0))),
        ):
            with pytest.raises(refused):
                finished(work)
        assert not store.streams.exists()

    def test_blocks_of_metadata_reach_what_is_awaited_inside(self, store: EventStore) -> None:
        async def publish() -> Any:
            with store.metadata(tenant="acme"):
                [event] = await store.apublish(Noted(), stream="s")
            [after] = await store.apublish(Noted(), stream="s")
            return event.metadata, after.metadata

        assert finished(publish()) == ({"tenant": "acme"}, {})
