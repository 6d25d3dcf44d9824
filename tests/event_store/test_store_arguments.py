"""Bad input to the store: a clear error, and nothing is stored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError, ProgrammingError

from event_store import (
    Event,
    NewEvent,
    event_store,
)
from event_store.exceptions import (
    InvalidEvent,
    InvalidExpectedVersion,
    InvalidStreamName,
    NotMigrated,
    ReservedStream,
)
from event_store.models import StoredEvent, Stream
from tests.event_store.sample import HOSTILE_NAMES, Noted
from tests.event_store.test_store import nothing_is_stored

pytestmark = pytest.mark.django_db


class Base(Event, abstract=True):
    pass


@pytest.mark.parametrize(
    "wrong", [None, [None], "text", 5, {"a": 1}, Noted, [Noted], object(), [[Noted()]], Event(), Base()]
)
def test_what_is_no_event_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidEvent):
        event_store.publish(wrong, stream="s")

    assert nothing_is_stored()


@pytest.mark.parametrize("name", ["", "x" * 256, None, 5, "$all", "a\0b", "Agreement$1"])
def test_an_illegal_stream_is_refused_by_every_verb(name: Any) -> None:
    [event] = event_store.publish(Noted(), stream="s")

    for write in (
        lambda: event_store.publish(Noted(), stream=name),
        lambda: event_store.append(Noted(), stream=name),
        lambda: event_store.link(event, stream=name),
        lambda: event_store.delete_stream(name),
        lambda: event_store.publish(Noted(), stream="s", links=[name]),
    ):
        with pytest.raises(InvalidStreamName):
            write()
    assert StoredEvent.objects.count() == 1


@pytest.mark.parametrize("links", ["Audit", None, 5, ["s"]])
def test_wrong_links_are_refused(links: Any) -> None:
    with pytest.raises(InvalidStreamName, match="^links: "):
        event_store.publish(Noted(), stream="s", links=links)


@pytest.mark.parametrize("event_ids", [None, 5, "not a uuid", [None], [Noted()]])
def test_what_is_no_id_cannot_be_linked(event_ids: Any) -> None:
    with pytest.raises(InvalidEvent, match="event_ids"):
        event_store.link(event_ids, stream="t")


def test_a_version_of_the_wrong_kind_is_refused_by_every_verb() -> None:
    for write in (
        lambda: event_store.publish(Noted(), stream="s", expected_version="1"),  # type: ignore[arg-type]
        lambda: event_store.link([], stream="s", expected_version=-2),
        lambda: event_store.delete_stream("s", expected_version=None),  # type: ignore[arg-type]
        lambda: event_store.publish(Noted(), stream="s", links={"t": 0.5}),  # type: ignore[dict-item]
    ):
        with pytest.raises(InvalidExpectedVersion):
            write()


def test_process_streams_are_reserved() -> None:
    with pytest.raises(ReservedStream, match="Agreement"):
        event_store.publish(Noted(), stream="Agreement$42")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_is_stored_linked_and_read_back_exactly(name: str) -> None:
    [event] = event_store.publish(Noted(text=name), stream=name)
    [linked] = event_store.publish(Noted(), stream="plain", links=[name])

    assert [each.id for each in event_store.events.in_stream(name)] == [event.id, linked.id]
    assert [at.stream for at in event_store.streams_of(event)] == [name]
    assert Stream.objects.get(pk=Stream.objects.get(name=name).pk).name == name


@pytest.mark.parametrize("time", [datetime.min, datetime.max])
def test_times_that_no_database_can_read_back_are_refused(time: datetime) -> None:
    offset = timedelta(hours=2 if time == datetime.min else -2)
    with pytest.raises(InvalidEvent, match="valid_at: .* outside the years"):
        NewEvent(Noted(), valid_at=time.replace(tzinfo=timezone(offset)))


@pytest.mark.parametrize("wrong", [None, "now", UUID(int=1)])
def test_what_is_no_event_has_caused_nothing(wrong: Any) -> None:
    with pytest.raises(InvalidEvent, match="caused_by"):
        event_store.caused_by(wrong)
    with pytest.raises(InvalidEvent, match="clock"):
        event_store.clock(wrong)


@pytest.mark.parametrize("now", [datetime(2001, 1, 1), None, "noon"])
def test_a_clock_without_a_time_zone_is_refused(now: Any) -> None:
    with pytest.raises(InvalidEvent, match="clock"), event_store.clock(lambda: now):
        event_store.publish(Noted(), stream="s")

    assert nothing_is_stored()


def test_missing_tables_are_named_with_what_to_do() -> None:
    with pytest.raises((NotMigrated, OperationalError, ProgrammingError)) as raised, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE event_store_storedevent RENAME TO elsewhere")
        event_store.publish(Noted(), stream="s")

    assert raised.type is NotMigrated
    assert "migrate event_store" in str(raised.value)


def test_missing_tables_are_named_when_reading() -> None:
    with pytest.raises(NotMigrated), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE event_store_storedevent RENAME TO elsewhere")
        list(event_store.events)
