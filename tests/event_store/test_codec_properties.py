"""Generated event classes and values come back as they were, through the codec and through every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_store import Event, EventStoreError, NewEvent
from event_store.backends.database import DatabaseBackend
from event_store.backends.memory import MemoryBackend
from event_store.codec import as_stored, decode, encode
from event_store.store import EventStore
from event_store.testing import isolated_registries

FEW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e22, 1e308, 5e-324, 1.5e16, 0.1])
SMALL_FLOATS = st.floats(-9.2e18, 9.2e18)
INTEGERS = st.integers() | st.sampled_from([2**63, -(2**63) - 1, 10**40])
MOMENTS = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.timezones() | st.just(UTC), allow_imaginary=False
).filter(lambda moment: can_be_compared(moment) and not offset_of(moment) % timedelta(minutes=1))
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


class Course(Enum):
    STARTER = "starter"
    MAIN = "main"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Dish:
    name: str
    price: Decimal
    courses: tuple[Course, ...] = ()


class Box(msgspec.Struct, frozen=True, tag=True):
    size: int


class Bag(msgspec.Struct, frozen=True, tag=True):
    inner: Box | None = None


class Holding(Event, type="properties.Holding"):
    value: Any


DISHES = st.builds(
    Dish,
    name=TEXTS,
    price=st.decimals(allow_nan=False, allow_infinity=False),
    courses=st.tuples(st.sampled_from(Course)),
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTEGERS,
    float: FLOATS,
    bool: st.booleans(),
    UUID: st.uuids(),
    datetime: MOMENTS,
    date: st.dates(),
    time: st.times(timezones=st.none() | OFFSETS),
    timedelta: st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    bytes: st.binary(max_size=20),
    Course: st.sampled_from(Course),
    Rank: st.sampled_from(Rank),
    Dish: DISHES,
    str | None: st.none() | TEXTS,
    int | str: INTEGERS | TEXTS,
    int | float | None: INTEGERS | FLOATS.filter(lambda number: not number.is_integer()) | st.none(),
    bool | list[str]: st.booleans() | st.lists(TEXTS, max_size=2),
    datetime | int: MOMENTS | INTEGERS,
    Box | Bag: st.builds(Box, size=INTEGERS) | st.builds(Bag, inner=st.none() | st.builds(Box, size=INTEGERS)),
    Literal["a", "é🍲"]: st.sampled_from(["a", "é🍲"]),
    list[int]: st.lists(INTEGERS, max_size=3),
    tuple[Dish, ...]: st.lists(DISHES, max_size=2).map(tuple),
    tuple[int, str, date]: st.tuples(INTEGERS, TEXTS, st.dates()),
    set[UUID]: st.sets(st.uuids(), max_size=3),
    frozenset[str]: st.frozensets(TEXTS, max_size=3),
    dict[str, float]: st.dictionaries(TEXTS, FLOATS, max_size=3),
    dict[UUID, list[Course]]: st.dictionaries(st.uuids(), st.lists(st.sampled_from(Course), max_size=2), max_size=2),
}


@st.composite
def generated_events(draw: Any) -> Event:
    """An event of a class that is made for it, with one to six fields of any kind."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    fields = {f"field_{number}": kind for number, kind in enumerate(kinds)}
    made: Any = type("Made", (Event,), {"__annotations__": fields, "__module__": __name__}, type="properties.Made")
    event: Event = made(**{name: draw(VALUES[kind]) for name, kind in fields.items()})
    return event


def offset_of(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def can_be_compared(moment: datetime) -> bool:
    """For Python an hour that comes twice is equal to no moment of another zone."""
    return offset_of(moment) == offset_of(moment.replace(fold=1 - moment.fold))


def stores() -> list[EventStore]:
    return [EventStore(MemoryBackend()), EventStore(DatabaseBackend())]


def spelled_out(value: Any) -> Any:
    """Equal only for equal values of equal types, whatever the order of keys."""
    if isinstance(value, Mapping):
        return sorted((key, spelled_out(item)) for key, item in value.items())
    if isinstance(value, list):
        return [spelled_out(item) for item in value]
    return f"{type(value).__name__} {value!r}"


def is_the_same(value: Any, wanted: Any) -> bool:
    """Whether JSON knows no difference: numbers by value, true is not 1."""
    value, wanted = as_stored(value), as_stored(wanted)
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)


@FEW
@given(data=st.data())
def test_a_generated_event_comes_back_from_the_codec(data: Any) -> None:
    with isolated_registries():
        event = data.draw(generated_events())

        assert decode("properties.Made", encode(event), event_id=1) == event


@pytest.mark.django_db
@FEW
@given(data=st.data())
def test_a_generated_event_comes_back_from_every_backend(data: Any) -> None:
    with isolated_registries():
        event = data.draw(generated_events())

        for store in stores():
            [published] = store.append(event, stream="s")
            assert store.events.last() == published
            assert published.data == event


@pytest.mark.django_db
@FEW
@given(value=JSON, metadata=st.dictionaries(TEXTS, JSON, max_size=3))
def test_untyped_values_come_back_the_same_from_every_backend(value: Any, metadata: Any) -> None:
    read = []
    for store in stores():
        [published] = store.append(NewEvent(Holding(value=value), metadata=metadata), stream="s")
        event = store.events.last()
        assert event is not None
        assert spelled_out(published.metadata) == spelled_out(event.metadata)
        read.append((spelled_out(event.data.value), spelled_out(event.metadata)))

    assert read[0] == read[1]


@pytest.mark.django_db
@FEW
@given(values=st.lists(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | SMALL_FLOATS | TEXTS, max_size=5))
def test_a_value_is_found_by_what_it_is_on_every_backend(values: list[Any]) -> None:
    with transaction.atomic():
        for store in stores():
            store.append([Holding(value=value) for value in values], stream="s")
            for wanted in values:
                found = [event.data.value for event in store.events.in_stream("s").with_data(value=wanted)]
                assert list(map(spelled_out, found)) == [
                    spelled_out(as_stored(value)) for value in values if is_the_same(value, wanted)
                ]
        transaction.set_rollback(True)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": {"b": (value,)}}])
def test_numbers_that_json_does_not_know_are_refused_when_the_event_is_built(number: float, wrap: Any) -> None:
    with pytest.raises(EventStoreError, match="finite"):
        Holding(value=wrap(number))


def test_numbers_are_stored_as_postgresql_would_give_them_back() -> None:
    encoded = encode(Holding(value=[1e22, -1.5e300, -0.0, 1e-7, "1e22", ":1e22,-0.0", 0.1]))

    assert encoded == (
        b'{"value":[10000000000000000000000,' + str(-int(Decimal("1.5e300"))).encode() + b",0.0,1e-7"
        b',"1e22",":1e22,-0.0",0.1]}'
    )
