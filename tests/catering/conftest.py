"""Orders in the states that tests start from, made through the order desk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from catering import order_desk
from catering.waiting import WaitingFor
from event_store import event_store
from tests.catering.factories import CatererFactory, StaffFactory

DATE = dt.date(2030, 5, 17)

# What a process waits for where the order desk waits for somebody.
AWAITED = {
    WaitingFor.MENU: "catering.MenuSuggested",
    WaitingFor.BOTH: "catering.CustomerConfirmedMenu & catering.CatererConfirmedMenu",
    WaitingFor.CUSTOMER: "catering.CustomerConfirmedMenu",
    WaitingFor.CATERER: "catering.CatererConfirmedMenu",
}


@pytest.fixture
def caterer(db: None) -> Any:
    return CatererFactory(key="green-fork", name="The Green Fork")


@pytest.fixture
def place(db: None) -> Callable[..., str]:
    """`place(customer_name="Anna")` gives the number of a new order."""

    def place(**given: Any) -> str:
        return order_desk.place_order(**{"customer_name": "Anna", "guests": 20, "date": DATE} | given)

    return place


@pytest.fixture
def suggest(caterer: Any) -> Callable[..., None]:
    """`suggest("1001", menu="Vegan")` suggests a menu by the Green Fork."""

    def suggest(order_id: str, **given: Any) -> None:
        menu = {"menu": "Vegan", "caterer_id": caterer.key, "price_per_guest": Decimal("24.50")}
        order_desk.suggest_menu(order_id, **menu | given)

    return suggest


@pytest.fixture
def order(place: Callable[..., str], suggest: Callable[..., None]) -> str:
    """The number of an order with one suggested menu, "vegan" of the caterer "green-fork"."""
    order_id = place()
    suggest(order_id)
    return order_id


@pytest.fixture
def staff_client(db: None) -> Client:
    client = Client()
    client.force_login(StaffFactory())
    return client


@pytest.fixture
def types_in() -> Callable[[str], list[str]]:
    """The names of the events of a stream, in order."""
    return lambda stream: [each.type.removeprefix("catering.") for each in event_store.events.in_stream(stream)]


def confirm_both(order_id: str, *, menu_id: str = "vegan", caterer_id: str = "green-fork") -> None:
    order_desk.answer_for_customer(order_id, menu_id=menu_id, confirms=True)
    order_desk.answer_for_caterer(order_id, caterer_id=caterer_id, menu_id=menu_id, confirms=True)
