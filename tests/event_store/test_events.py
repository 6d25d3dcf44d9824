from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from event_store import Event, NewEvent, event_class_of, type_of
from event_store.codec import decode, encode
from event_store.events import event_types
from event_store.exceptions import DuplicateEventType, InvalidEvent, UnnamedEventType, UnstorablePayload
from tests.event_store.sample import Counted, Course, Dish, Everything, Noted, NotedLoudly


class Served(Event, type="sample.Served"):
    at: time


def everything(**changes: Any) -> Everything:
    fields: dict[str, Any] = {
        "text": 'żółć "quoted" \\ \n',
        "identifier": UUID("018f7c9e-0000-7000-8000-000000000001"),
        "moment": datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC),
        "day": date(2026, 11, 24),
        "price": Decimal("12345678901234567890.10"),
        "course": Course.MAIN,
        "dish": Dish("soup", Decimal("1.50")),
        "dishes": (Dish("a", Decimal(1)), Dish("b", Decimal(2))),
        "pauses": [timedelta(hours=1, microseconds=1)],
        "stock": {"plates": 3},
        "labels": frozenset({"vegan", "hot"}),
        "ratio": 0.1,
    }
    return Everything(**(fields | changes))


def test_every_kind_of_field_comes_back_from_json_as_it_was() -> None:
    event = everything()

    assert decode("sample.Everything", encode(event), event_id=1) == event


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("text", 1),
        ("text", None),
        ("identifier", "018f7c9e-0000-7000-8000-000000000001"),
        ("moment", "2026-11-24T12:00:00Z"),
        ("price", 1.5),
        ("course", "dessert"),
        ("dish", {"name": "soup"}),
        ("dishes", (Dish(1, Decimal(1)),)),  # type: ignore[arg-type]
        ("pauses", [60]),
        ("stock", {"plates": "three"}),
        ("labels", "vegan"),
        ("ratio", "0.1"),
        ("note", 5),
        ("text", object()),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_its_name(field: str, wrong: object) -> None:
    with pytest.raises(InvalidEvent, match=rf"^Everything\.{field}"):
        everything(**{field: wrong})


def test_a_missing_or_unknown_field_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidEvent, match="'number'"):
        Counted()  # type: ignore[call-arg]
    with pytest.raises(InvalidEvent, match="'amount'"):
        Counted(number=1, amount=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_no_word_for_is_refused(value: float) -> None:
    with pytest.raises(UnstorablePayload, match=r"Everything\.ratio"):
        everything(ratio=value)


def test_a_list_given_for_a_tuple_becomes_one_so_that_the_event_cannot_change() -> None:
    dishes = [Dish("a", Decimal(1))]
    event = everything(dishes=dishes)
    dishes.clear()

    assert event.dishes == (Dish("a", Decimal(1)),)


def test_an_event_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Noted(text="a").text = "b"  # type: ignore[misc]


def test_the_type_is_the_app_label_and_the_class_name() -> None:
    namespace = {"__module__": "event_store.tests.anything", "__annotations__": {}}
    event_class = type("SomethingHappened", (Event,), namespace)

    assert type_of(event_class) == "event_store.SomethingHappened"


def test_a_class_outside_every_app_needs_a_type() -> None:
    class Homeless(Event):
        pass

    with pytest.raises(UnnamedEventType, match='Homeless.*type="…"'):
        type_of(Homeless)


def test_two_classes_of_one_type_are_refused() -> None:
    class First(Event, type="sample.Taken"):
        pass

    class Second(Event, type="sample.Taken"):
        pass

    with pytest.raises(DuplicateEventType, match="First and .*Second"):
        event_types.find("sample.Taken")


def test_the_class_of_a_type_is_found_by_its_name() -> None:
    assert event_class_of("sample.Noted") is Noted
    assert event_class_of("gone.Forgotten") is None


def test_what_two_classes_claim_is_not_published_and_spoils_no_other_type() -> None:
    class First(Event, type="sample.Taken"):
        pass

    class Second(Event, type="sample.Taken"):
        pass

    with pytest.raises(DuplicateEventType):
        NewEvent(First())
    assert event_types.find("sample.Noted") is Noted


def test_a_time_whose_offset_has_seconds_is_refused_rather_than_cut() -> None:
    offset = timezone(timedelta(hours=10, minutes=14, seconds=52))

    with pytest.raises(UnstorablePayload, match=r"Everything\.moment: .*astimezone\(UTC\)"):
        everything(moment=datetime(1924, 1, 1, tzinfo=offset))
    with pytest.raises(UnstorablePayload, match=r"Served\.at: "):
        Served(at=time(12, tzinfo=offset))


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_keeps_its_moment(fold: int) -> None:
    moment = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Warsaw"))

    read = decode("sample.Everything", encode(everything(moment=moment)), event_id=1)

    assert read.moment.astimezone(UTC) == datetime(2026, 10, 25, fold, 30, tzinfo=UTC)


def test_a_time_of_day_in_a_zone_without_an_offset_is_refused_rather_than_left_without_it() -> None:
    with pytest.raises(UnstorablePayload, match=r"Served\.at: .*Warsaw"):
        Served(at=time(12, tzinfo=ZoneInfo("Europe/Warsaw")))

    event = Served(at=time(12, tzinfo=timezone(timedelta(hours=2))))
    assert decode("sample.Served", encode(event), event_id=1) == event


@pytest.mark.parametrize(
    "arguments", [{"type": ""}, {"type": 5}, {"type": "x" * 256}, {"type": "a\nb"}, {"version": 0}, {"version": "2"}]
)
def test_wrong_class_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=next(iter(arguments))):
        type("Wrong", (Event,), {}, **arguments)


def test_a_class_without_a_type_does_not_spoil_its_bases_for_readers() -> None:
    class Homeless(Noted):
        pass

    assert event_types.types_of(Noted) == {"sample.Noted", "sample.NotedLoudly"}
    with pytest.raises(UnnamedEventType):
        event_types.types_of(Homeless)


def test_the_types_of_a_class_include_its_subclasses() -> None:
    assert event_types.types_of(Noted) == {"sample.Noted", "sample.NotedLoudly"}
    assert event_types.types_of(NotedLoudly) == {"sample.NotedLoudly"}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("id", "5"), ("valid_at", "today"), ("valid_at", datetime(2026, 1, 1)), ("metadata", [1]), ("causation_id", 1)],
)
def test_a_new_event_checks_what_it_is_given(field: str, wrong: object) -> None:
    with pytest.raises(InvalidEvent, match=field):
        NewEvent(Noted(), **{field: wrong})  # type: ignore[arg-type]
