"""Which index answers which query: a range of it, in its order, with nothing sorted and nothing looked at in vain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import event_store
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
QUERIES = {
    "newest": (lambda events: events.backward(), "event_store_storedevent_pkey"),
    "middle": (lambda events: events.after(10), "event_store_storedevent_pkey"),
    "type": (lambda events: events.of_type("sample.Noted").after(10), "event_store_event_type"),
    "category": (lambda events: events.in_category("Order").backward(), "event_store_event_category"),
    "correlation": (lambda events: events.with_correlation_id(UUID(int=1)), "event_store_event_correlation"),
    "causation": (lambda events: events.with_causation_id(UUID(int=1)), "event_store_event_causation"),
    "recorded": (lambda events: events.newer_than(MOMENT).as_at(), "event_store_event_recorded"),
    "valid": (lambda events: events.older_than(MOMENT).as_of().backward(), "event_store_event_valid"),
    "stream": (lambda events: events.in_stream("Order$1").after(3), "event_store_streamlink_pkey"),
}


@pytest.fixture(autouse=True)
def events_to_choose_from(db: None) -> Iterator[None]:
    for order in range(20):
        event_store.publish([Counted(number=order), Noted()], stream=f"Order${order}", links=["Audit"])
    if connection.vendor == "sqlite":
        yield
        return
    # Others to tell them from, and figures that do not hang on what has run before.
    event_store.append(Counted(number=0), stream="Other$0", links=[f"Other${number}" for number in range(1, 300)])
    event_store.append([Counted(number=0)] * 1000, stream="Other$0")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE event_store_storedevent, event_store_stream, event_store_streamlink")
        # Few rows are read fastest as a whole: here the question is what could be used if they were many.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        yield


def plan_of(query: Any) -> str:
    with CaptureQueriesContext(connection) as captured:
        list(query[:10])
    [statement] = [each["sql"] for each in captured]
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement}".replace("%", "%%"), ())
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.postgresql
@pytest.mark.parametrize("name", QUERIES)
def test_postgresql_reads_a_range_of_one_index(name: str) -> None:
    ask, index = QUERIES[name]

    plan = plan_of(ask(event_store.events))

    assert index in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


@pytest.mark.sqlite
@pytest.mark.parametrize("name", QUERIES)
def test_sqlite_reads_a_range_of_one_index(name: str) -> None:
    ask, index = QUERIES[name]
    # SQLite's row number is the primary key of events; the index behind a composite key has no name of its own.
    expected = {"event_store_storedevent_pkey": "", "event_store_streamlink_pkey": "sqlite_autoindex"}.get(index, index)

    plan = plan_of(ask(event_store.events))

    assert expected in plan
    assert "TEMP B-TREE" not in plan
    assert name == "newest" or "SCAN e" not in plan


def test_streams_are_listed_from_an_index() -> None:
    in_category = plan_of(event_store.streams.in_category("Order").after("Order$1"))
    with_prefix = plan_of(event_store.streams.with_prefix("Order$1"))

    assert "event_store_stream_category" in in_category
    assert "B-TREE" not in in_category + with_prefix
    assert "Sort" not in in_category + with_prefix


@pytest.mark.postgresql
def test_a_gin_index_answers_what_is_asked_of_the_data() -> None:
    event_store.publish([Counted(number=number) for number in range(20, 1000)], stream="many")
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX data_index ON event_store_storedevent USING gin (data jsonb_path_ops)")
        cursor.execute("SET LOCAL enable_bitmapscan = on; SET LOCAL enable_sort = on; ANALYZE event_store_storedevent")

    assert "data_index" in plan_of(event_store.events.with_data(number=7))
    assert [event.data.number for event in event_store.events.with_data(number=7)] == [7]
