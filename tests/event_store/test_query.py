from __future__ import annotations

import pickle
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import EventNotFound, RecordedEvent, event_store
from event_store.exceptions import InvalidQuery, InvalidStreamName
from event_store.query import EventQuery
from tests.event_store.sample import Counted, Noted, NotedLoudly

pytestmark = pytest.mark.django_db


@pytest.fixture
def ten() -> list[RecordedEvent[Any]]:
    """0 to 9 in stream `numbers`, with other events in between."""
    recorded = []
    for number in range(10):
        recorded += event_store.publish(Counted(number=number), stream="numbers")
        event_store.publish(Noted(), stream="noise")
    return recorded


def numbers(query: Any) -> list[int]:
    return [event.data.number for event in query]


def test_all_events_come_in_global_order_with_the_stream_they_were_written_to(ten: Any) -> None:
    event_store.link(ten[3], stream="copy")
    events = list(event_store.events)

    assert [event.global_position for event in events] == sorted(event.global_position for event in events)
    assert [event.stream for event in events[:2]] == ["numbers", "noise"]
    assert len(events) == 20


def test_a_linked_stream_has_positions_of_its_own(ten: Any) -> None:
    event_store.link([ten[7], ten[3]], stream="copy")

    assert numbers(event_store.events.in_stream("copy")) == [7, 3]
    assert [event.position for event in event_store.events.in_stream("copy")] == [0, 1]


def test_backward_first_last_limit(ten: Any) -> None:
    query = event_store.events.in_stream("numbers")

    assert numbers(query.backward()[:3]) == [9, 8, 7]
    assert numbers(query.backward().forward().limit(2)) == [0, 1]
    assert numbers([query.first(), query.last(), query.backward().first(), query[:4].last()]) == [0, 9, 9, 3]
    assert list(query[:0]) == []
    assert numbers(query[:3][:8]) == [0, 1, 2]


def test_after_and_before_are_exclusive_in_stream_order_whatever_the_direction(ten: Any) -> None:
    query = event_store.events.in_stream("numbers")

    assert numbers(query.after(2).before(6)) == [3, 4, 5]
    assert numbers(query.after(2).before(6).backward()) == [5, 4, 3]
    assert numbers(query.after(ten[2].id).before(ten[6])) == [3, 4, 5]
    assert numbers(query.after(-1)[:1]) == [0]


def test_bounds_of_all_events_are_global_positions(ten: Any) -> None:
    query = event_store.events.of_type(Counted)

    assert numbers(query.after(ten[7].global_position)) == [8, 9]
    assert numbers(query.before(ten[2].id)) == [0, 1]


def test_a_bound_that_is_not_in_the_stream_is_an_error(ten: Any) -> None:
    with pytest.raises(EventNotFound, match="'noise'"):
        list(event_store.events.in_stream("noise").after(ten[2].id))
    with pytest.raises(EventNotFound):
        list(event_store.events.after(uuid4()))


def test_of_type_takes_classes_with_their_subclasses_and_names() -> None:
    event_store.publish([Noted(), NotedLoudly(), Counted(number=1)], stream="s")
    query = event_store.events

    assert [event.type for event in query.of_type(Noted)] == ["sample.Noted", "sample.NotedLoudly"]
    assert [event.type for event in query.of_type("sample.Noted", Counted)] == ["sample.Noted", "sample.Counted"]
    assert query.of_type("never.Seen").count() == 0


def test_with_ids_leaves_out_what_is_not_there(ten: Any) -> None:
    assert numbers(event_store.events.with_ids(ten[4].id, str(ten[1].id), uuid4())) == [1, 4]
    assert list(event_store.events.with_ids()) == []


def test_count_and_exists(ten: Any) -> None:
    query = event_store.events.in_stream("numbers")

    assert (query.count(), query.after(7).count(), query[:3].count()) == (10, 2, 3)
    assert query.exists()
    assert not event_store.events.in_stream("never").exists()


def test_batches_are_read_one_by_one(ten: Any) -> None:
    query = event_store.events.in_stream("numbers")

    assert [numbers(batch) for batch in query.batches(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [numbers(batch) for batch in query.backward()[:5].batches(3)] == [[9, 8, 7], [6, 5]]
    with CaptureQueriesContext(connection) as captured:
        next(query.batches(4))
    assert len(captured) == 1


def test_iterating_sees_what_is_appended_meanwhile_and_repeats_nothing(ten: Any) -> None:
    batches = event_store.events.in_stream("numbers").batches(6)
    seen = numbers(next(batches))
    event_store.publish(Counted(number=10), stream="numbers")
    for batch in batches:
        seen += numbers(batch)

    assert seen == list(range(11))


def test_a_query_is_lazy_and_never_changes(ten: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        query = event_store.events.in_stream("numbers")
        query.backward().after(3)[:2]
    assert len(captured) == 0
    assert numbers(query)[0] == 0


def test_as_json_gives_the_stored_text() -> None:
    event_store.publish(Counted(number=12345678901234567890123), stream="s")
    event = event_store.events.as_json().first()

    assert event is not None
    assert event.data.replace(" ", "") == '{"number":12345678901234567890123}'
    assert event.metadata == "{}"


def test_no_statement_uses_offset(ten: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(event_store.events.in_stream("numbers").batches(3))
    assert len(captured) == 4
    assert not any("OFFSET" in each["sql"].upper() for each in captured)


@pytest.mark.parametrize(
    "ask",
    [
        lambda query: query.limit(-1),
        lambda query: query.limit("3"),
        lambda query: query[2:5],
        lambda query: query[::2],
        lambda query: query[3],
        lambda query: query.after("numbers"),
        lambda query: query.before(-2),
        lambda query: query.after(2**63),
        lambda query: query.after(True),
        lambda query: query.of_type(int),
        lambda query: query.of_type(None),
        lambda query: query.with_ids("x"),
        lambda query: query.batches(0),
    ],
)
def test_what_no_query_can_answer_is_refused_at_once(ask: Any) -> None:
    with pytest.raises(InvalidQuery):
        ask(event_store.events)


def test_in_stream_checks_the_name() -> None:
    with pytest.raises(InvalidStreamName):
        event_store.events.in_stream("")


def test_the_description_says_what_is_asked() -> None:
    assert (
        repr(EventQuery(event_store.backend).in_stream("s").backward())
        == "<EventQuery {'stream': 's', 'backward': True}>"
    )


def test_recorded_events_can_be_pickled(ten: Any) -> None:
    assert pickle.loads(pickle.dumps(ten)) == ten
