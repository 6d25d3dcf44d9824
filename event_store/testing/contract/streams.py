"""Lists of streams and of types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from event_store.exceptions import InvalidQuery, InvalidStreamName
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, NotedLoudly, counted

NAMES = [
    "Order$1",
    "Order$10",
    "Order$2",
    "Orders",
    "order$1",
    "Ó",
    "é",
    "e\u0301",
    "🍲",
    "\U0010ffff\U0010ffff",
    "%",
    "_",
]


def names(streams: Any) -> list[str]:
    return [stream.name for stream in streams]


class StreamListContract(ContractCase):
    @pytest.fixture
    def many(self, store: EventStore) -> None:
        for name in NAMES:
            store.append(Noted(), stream=name)

    @pytest.mark.usefixtures("many")
    def test_streams_come_by_name_byte_by_byte(self, store: EventStore) -> None:
        assert names(store.streams) == sorted(NAMES)
        assert names(store.streams.backward()) == sorted(NAMES, reverse=True)
        assert [name for page in store.streams.batches(5) for name in names(page)] == sorted(NAMES)

    @pytest.mark.usefixtures("many")
    @pytest.mark.parametrize("prefix", ["", "Order", "Order$1", "e", "\U0010ffff", "%", "_", "never", "🍲"])
    def test_a_prefix_is_exact_to_the_character(self, store: EventStore, prefix: str) -> None:
        assert names(store.streams.with_prefix(prefix)) == sorted(name for name in NAMES if name.startswith(prefix))

    @pytest.mark.usefixtures("many")
    def test_a_category_and_ranges_of_names(self, store: EventStore) -> None:
        orders = store.streams.in_category("Order")

        assert names(orders) == ["Order$1", "Order$10", "Order$2"]
        assert names(orders.after("Order$1").before("Order$2")) == ["Order$10"]
        assert names(orders.after("Order$11").backward()[:1]) == ["Order$2"]
        assert names(store.streams.with_prefix("Order").in_category("Orders")) == ["Orders"]

    @pytest.mark.usefixtures("many")
    def test_categories_are_listed_and_their_streams_counted_up_to_a_number(self, store: EventStore) -> None:
        store.append(Noted(), stream="Order$3")
        store.delete_stream("Orders")

        def listed(**arguments: Any) -> list[tuple[str, int]]:
            return [(each.name, each.streams) for each in store.categories(**arguments)]

        everything = {**dict.fromkeys({name.partition("$")[0] for name in NAMES}, 1), "Order": 4}
        del everything["Orders"]
        assert listed() == sorted(everything.items())
        assert dict(listed(count_up_to=3))["Order"] == 3
        assert listed(limit=2) == [("%", 1), ("Order", 4)]
        assert listed(limit=1, after="%") == listed(limit=1, after="A") == [("Order", 4)]
        assert listed(limit=0) == listed(after=max(everything)) == []
        mistakes: list[dict[str, Any]] = [{"limit": -1}, {"count_up_to": 0}]
        for wrong in mistakes:
            with pytest.raises(InvalidQuery, match=next(iter(wrong))):
                store.categories(**wrong)

    def test_a_stream_tells_its_category_and_its_version(self, store: EventStore) -> None:
        [event] = store.append(counted(1, 2)[:1], stream="Order$1$2")
        store.link(event, stream="plain")

        assert [(stream.name, stream.category, stream.version) for stream in store.streams] == [
            ("Order$1$2", "Order", 0),
            ("plain", "plain", 0),
        ]

    def test_a_stream_was_created_when_the_clock_of_its_first_event_said(self, store: EventStore) -> None:
        moment = datetime(2001, 1, 1, tzinfo=UTC)
        with store.clock(lambda: moment):
            [event] = store.append(Noted(), stream="s", links=["t"])
            store.link(event, stream="u")

        assert {stream.created_at for stream in store.streams} == {moment}

    def test_streams_without_events_are_not_listed(self, store: EventStore) -> None:
        store.append(Noted(), stream="s")
        store.delete_stream("s")

        assert (list(store.streams), store.streams.exists(), store.streams.first()) == ([], False, None)

    def test_the_last_changed_stream_comes_first(self, store: EventStore) -> None:
        store.append(Noted(), stream="a", links=["c"])
        store.append(Noted(), stream="b")
        store.append(Noted(), stream="a")

        assert names(store.recently_changed_streams()) == ["a", "b", "c"]
        assert names(store.recently_changed_streams(limit=1)) == ["a"]

    def test_every_type_is_listed_once(self, store: EventStore) -> None:
        assert store.event_types() == []
        store.append([Noted(), *counted(1, 2), NotedLoudly()], stream="s")

        assert store.event_types() == [
            "event_store.contract.Counted",
            "event_store.contract.Noted",
            "event_store.contract.NotedLoudly",
        ]

    @pytest.mark.parametrize(
        "ask",
        [
            lambda store: store.streams.limit(-1),
            lambda store: store.streams[2],
            lambda store: store.streams.batches(0),
            lambda store: store.recently_changed_streams(limit=-1),
            lambda store: store.recently_changed_streams(limit=None),
        ],
    )
    def test_what_no_list_can_answer_is_refused_at_once(self, store: EventStore, ask: Any) -> None:
        with pytest.raises(InvalidQuery):
            ask(store)

    @pytest.mark.parametrize("wrong", [None, 5, "a\0", "\ud800", "x" * 256])
    def test_what_is_no_name_is_refused_at_once(self, store: EventStore, wrong: Any) -> None:
        streams = store.streams
        for ask in (streams.with_prefix, streams.in_category, streams.after, streams.before):
            with pytest.raises(InvalidStreamName):
                ask(wrong)
