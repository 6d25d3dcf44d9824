"""Writing, as every database does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from event_store import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    NewEvent,
    WrongExpectedVersion,
    event_store,
)
from event_store.exceptions import (
    UnstorablePayload,
)
from event_store.models import StoredEvent, Stream, StreamLink
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db


def positions(stream: str) -> list[int | None]:
    return [event.position for event in event_store.events.in_stream(stream)]


def counted(numbers: range) -> list[Counted]:
    return [Counted(number=number) for number in numbers]


def nothing_is_stored() -> bool:
    return not (
        StoredEvent.objects.exists() or StreamLink.objects.exists() or Stream.objects.exclude(version=-1).exists()
    )


def test_publish_returns_what_reading_gives_back() -> None:
    published = event_store.publish(
        [NewEvent(Counted(number=1), metadata={"by": "anna"}), Counted(number=2)], stream="Order$1"
    )

    assert list(event_store.events.in_stream("Order$1")) == published
    assert [event.position for event in published] == [0, 1]
    assert published[0].global_position < published[1].global_position


def test_a_single_event_needs_no_list() -> None:
    [event] = event_store.publish(Noted(text="a"), stream="s")

    assert (event.type, event.data, event.stream, event.position) == ("sample.Noted", Noted(text="a"), "s", 0)


def test_an_empty_list_stores_nothing() -> None:
    assert event_store.publish([], stream="s", expected_version=7) == []
    assert event_store.link([], stream="s") == []
    assert nothing_is_stored()


def test_positions_go_on_without_holes() -> None:
    event_store.publish(counted(range(3)), stream="s")
    event_store.publish(counted(range(2)), stream="s", expected_version=2)

    assert positions("s") == [0, 1, 2, 3, 4]


def test_a_thousand_events_at_once_keep_their_order() -> None:
    event_store.publish(counted(range(1000)), stream="s", links=["t"])

    assert [event.data.number for event in event_store.events.in_stream("t")] == list(range(1000))


@pytest.mark.parametrize("expected", [ANY, NO_STREAM])
def test_a_new_stream_is_begun(expected: Any) -> None:
    [event] = event_store.publish(Noted(), stream="s", expected_version=expected)

    assert event.position == 0


@pytest.mark.parametrize("expected", [ANY, STREAM_EXISTS, 1])
def test_an_existing_stream_is_continued(expected: Any) -> None:
    event_store.publish(counted(range(2)), stream="s")

    [event] = event_store.publish(Noted(), stream="s", expected_version=expected)

    assert event.position == 2


@pytest.mark.parametrize("expected", [NO_STREAM, 0, 2, 100])
def test_a_wrong_version_is_refused_with_its_facts(expected: Any) -> None:
    event_store.publish(counted(range(2)), stream="s")

    with pytest.raises(WrongExpectedVersion) as refused:
        event_store.publish(Noted(), stream="s", expected_version=expected)

    assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("s", expected, 1)
    assert positions("s") == [0, 1]


@pytest.mark.parametrize("expected", [STREAM_EXISTS, 0])
def test_a_stream_that_does_not_exist_is_at_version_minus_one(expected: Any) -> None:
    with pytest.raises(WrongExpectedVersion) as refused:
        event_store.publish(Noted(), stream="s", expected_version=expected)

    assert refused.value.actual == -1
    assert nothing_is_stored()


def test_links_show_the_same_event_in_further_streams() -> None:
    event_store.publish(counted(range(2)), stream="Customer$7")

    [event] = event_store.publish(Noted(text="menu"), stream="Order$1", links=["Customer$7", "Audit"])

    assert [(at.stream, at.position, at.written_here) for at in event_store.streams_of(event)] == [
        ("Order$1", 0, True),
        ("Audit", 0, False),
        ("Customer$7", 2, False),
    ]
    assert StoredEvent.objects.filter(event_id=event.id).count() == 1


def test_links_may_expect_versions() -> None:
    event_store.publish(Noted(), stream="b")

    with pytest.raises(WrongExpectedVersion) as refused:
        event_store.publish(Noted(), stream="c", links={"a": NO_STREAM, "b": 5})

    assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("b", 5, 0)
    assert not event_store.events.in_stream("a").exists()
    assert not event_store.events.in_stream("c").exists()


def test_link_gives_positions_in_the_linked_stream() -> None:
    first, second = event_store.publish([Noted(text="1"), Noted(text="2")], stream="s")

    linked = event_store.link([second.id, str(first.id)], stream="t", expected_version=-1)

    assert [(event.data.text, event.stream, event.position) for event in linked] == [("2", "t", 0), ("1", "t", 1)]
    assert list(event_store.events.in_stream("t")) == linked
    assert StoredEvent.objects.count() == 2


def test_linking_a_recorded_event_gives_the_same_as_its_id() -> None:
    [event] = event_store.publish(Noted(), stream="s")

    assert event_store.link(event, stream="t") == list(event_store.events.in_stream("t"))


def test_linking_twice_into_one_stream_is_refused() -> None:
    first, second = event_store.publish([Noted(), Noted()], stream="s")
    event_store.link(first, stream="t")

    with pytest.raises(EventAlreadyLinked) as refused:
        event_store.link([second, first], stream="t")
    with pytest.raises(EventAlreadyLinked):
        event_store.link([second, second], stream="u")

    assert (refused.value.stream, refused.value.event_ids) == ("t", [first.id])
    assert positions("t") == [0]
    assert positions("u") == []


def test_linking_an_unknown_id_links_nothing() -> None:
    [event] = event_store.publish(Noted(), stream="s")
    unknown = uuid4()

    with pytest.raises(EventNotFound) as refused:
        event_store.link([event.id, unknown], stream="t")

    assert refused.value.event_ids == [unknown]
    assert positions("t") == []


def test_link_checks_the_version() -> None:
    [event] = event_store.publish(Noted(), stream="s")

    with pytest.raises(WrongExpectedVersion):
        event_store.link(event, stream="t", expected_version=0)


def test_a_duplicate_id_refuses_the_whole_batch() -> None:
    [event] = event_store.publish(Noted(), stream="s")

    with pytest.raises(DuplicateEvent) as refused:
        event_store.publish([Noted(), NewEvent(Noted(), id=event.id)], stream="t")
    with pytest.raises(DuplicateEvent):
        event_store.publish([NewEvent(Noted(), id=UUID(int=7)), NewEvent(Noted(), id=UUID(int=7))], stream="t")

    assert refused.value.event_ids == [event.id]
    assert positions("t") == []


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
    event_store.publish(Noted(), stream="\u00e9")
    event_store.publish(Noted(), stream="e\u0301")
    event_store.publish(Noted(), stream="order")
    event_store.publish(Noted(), stream="Order")

    assert Stream.objects.count() == 4


def test_metadata_of_blocks_nests_and_the_event_has_the_last_word() -> None:
    with event_store.metadata(tenant="acme", user=1):
        with event_store.metadata(user=2, request="r"):
            [inner] = event_store.publish(NewEvent(Noted(), metadata={"request": "own"}), stream="s")
        [outer] = event_store.publish(Noted(), stream="s")
    [after] = event_store.publish(Noted(), stream="s")

    assert inner.metadata == {"tenant": "acme", "user": 2, "request": "own"}
    assert outer.metadata == {"tenant": "acme", "user": 1}
    assert after.metadata == {}


def test_a_publish_that_nothing_caused_opens_a_conversation() -> None:
    first, second = event_store.publish([Noted(), Noted()], stream="s")

    assert first.correlation_id == second.correlation_id == first.id
    assert first.causation_id is None


def test_caused_by_names_the_cause_and_stays_in_the_conversation() -> None:
    [cause] = event_store.publish(Noted(), stream="s")
    with event_store.caused_by(cause):
        [effect] = event_store.publish(Noted(), stream="s")
        with event_store.caused_by(effect):
            [last] = event_store.publish(Noted(), stream="s")

    assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.id)
    assert (last.causation_id, last.correlation_id) == (effect.id, cause.id)


def test_times_are_utc_and_keep_their_microseconds() -> None:
    valid_at = datetime(2030, 5, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

    [published] = event_store.publish(NewEvent(Noted(), valid_at=valid_at), stream="s")
    read = event_store.events.first()

    assert read is not None
    assert read.valid_at == valid_at
    assert read.valid_at.tzinfo is UTC
    assert read.recorded_at == published.recorded_at
    assert abs(datetime.now(UTC) - read.recorded_at) < timedelta(minutes=1)


def test_a_clock_sets_the_time_of_recording() -> None:
    moment = datetime(2001, 1, 1, tzinfo=UTC)
    with event_store.clock(lambda: moment):
        [event] = event_store.publish(Noted(), stream="s")
        event_store.link(event, stream="t")

    assert (event.recorded_at, event.valid_at) == (moment, moment)
    assert {at.linked_at for at in event_store.streams_of(event)} == {moment}


def test_metadata_is_returned_as_it_is_stored() -> None:
    given = ["a"]
    [event] = event_store.publish(NewEvent(Noted(), metadata={"id": UUID(int=1), "list": given}), stream="s")
    given.append("b")

    assert event == event_store.events.first()


def test_delete_stream_removes_links_and_keeps_events() -> None:
    [event] = event_store.publish(Noted(), stream="s", links=["t"])

    assert event_store.delete_stream("s") == 1
    assert event_store.delete_stream("s") == 0
    assert event_store.delete_stream("never") == 0
    assert positions("s") == []
    assert [at.stream for at in event_store.streams_of(event)] == ["t"]
    [again] = event_store.publish(Noted(), stream="s", expected_version=NO_STREAM)
    assert again.position == 0


def test_delete_stream_checks_the_version() -> None:
    event_store.publish(Noted(), stream="s")

    with pytest.raises(WrongExpectedVersion):
        event_store.delete_stream("s", expected_version=4)
    assert event_store.delete_stream("s", expected_version=0) == 1


def test_streams_of_an_unknown_event() -> None:
    with pytest.raises(EventNotFound):
        event_store.streams_of(uuid4())


@pytest.mark.postgresql
def test_one_publish_with_links_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        event_store.append([Noted(), Noted()], stream="s", links=["t", "u"])
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
