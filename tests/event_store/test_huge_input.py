"""Input that is far bigger than usual: stored whole, or refused with a sentence and nothing stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from event_store import DuplicateEvent, Event, NewEvent, event_store
from event_store.backends import postgresql
from event_store.codec import MOST_BYTES
from event_store.exceptions import InvalidEvent, InvalidQuery, InvalidStreamName, UnstorablePayload
from event_store.messages import MAX_DEPTH
from tests.event_store.sample import Confirm, Counted, Noted
from tests.event_store.test_store import nothing_is_stored

pytestmark = pytest.mark.django_db


class Holding(Event, type="sample.HoldingMuch"):
    value: Any


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_ten_megabytes_are_stored_and_come_back() -> None:
    text = "é🍲x" * 1_300_000
    event_store.publish(Noted(text=text), stream="s")

    event = event_store.events.first()
    assert event is not None
    assert event.data.text == text


def test_a_hundred_thousand_events_are_one_publish() -> None:
    published = event_store.publish([Counted(number=number) for number in range(100_000)], stream="s", links=["t"])

    assert (published[-1].position, len(published)) == (99_999, 100_000)
    assert event_store.events.in_stream("t").after(99_997).count() == 2
    # At the end of the test foreign keys are checked, by plans that may have been made for empty tables: that takes minutes.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def test_ten_thousand_links_are_one_publish() -> None:
    names = [f"Customer${number}" for number in range(10_000)]

    [event] = event_store.publish(Noted(), stream="s", links=names)

    assert len(event_store.streams_of(event)) == 10_001
    assert event_store.position_in_stream(event, "Customer$9999") == 0


@pytest.mark.postgresql
def test_more_than_one_value_of_the_database_holds_is_still_all_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_MOST_BYTES", 1000)
    events = [NewEvent(Noted(text="x" * 300)) for _ in range(10)]
    published = event_store.publish(events, stream="s", expected_version=-1, links={"t": -1})

    assert [event.position for event in published] == list(range(10))
    assert [event.id for event in event_store.events.in_stream("t")] == [event.id for event in published]
    assert [event.id for event in event_store.events] == [event.id for event in published]


def test_all_duplicates_are_told_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_MOST_BYTES", 1000)
    events = [NewEvent(Noted(), id=UUID(int=number)) for number in range(1, 11)]
    event_store.publish([events[4], events[8]], stream="s")

    with pytest.raises(DuplicateEvent) as refused:
        event_store.publish(events, stream="t", links=["u"])

    assert refused.value.event_ids == [events[4].id, events[8].id]
    assert [stream.name for stream in event_store.streams] == ["s"]


def test_as_many_short_numbers_as_an_event_may_hold_are_stored() -> None:
    [event] = event_store.publish(Holding(value=[1] * (MOST_BYTES // 2 - 100)), stream="s")

    assert event_store.events.in_stream("s").exists()
    assert event.position == 0


def test_an_event_that_is_too_big_is_refused_before_the_database_sees_it() -> None:
    with transaction.atomic():
        for wrong in (
            Noted(text="x" * MOST_BYTES),
            NewEvent(Noted(), metadata={"a": "x" * MOST_BYTES}),
            # Grows when its numbers are written as PostgreSQL writes them.
            Holding(value=[1e308] * (MOST_BYTES // 300)),
        ):
            with pytest.raises(UnstorablePayload, match=r"takes 16\.\d MiB as JSON, 16 at most"):
                event_store.publish([Noted(), wrong], stream="s", links=["t"])
        assert nothing_is_stored()
        event_store.publish(Noted(), stream="s", expected_version=-1)

    assert event_store.events.count() == 1


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH])
def test_values_may_be_nested_deeply(levels: int) -> None:
    [event] = event_store.publish(
        NewEvent(Holding(value=nested(levels - 1)), metadata={"a": nested(levels - 1)}), stream="s"
    )

    assert event_store.events.first() == event


@pytest.mark.parametrize("levels", [MAX_DEPTH + 2, 5_000, 100_000])
def test_values_nested_too_deeply_are_refused(levels: int) -> None:
    for build in (
        lambda: Holding(value=nested(levels)),
        lambda: event_store.publish(NewEvent(Noted(), metadata={"a": nested(levels)}), stream="s"),
    ):
        with pytest.raises(UnstorablePayload, match="levels deep"):
            build()
    assert nothing_is_stored()


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(UnstorablePayload, match="levels deep"):
        Holding(value=endless)
    with pytest.raises(UnstorablePayload, match="levels deep"):
        event_store.publish(NewEvent(Noted(), metadata={"a": endless}), stream="s")


def test_whole_numbers_have_at_most_as_many_digits_as_python_writes() -> None:
    with pytest.raises(UnstorablePayload):
        event_store.publish(Counted(number=10**5000), stream="s")
    assert nothing_is_stored()


@pytest.mark.parametrize("hostile", ["\0", "a\0b", "\ud800", "x\udfffy"])
def test_texts_that_no_database_takes_are_refused_by_every_argument(hostile: str) -> None:
    for refused, ask in (
        (InvalidStreamName, lambda: event_store.publish(Noted(), stream=hostile)),
        (InvalidStreamName, lambda: event_store.publish(Noted(), stream="s", links=[hostile])),
        (InvalidStreamName, lambda: event_store.events.in_streams("s", hostile)),
        (InvalidStreamName, lambda: event_store.events.in_category(hostile)),
        (InvalidStreamName, lambda: event_store.streams.with_prefix(hostile)),
        (InvalidQuery, lambda: event_store.events.of_type(hostile)),
        (InvalidQuery, lambda: event_store.events.in_stream(f"$type-{hostile}")),
        (InvalidQuery, lambda: event_store.events.with_data(text=hostile)),
        (InvalidQuery, lambda: event_store.events.with_metadata({hostile: 1})),
        (UnstorablePayload, lambda: event_store.publish(Noted(text=hostile), stream="s")),
        (UnstorablePayload, lambda: event_store.publish(NewEvent(Noted(), metadata={hostile: 1}), stream="s")),
        (InvalidEvent, lambda: type("Wrong", (Event,), {}, type=hostile)),
        (InvalidEvent, lambda: Confirm(order_id="1").because(hostile)),
    ):
        with pytest.raises(refused):
            ask()
    assert nothing_is_stored()


@pytest.mark.parametrize("links", [[["a"]], [None], [5], [{"a": 1}], {None: 1}, {5: 1}])
def test_links_that_are_no_names_are_refused(links: Any) -> None:
    with pytest.raises(InvalidStreamName, match="^links: "):
        event_store.publish(Noted(), stream="s", links=links)
