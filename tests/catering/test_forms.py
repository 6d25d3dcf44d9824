from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from django.utils import timezone

from catering.forms import AnswerForm, OrderForm, SuggestMenuForm
from tests.catering.factories import CatererFactory

GOOD = {"event_id": str(uuid4()), "customer_name": "Anna", "guests": "20", "date": "2030-05-17"}
GOOD_MENU = {"menu": "Vegan", "caterer": "fork", "price_per_guest": "24.50", "seen_version": "1"}


def test_a_good_order() -> None:
    assert OrderForm(GOOD).is_valid()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_name", ""),
        ("customer_name", "x" * 201),
        ("customer_name", "a\0b"),
        ("guests", "0"),
        ("guests", "-3"),
        ("guests", "many"),
        ("guests", "5001"),
        ("date", "tomorrow"),
        ("date", str(timezone.localdate() - dt.timedelta(days=1))),
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

    assert [name for name in form.fields if "autofocus" in form.fields[name].widget.attrs] == ["guests"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("menu", ""),
        ("menu", "x" * 101),
        ("caterer", "nobody"),
        ("price_per_guest", "-1"),
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


def test_an_answer_without_a_menu_is_for_any() -> None:
    form = AnswerForm({"answer": "confirm"})
    assert form.is_valid()

    assert form.decision == {"menu_id": None, "confirms": True, "reason": ""}


@pytest.mark.parametrize("answer", ["", "maybe"])
def test_an_answer_is_confirm_or_decline(answer: str) -> None:
    assert not AnswerForm({"answer": answer, "menu_id": "vegan"}).is_valid()
