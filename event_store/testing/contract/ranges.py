"""Which events are read, from where to where, in which order, and in batches."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from event_store.exceptions import EventNotFound, InvalidQuery, InvalidStreamName
from event_store.store import EventStore
from event_store.testing.contract.case import (
    ContractCase,
    Counted,
    Noted,
    NotedLoudly,
    counted,
    numbers,
    ten_numbers,
)


class RangeContract(ContractCase):
    def test_all_events_come_in_global_order_with_the_stream_they_were_written_to(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        store.link(ten[3], stream="copy")
        events = list(store.events)

        assert [event.global_position for event in events] == sorted(event.global_position for event in events)
        assert [event.stream for event in events] == ["numbers", "noise"] * 10
        assert [event.position for event in events[:4]] == [0, 0, 1, 1]

    def test_a_linked_stream_has_an_order_and_positions_of_its_own(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        store.link([ten[7], ten[3]], stream="copy")
        query = store.events.in_stream("copy")

        assert numbers(query) == [7, 3]
        assert numbers(query.backward()) == [3, 7]
        assert numbers(query.after(ten[7])) == [3]
        assert [event.position for event in query] == [0, 1]

    def test_several_streams_are_merged_in_global_order_with_no_event_twice(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        store.link([ten[7], ten[3]], stream="copy")
        store.append(counted(10), stream="other")
        query = store.events.in_streams("copy", "numbers", "other", "never")

        assert numbers(query) == list(range(11))
        assert numbers(store.events.in_streams("copy", "other").backward()) == [10, 7, 3]
        assert numbers(query.after(ten[8])) == [9, 10]
        assert list(store.events.in_streams()) == []

    def test_backward_first_last_and_limit(self, store: EventStore) -> None:
        ten_numbers(store)
        query = store.events.in_stream("numbers")

        assert numbers(query.backward()[:3]) == [9, 8, 7]
        assert numbers(query.backward().forward().limit(2)) == [0, 1]
        assert numbers([query.first(), query.last(), query.backward().first(), query[:4].last()]) == [0, 9, 9, 3]
        assert (list(query[:0]), numbers(query[:3][:8])) == ([], [0, 1, 2])
        assert store.events.in_stream("never").first() is None
        assert store.events.in_stream("never").last() is None

    @pytest.mark.parametrize("by", ["position", "event", "id"])
    def test_ranges_are_in_stream_order_whatever_the_direction(self, store: EventStore, by: str) -> None:
        ten = ten_numbers(store)
        two: Any
        six: Any
        two, six = {"position": (2, 6), "event": (ten[2], ten[6]), "id": (ten[2].id, ten[6].id)}[by]
        query = store.events.in_stream("numbers")

        assert numbers(query.after(two).before(six)) == [3, 4, 5]
        assert numbers(query.after(two).before(six).backward()) == [5, 4, 3]
        assert numbers(query.after_or_equal(two).before_or_equal(six)) == [2, 3, 4, 5, 6]
        assert numbers(query.after_or_equal(two).before(six).backward()) == [5, 4, 3, 2]

    def test_ranges_of_the_whole_store_take_global_positions(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        query = store.events.of_type(Counted)

        for two, six in ((ten[2], ten[6]), (ten[2].global_position, ten[6].global_position)):
            assert numbers(query.after(two).before_or_equal(six)) == [3, 4, 5, 6]
            assert numbers(query.after_or_equal(two).before(six).backward()[:2]) == [5, 4]

    def test_bounds_at_the_ends_are_legal(self, store: EventStore) -> None:
        ten_numbers(store)
        query = store.events.in_stream("numbers")

        assert len(list(query.after(-1))) == len(list(query.before(2**63 - 1))) == 10
        assert list(query.after(9)) == list(query.before(0)) == list(query.after(5).before(3)) == []
        assert (numbers(query.after_or_equal(9)), numbers(query.before_or_equal(0))) == ([9], [0])

    def test_an_event_that_is_not_in_the_stream_is_no_bound(self, store: EventStore) -> None:
        ten = ten_numbers(store)

        for query in (
            store.events.in_stream("noise").after(ten[2]),
            store.events.in_stream("noise").before_or_equal(ten[2].id),
            store.events.in_streams("noise", "copy").after(ten[2]),
            store.events.after(uuid4()),
            store.events.in_category("numbers").before(uuid4()),
        ):
            for ask in (query.count, query.first, query.last, query.exists, lambda query=query: list(query)):
                with pytest.raises(EventNotFound):
                    ask()

    def test_of_type_takes_classes_with_their_subclasses_and_names(self, store: EventStore) -> None:
        store.publish([Noted(), NotedLoudly(), Counted(number=1)], stream="s")
        query = store.events

        assert [type(event.data) for event in query.of_type(Noted)] == [Noted, NotedLoudly]
        assert [type(event.data) for event in query.of_type("event_store.contract.Noted", Counted)] == [Noted, Counted]
        assert query.of_type("never.Seen").count() == 0

    def test_with_ids_leaves_out_what_is_not_there(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        many = [uuid4() for _ in range(50_000)]

        assert numbers(store.events.with_ids(ten[4].id, str(ten[1].id), uuid4())) == [1, 4]
        assert numbers(store.events.in_stream("numbers").with_ids(*many, ten[2].id)) == [2]
        assert list(store.events.with_ids()) == []

    def test_count_and_exists_follow_the_whole_query(self, store: EventStore) -> None:
        ten_numbers(store)
        query = store.events.in_stream("numbers")

        assert (query.count(), query.after(7).count(), query[:3].count(), query[:0].count()) == (10, 2, 3, 0)
        assert (query.exists(), query.after(9).exists(), query[:0].exists()) == (True, False, False)

    @pytest.mark.parametrize("size", [1, 3, 10, 11])
    def test_page_by_page_is_the_same_as_all_at_once(self, store: EventStore, size: int) -> None:
        ten = ten_numbers(store)
        store.link([ten[7], ten[3], ten[5]], stream="copy")

        for query in (
            store.events,
            store.events.in_stream("copy"),
            store.events.in_streams("copy", "noise"),
            store.events.of_type(Counted).after(ten[1]),
            store.events.in_stream("numbers")[:7],
        ):
            for directed in (query, query.backward()):
                pages = list(directed.batches(size))
                assert [event for page in pages for event in page] == list(directed)
                assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)

    def test_iterating_while_others_append_neither_repeats_nor_skips(self, store: EventStore) -> None:
        ten_numbers(store)
        forward, backward = store.events.in_stream("numbers").batches(4), store.events.of_type(Counted).backward()
        seen, seen_backward = numbers(next(forward)), []
        for page in backward.batches(4):
            seen_backward += numbers(page)
            store.append(counted(99), stream="numbers")
        for page in forward:
            seen += numbers(page)

        assert seen == [*range(10), 99, 99, 99]
        assert seen_backward == list(range(9, -1, -1))

    def test_a_query_never_changes(self, store: EventStore) -> None:
        ten_numbers(store)
        query = store.events.in_stream("numbers")
        query.backward().after(3)[:2].of_type(Noted).as_json()

        assert numbers(query) == list(range(10))
        assert "'numbers'" in repr(query)

    def test_as_json_gives_the_stored_text(self, store: EventStore) -> None:
        store.publish(Counted(number=12345678901234567890123), stream="s")
        event = store.events.as_json().first()

        assert event is not None
        assert event.data.replace(" ", "") == '{"number":12345678901234567890123}'
        assert str(event.metadata) == "{}"

    @pytest.mark.parametrize(
        "ask",
        [
            lambda query: query.limit(-1),
            lambda query: query.limit("3"),
            lambda query: query.limit(True),
            lambda query: query.limit(2**63),
            lambda query: query[2:5],
            lambda query: query[::2],
            lambda query: query[3],
            lambda query: query[:-1],
            lambda query: query.after("numbers"),
            lambda query: query.after(None),
            lambda query: query.before(-2),
            lambda query: query.after_or_equal(2**63),
            lambda query: query.before_or_equal(True),
            lambda query: query.of_type(int),
            lambda query: query.of_type(None),
            lambda query: query.of_type(Noted()),
            lambda query: query.with_ids("x"),
            lambda query: query.with_ids(None),
            lambda query: query.with_correlation_id(5),
            lambda query: query.with_causation_id(""),
            lambda query: query.batches(0),
            lambda query: query.batches(None),
        ],
    )
    def test_what_no_query_can_answer_is_refused_at_once(self, store: EventStore, ask: Any) -> None:
        with pytest.raises(InvalidQuery):
            ask(store.events)

    @pytest.mark.parametrize("name", ["", None, 5, "x" * 256, "a\0", "\ud800", "$all", "$", b"s"])
    def test_names_of_no_stream_are_refused_at_once(self, store: EventStore, name: Any) -> None:
        with pytest.raises(InvalidStreamName):
            store.events.in_stream(name)
        with pytest.raises(InvalidStreamName):
            store.events.in_streams("s", name)
