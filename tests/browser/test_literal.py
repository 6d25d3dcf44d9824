"""Events as Python: what is pasted builds the same event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any
from uuid import UUID

import msgspec
import pytest

from browser.literal import literal
from tests.event_store.sample import Course, Dish, Everything, Noted


class Pair(msgspec.Struct):
    left: int
    right: str


class Outer:
    class Inner(Enum):
        ONE = 1


class Extra(Flag):
    SALT = 1
    PEPPER = 2


@dataclass(frozen=True)
class Counting:
    start: int
    end: int = field(init=False, default=7)


EVERYTHING = Everything(
    text="a \"quoted\" 'line'\n\u202e\\",
    identifier=UUID(int=7),
    moment=datetime(2026, 11, 19, 23, 2, 11, 204000, tzinfo=UTC),
    day=date(2026, 11, 19),
    price=Decimal("12.50"),
    course=Course.MAIN,
    dish=Dish("soup", Decimal("1.10")),
    dishes=(Dish("soup", Decimal(1)), Dish("x" * 90, Decimal(2))),
    pauses=[timedelta(seconds=90), timedelta(0)],
    stock={"a": 1, "é": 2},
    labels=frozenset(["b", "a"]),
    ratio=0.1,
)
VALUES = [
    EVERYTHING, Noted(), Noted(text="x" * 300), [], (), (1,), ("x" * 120,), set(), {1, 2}, frozenset(), {}, None, True,
    Pair(1, "x"), Outer.Inner.ONE, Extra.SALT | Extra.PEPPER, Counting(3), [[{"a": [Decimal("NaN").is_nan()]}]],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_pasted_builds_the_same_value(value: Any) -> None:
    imports, _, expression = literal(value).partition("\n\n" if "import" in literal(value) else "\n")
    names: dict[str, Any] = {}
    exec(imports, names)

    assert eval(expression.strip(), names) == value


def test_a_literal_reads_as_one_writes_it() -> None:
    assert literal(Noted(text="just so")) == ("from tests.event_store.sample import Noted\n\nNoted(text='just so')\n")
    assert "dishes=(\n        Dish(name='soup', price=Decimal('1')),\n" in literal(EVERYTHING)
    assert "labels=frozenset(['a', 'b'])" in literal(EVERYTHING)
    assert "course=Course.MAIN" in literal(EVERYTHING)
    assert "\u202e" not in literal(EVERYTHING)


def test_a_class_inside_a_function_is_named_without_an_import() -> None:
    @dataclass(frozen=True)
    class Local:
        number: int

    assert literal(Local(3)).strip() == "Local(number=3)"
