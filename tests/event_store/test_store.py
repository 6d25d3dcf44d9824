"""What only a database shows of writing: transactions of Django's, rows, statements. The rest is in the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from event_store import (
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    NewEvent,
    WrongExpectedVersion,
    event_store,
)
from event_store.exceptions import InvalidStoreSettings, UnreadableEvent, UnstorablePayload
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent, Stream, StreamLink
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db


def positions(stream: str) -> list[int | None]:
    return [event.position for event in event_store.events.in_stream(stream)]


def nothing_is_stored() -> bool:
    return not (
        StoredEvent.objects.exists() or StreamLink.objects.exists() or Stream.objects.exclude(version=-1).exists()
    )


def test_an_event_is_one_row_however_many_streams_show_it() -> None:
    [event] = event_store.publish(Noted(), stream="Order$1", links=["Customer$7", "Audit"])
    event_store.link(event, stream="Report")

    assert StoredEvent.objects.filter(event_id=event.id).count() == 1
    assert StreamLink.objects.filter(event__event_id=event.id).count() == 4


@pytest.mark.parametrize(
    "refused",
    [
        lambda event: event_store.publish(Noted(), stream="s", expected_version=9),
        lambda event: event_store.publish(NewEvent(Noted(), id=event.id), stream="t"),
        lambda event: event_store.link(event, stream="s"),
        lambda event: event_store.link(uuid4(), stream="t"),
        lambda event: event_store.publish(Noted(text="\0"), stream="s"),
    ],
)
def test_a_refused_write_leaves_the_surrounding_transaction_usable(refused: Any) -> None:
    with transaction.atomic():
        [event] = event_store.publish(Noted(), stream="s")
        with pytest.raises(
            (WrongExpectedVersion, DuplicateEvent, EventAlreadyLinked, EventNotFound, UnstorablePayload)
        ):
            refused(event)
        event_store.publish(Noted(), stream="s", expected_version=0)

    assert positions("s") == [0, 1]


def test_a_rolled_back_transaction_leaves_nothing_behind() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        event_store.publish(Noted(), stream="s", links=["t"])
        raise RuntimeError

    assert nothing_is_stored()


def test_names_that_look_alike_are_two_streams() -> None:
    for name in ("\u00e9", "e\u0301", "order", "Order"):
        event_store.publish(Noted(), stream=name)

    assert Stream.objects.count() == 4


def test_tables_that_contradict_each_other_are_not_taken_for_a_duplicate() -> None:
    [event] = event_store.publish(Noted(), stream="s")
    stream = Stream.objects.get()
    StreamLink.objects.create(
        stream=stream,
        position=1,
        event_id=event_store.publish(Noted(), stream="t")[0].global_position,
        written_here=False,
        linked_at=event.recorded_at,
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        event_store.publish(Noted(), stream="s")
    assert event_store.events.in_stream("s").count() == 2


def test_another_kind_of_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "oracle")

    with pytest.raises(InvalidStoreSettings, match="'default' is oracle"):
        event_store.publish(Noted(), stream="s")


@pytest.mark.postgresql
def test_one_write_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        event_store.append([Noted() for _ in range(1000)], stream="s", links=["t", "u"])
    [event] = event_store.append(Noted(), stream="s")
    with django_assert_num_queries(1):
        event_store.link(event, stream="v")


@pytest.mark.sqlite
def test_a_publish_takes_few_statements(django_assert_num_queries: Any) -> None:
    event_store.append(Noted(), stream="s")

    # Savepoint, stream, event, link, release.
    with django_assert_num_queries(5):
        event_store.append(Noted(), stream="s")


def test_a_wrong_version_burns_no_global_position() -> None:
    [before] = event_store.publish(Noted(), stream="s")
    for _ in range(3):
        with pytest.raises(WrongExpectedVersion):
            event_store.publish(Noted(), stream="s", expected_version=5)
    [after] = event_store.publish(Noted(), stream="s")

    assert after.global_position == before.global_position + 1


def test_times_come_back_in_utc_wherever_the_site_is(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    [published] = event_store.publish(Noted(), stream="s")

    [read], [place], [stream] = event_store.events, event_store.streams_of(published), event_store.streams

    assert (read.recorded_at, read.valid_at) == (published.recorded_at, published.recorded_at)
    assert place.linked_at == published.recorded_at
    assert abs(datetime.now(UTC) - stream.created_at) < timedelta(minutes=1)
    assert StoredEvent.objects.get().recorded_at == published.recorded_at


def test_an_event_that_cannot_be_read_is_not_linked_by_a_call_that_raises() -> None:
    [event] = event_store.publish(Noted(text="a"), stream="s")
    with changes_allowed():
        StoredEvent.objects.update(data={"text": 5})

    with pytest.raises(UnreadableEvent):
        event_store.link(event.id, stream="t")

    assert not event_store.streams.with_prefix("t").exists()
