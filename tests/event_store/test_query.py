"""What only a database shows of reading: statements, and queries that travel. The rest is in the contract."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import event_store
from event_store.backends.memory import MemoryBackend
from event_store.exceptions import InvalidStoreSettings
from event_store.query import EventQuery
from event_store.store import EventStore
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db


@pytest.fixture
def ten() -> list[Any]:
    """0 to 9 in the stream `numbers`."""
    return event_store.publish([Counted(number=number) for number in range(10)], stream="numbers")


def statements_of(ask: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        ask()
    return [each["sql"] for each in captured]


def test_nothing_is_read_before_it_is_asked_for(ten: Any) -> None:
    assert statements_of(lambda: event_store.events.in_stream("numbers").backward().after(ten[3])[:2]) == []
    assert statements_of(lambda: event_store.streams.with_prefix("n").backward()[:2]) == []


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        (lambda event: event_store.events.in_stream("numbers").first(), 1),
        (lambda event: event_store.events.in_stream("numbers").last(), 1),
        (lambda event: event_store.events.in_stream("numbers").count(), 1),
        (lambda event: event_store.events.in_stream("numbers").exists(), 1),
        (lambda event: list(event_store.events.in_stream("numbers")), 1),
        (lambda event: list(event_store.events.in_streams("numbers", "noise").as_of()), 1),
        (lambda event: list(event_store.events.in_stream("numbers").after(event).before(event)), 3),
        (lambda event: list(event_store.events.in_stream("numbers")[:0]), 0),
        (lambda event: next(event_store.events.batches(4)), 1),
        (event_store.streams_of, 1),
        (event_store.global_position, 1),
        (lambda event: event_store.position_in_stream(event, "numbers"), 1),
        (lambda event: event_store.is_in_stream(event, "never"), 1),
        (lambda event: list(event_store.streams.in_category("numbers")), 1),
        (lambda event: event_store.recently_changed_streams(), 1),
        (lambda event: event_store.event_types(), 1),
    ],
)
def test_each_question_takes_this_many_statements(ten: Any, ask: Any, most: int) -> None:
    assert len(statements_of(lambda: ask(ten[0]))) == most


def test_batches_go_on_by_position_never_by_offset(ten: Any) -> None:
    statements = statements_of(lambda: list(event_store.events.in_stream("numbers").after(ten[0]).batches(3)))

    # The event that is the bound is looked up once, not for each batch.
    assert len(statements) == 1 + 4
    assert not any("OFFSET" in sql.upper() for sql in statements)


def test_a_query_travels_as_a_description(ten: Any) -> None:
    query = event_store.events.in_stream("numbers").of_type(Counted).after(ten[2]).backward()[:3]

    copy = pickle.loads(pickle.dumps(query))

    assert repr(copy) == repr(query)
    assert list(copy) == list(query) == [ten[9], ten[8], ten[7]]


def test_a_query_of_a_store_that_is_not_configured_cannot_come_back() -> None:
    query = EventStore(MemoryBackend(), alias="gone").events

    with pytest.raises(InvalidStoreSettings, match="'gone'"):
        pickle.loads(pickle.dumps(query))


def test_recorded_events_can_be_pickled(ten: Any) -> None:
    assert pickle.loads(pickle.dumps(ten)) == ten


def test_the_description_says_what_is_asked() -> None:
    assert (
        repr(EventQuery(event_store.backend).in_stream("s").backward())
        == "<EventQuery {'stream': 's', 'backward': True}>"
    )
    assert repr(event_store.events.of_type(Noted)[:2]).startswith("<EventQuery {'types': frozenset(")
