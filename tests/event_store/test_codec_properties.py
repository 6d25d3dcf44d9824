"""Generated event classes and values come back as they were, through the codec and through every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_store import Event, EventStoreError, NewEvent
from event_store.backends.database import DatabaseBackend
from event_store.backends.memory import MemoryBackend
from event_store.codec import decode, encode
from event_store.store import EventStore
from event_store.testing import isolated_registries

FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e22, 1e308, 5e-324, 1.5e16, 0.1])
INTEGERS = st.integers() | st.sampled_from([2**63, -(2**63) - 1, 10**40])
MOMENTS = st.datetimes(
    datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.timezones() | st.just(UTC), allow_imaginary=False
).filter(lambda moment: not (moment.utcoffset() or timedelta()) % timedelta(minutes=1))
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
    time: st.times(),
    timedelta: st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    bytes: st.binary(max_size=20),
    Course: st.sampled_from(Course),
    Rank: st.sampled_from(Rank),
    Dish: DISHES,
    str | None: st.none() | TEXTS,
    int | str: INTEGERS | TEXTS,
    list[int]: st.lists(INTEGERS, max_size=3),
    tuple[Dish, ...]: st.lists(DISHES, max_size=2).map(tuple),
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


def stores() -> list[EventStore]:
    return [EventStore(MemoryBackend()), EventStore(DatabaseBackend())]


def spelled_out(value: Any) -> Any:
    """Equal only for equal values of equal types, whatever the order of keys."""
    if isinstance(value, Mapping):
        return sorted((key, spelled_out(item)) for key, item in value.items())
    if isinstance(value, list):
        return [spelled_out(item) for item in value]
    return f"{type(value).__name__} {value!r}"


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
