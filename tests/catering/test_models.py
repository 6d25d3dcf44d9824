from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from catering.models import OrderSummary
from catering.waiting import WaitingFor
from tests.catering.factories import CatererFactory, KitchenTicketFactory, MenuOfferFactory, OrderSummaryFactory

pytestmark = pytest.mark.django_db


def test_an_order_is_stuck_after_48_hours() -> None:
    now = timezone.now()
    fresh = OrderSummaryFactory(waiting_since=now - timedelta(hours=47))
    stuck = OrderSummaryFactory(waiting_since=now - timedelta(hours=49))

    assert list(OrderSummary.objects.stuck(now)) == [stuck]
    assert (fresh.is_stuck(now), stuck.is_stuck(now)) == (False, True)


def test_a_closed_order_is_never_stuck() -> None:
    closed = OrderSummaryFactory(status="confirmed", waiting_since=None)

    assert not closed.is_stuck(timezone.now() + timedelta(days=9))


@pytest.mark.parametrize(
    ("waiting_for", "takes_any", "awaited"),
    [
        (WaitingFor.CATERER, False, ["wanted"]),
        (WaitingFor.CATERER, True, ["wanted", "offered", "open"]),
        (WaitingFor.CUSTOMER, False, ["offered"]),
        (WaitingFor.BOTH, False, ["wanted", "offered", "open"]),
    ],
)
def test_which_menus_an_answer_is_awaited_for(waiting_for: WaitingFor, takes_any: bool, awaited: list[str]) -> None:
    order = OrderSummaryFactory(waiting_for=waiting_for, takes_any_since=timezone.now() if takes_any else None)
    MenuOfferFactory(order=order, menu_id="wanted", customer_answer="confirmed")
    MenuOfferFactory(order=order, menu_id="offered", caterer_answer="confirmed")
    MenuOfferFactory(order=order, menu_id="open")
    MenuOfferFactory(order=order, menu_id="refused", caterer_answer="declined")

    assert [each.menu_id for each in order.awaited_offers()] == awaited


def test_rows_say_what_they_are() -> None:
    caterer = CatererFactory(name="The Green Fork")
    ticket = KitchenTicketFactory(order=OrderSummaryFactory(order_id="7"), menu="Vegan")

    assert str(MenuOfferFactory(menu="Vegan", caterer=caterer)) == "Vegan by The Green Fork"
    assert str(ticket) == "Order 7: Vegan"
