"""What a new user does first: from the order that waits for its caterer to the event that stands in two streams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page

from catering import order_desk
from tests.catering.factories import CatererFactory
from tests.chromium import follow


@pytest.fixture
def order(transactional_db: None) -> str:
    """An order that its customer has confirmed and its caterer has not."""
    caterer = CatererFactory(key="green-fork", name="The Green Fork")
    order = order_desk.place_order(customer_name="Anna", guests=20, date=dt.date(2030, 5, 17))
    order_desk.suggest_menu(order, menu="Vegan", caterer_id=caterer.key, price_per_guest=Decimal("24.50"))
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
    return order


@pytest.fixture
def page(order: str, open_page: Callable[..., Page], live_server: Any) -> Page:
    client = Client()
    client.force_login(User.objects.create_superuser("demo"))
    page = open_page("/")
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key, "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    return page


def test_from_the_waiting_order_to_the_process_to_the_event_to_its_other_stream(page: Page, order: str) -> None:
    page.goto("/")
    follow(page.get_by_role("link", name=f"Order {order} waits for its caterer"))
    assert "The Green Fork" in page.locator("main").inner_text()

    follow(page.get_by_role("link", name=f"CateringMatch${order}").first)
    facts = page.locator(".es-facts").first.inner_text()
    assert "Waiting for" in facts
    assert "CatererConfirmedMenu" in facts

    follow(page.locator(".es-step").get_by_role("link", name="CustomerConfirmedMenu"))
    assert "Stored once, shown in 2 streams." in page.locator("#es").inner_text()

    follow(page.locator("#es table").get_by_role("link", name=f"Order${order}"))
    assert page.locator("h1.es-title").inner_text() == f"Order${order}"

    follow(page.locator("#es").get_by_role("link", name="OrderPlaced"))
    assert "Anna" in page.locator(".es-json").inner_text()


def test_the_caterers_confirmation_confirms_the_order_and_says_why(page: Page, order: str) -> None:
    order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=True)
    page.goto(f"/orders/{order}/")
    assert "Confirmed" in page.locator("main").inner_text()

    follow(page.get_by_role("link", name="OrderConfirmed"))
    causes = page.locator(".es-chain").inner_text()

    assert "CatererConfirmedMenu" in causes
    assert "because both confirmed “Vegan”" in causes
