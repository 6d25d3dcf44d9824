from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from django.utils import timezone

from catering.forms import AnswerForm, OrderForm, SuggestMenuForm
from tests.catering.factories import CatererFactory


def in_days(number: int) -> str:
    return str(timezone.localdate() + dt.timedelta(days=number))


GOOD = {"event_id": str(uuid4()), "customer_name": "Anna", "guests": "20", "date": in_days(30)}
GOOD_MENU = {"menu": "Vegan", "caterer": "fork", "price_per_guest": "24.50", "seen_version": "1"}


def test_a_good_order() -> None:
    assert OrderForm(GOOD).is_valid()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_name", ""),
        ("customer_name", "x" * 201),
        ("customer_name", "a\0b"),
        ("customer_name", "a\u202eb"),
        ("conditions", "a\x1bb"),
        ("guests", "0"),
        ("guests", "-3"),
        ("guests", "many"),
        ("guests", "5001"),
        ("date", "tomorrow"),
        ("date", "9999-12-31"),
        ("event_id", "42"),
        ("event_id", ""),
    ],
)
def test_a_wrong_field_of_an_order_is_named(field: str, value: str) -> None:
    form = OrderForm(GOOD | {field: value})

    assert list(form.errors) == [field]


def test_the_first_wrong_field_has_the_focus() -> None:
    form = OrderForm(GOOD | {"guests": "0", "date": ""})
    assert not form.is_valid()

    assert focused(form) == ["guests"]


def test_a_field_that_is_found_wrong_later_has_the_focus_too() -> None:
    form = OrderForm(GOOD)
    form.add_error("date", "Closed on that day.")
    form.add_error("guests", "Too many for us.")

    assert focused(form) == ["guests"]


def focused(form: OrderForm) -> list[str]:
    return [name for name, field in form.fields.items() if field.widget.attrs.get("autofocus")]


def test_from_today_to_two_years_ahead_can_be_planned() -> None:
    for number in (0, 730):
        assert OrderForm(GOOD | {"date": in_days(number)}).is_valid()
    for number in (-1, 731):
        assert list(OrderForm(GOOD | {"date": in_days(number)}).errors) == ["date"]


@pytest.mark.parametrize("text", ["Elif Yılmaz", "精進料理", "שלום", "No nuts,\r\n\tno fish", "👩‍🍳"])
def test_what_people_can_read_is_taken(text: str) -> None:
    form = OrderForm(GOOD | {"conditions": text})

    assert form.is_valid()
    assert form.cleaned_data["conditions"] == text


def test_a_character_that_nobody_sees_is_named() -> None:
    form = OrderForm(GOOD | {"customer_name": "Anna \u202enot Anna"})

    assert form.errors["customer_name"] == [
        "There is a character in it that cannot be seen (U+202E). Please type it anew."
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("menu", ""),
        ("menu", "x" * 101),
        ("menu", "a\u2067b"),
        ("details", "a\u202db"),
        ("caterer", "nobody"),
        ("price_per_guest", "-1"),
        ("price_per_guest", "0.00"),
        ("price_per_guest", "1.234"),
        ("price_per_guest", "NaN"),
        ("price_per_guest", "12345678"),
        ("seen_version", "x"),
        ("seen_version", str(10**30)),
    ],
)
def test_a_wrong_field_of_a_menu_is_named(field: str, value: str) -> None:
    CatererFactory(key="fork")

    assert SuggestMenuForm(GOOD_MENU).is_valid()
    assert list(SuggestMenuForm(GOOD_MENU | {field: value}).errors) == [field]


@pytest.mark.parametrize(
    ("answer", "menu_id", "expected"),
    [("confirm", "vegan", ("vegan", True)), ("decline", "vegan", ("vegan", False)), ("any", "", (None, True))],
)
def test_an_answer_is_about_one_menu_or_any(answer: str, menu_id: str, expected: tuple[str | None, bool]) -> None:
    form = AnswerForm({"answer": answer, "menu_id": menu_id})
    assert form.is_valid()

    assert (form.decision["menu_id"], form.decision["confirms"]) == expected


@pytest.mark.parametrize(
    ("answer", "menu_id"),
    [("", "vegan"), ("maybe", "vegan"), ("confirm", ""), ("confirm", " "), ("decline", ""), ("any", "vegan")],
)
def test_other_answers_are_none(answer: str, menu_id: str) -> None:
    assert not AnswerForm({"answer": answer, "menu_id": menu_id}).is_valid()
