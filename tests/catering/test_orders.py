from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from catering.events import (
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    MenuSuggested,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
)
from catering.exceptions import (
    AlreadyAnswered,
    MenuAlreadySuggested,
    MenuNotFound,
    OrderAlreadyPlaced,
    OrderClosed,
    OrderNotFound,
)
from catering.orders import Order
from event_store import Event

PLACED = OrderPlaced(order_id="1", customer_name="Anna", guests=20, date=dt.date(2030, 5, 17))
SUGGESTED = MenuSuggested(
    order_id="1", menu_id="vegan", menu="Vegan", caterer_id="fork", price_per_guest=Decimal("24.50")
)
CONFIRMED = CustomerConfirmedMenu(order_id="1", menu_id="vegan")


def order_after(*events: Event) -> Order:
    order = Order("1")
    for event in events:
        order.apply(event)
    return order


def suggest(order: Order, menu: str = "Vegan") -> None:
    order.suggest(menu, caterer_id="fork", price_per_guest=Decimal("24.50"))


def test_an_order_is_placed_with_guests_date_and_conditions() -> None:
    order = order_after()

    order.place(customer_name="Anna", guests=20, date=dt.date(2030, 5, 17))

    assert order.recorded == [PLACED]
    assert order.stream == "Order$1"


def test_an_order_is_placed_once() -> None:
    with pytest.raises(OrderAlreadyPlaced):
        order_after(PLACED).place(customer_name="Bo", guests=1, date=dt.date(2030, 5, 17))


def test_a_menu_is_suggested_under_an_id_made_of_its_name() -> None:
    order = order_after(PLACED)

    suggest(order)

    assert order.recorded == [SUGGESTED]


def test_a_name_without_latin_letters_gets_a_numbered_id() -> None:
    order = order_after(PLACED, SUGGESTED)

    suggest(order, "精進料理")

    assert order.recorded[0].menu_id == "menu-2"


def test_a_long_name_gets_an_id_that_the_read_model_can_hold() -> None:
    order = order_after(PLACED)

    suggest(order, "Ⅷ" * 100)

    assert len(order.recorded[0].menu_id) == 100


def test_a_menu_is_suggested_once() -> None:
    with pytest.raises(MenuAlreadySuggested, match="“Vegan” was suggested"):
        suggest(order_after(PLACED, SUGGESTED))


def test_a_customer_confirms_a_menu() -> None:
    order = order_after(PLACED, SUGGESTED)

    order.confirm_for_customer("vegan")

    assert order.recorded == [CONFIRMED]


def test_a_customer_may_take_any_menu() -> None:
    order = order_after(PLACED, SUGGESTED)

    order.confirm_for_customer(None)

    assert order.recorded == [CustomerConfirmedMenu(order_id="1")]


def test_a_customer_declines_a_menu_with_a_reason() -> None:
    order = order_after(PLACED, SUGGESTED)

    order.decline_for_customer("vegan", reason="Too dear")

    assert order.recorded == [CustomerDeclinedMenu(order_id="1", menu_id="vegan", reason="Too dear")]


@pytest.mark.parametrize(
    "answer", [lambda order: order.confirm_for_customer("vegan"), lambda order: order.decline_for_customer("vegan")]
)
def test_an_answer_is_final(answer: Callable[[Order], None]) -> None:
    with pytest.raises(AlreadyAnswered, match="You had confirmed “Vegan” already") as refused:
        answer(order_after(PLACED, SUGGESTED, CONFIRMED))

    assert refused.value.answer == "confirmed"


def test_a_repeated_answer_is_told_so_even_after_the_order_was_closed() -> None:
    with pytest.raises(AlreadyAnswered):
        order_after(PLACED, SUGGESTED, CONFIRMED, OrderConfirmed(order_id="1")).confirm_for_customer("vegan")


@pytest.mark.parametrize("menu_id", ["meat", None])
def test_a_menu_that_was_not_suggested_cannot_be_confirmed(menu_id: str | None) -> None:
    with pytest.raises(MenuNotFound):
        order_after(PLACED).confirm_for_customer(menu_id)


def test_a_confirmed_order_names_its_menu() -> None:
    order = order_after(PLACED, SUGGESTED)

    order.confirm("vegan")

    assert order.recorded == [OrderConfirmed(order_id="1", menu_id="vegan")]


@pytest.mark.parametrize("closing", [OrderConfirmed(order_id="1"), OrderCancelled(order_id="1")])
@pytest.mark.parametrize(
    "change",
    [
        suggest,
        lambda order: order.confirm_for_customer("vegan"),
        lambda order: order.confirm(),
        lambda order: order.cancel(),
    ],
)
def test_nothing_changes_a_closed_order(closing: Event, change: Callable[[Order], None]) -> None:
    order = order_after(PLACED, SUGGESTED, closing)

    with pytest.raises(OrderClosed):
        change(order)

    assert order.recorded == []


def test_nothing_happens_to_an_order_that_was_never_placed() -> None:
    with pytest.raises(OrderNotFound, match="There is no order 1"):
        order_after().cancel()
