"""A project's panels and links in a real browser, under the strictest policy."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import catering.event_browser
from browser.extensions import Link, Panel, links_for_process, panel
from catering import order_desk
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.test_chromium import NARROW, TAGS
from tests.catering.conftest import DATE, confirm_both
from tests.catering.factories import CatererFactory
from tests.chromium import follow

pytestmark = pytest.mark.django_db(transaction=True)


class Failing(Panel):
    title = "Stock"
    template_name = "there/is/none.html"


class Moving(Panel):
    title = "Map"
    template_name = "catering/order_facts.html"

    class Media:
        js = ["admin/js/core.js"]


@pytest.fixture
def extended() -> None:
    """What the order desk adds, a panel that brings a script, one that fails, and a link with a hostile label."""
    importlib.reload(catering.event_browser)
    panel(on="process")(Moving)
    panel(on="process")(Failing)
    links_for_process()(lambda view, process: [Link("\u202e<b data-x>label", "/orders/")])


def confirmed_order() -> str:
    caterer = CatererFactory()
    order = order_desk.place_order(customer_name="Anna", guests=20, date=DATE)
    order_desk.suggest_menu(order, menu="Vegan", caterer_id=caterer.key, price_per_guest=Decimal("24.50"))
    confirm_both(order, caterer_id=caterer.key)
    run_subscriptions()
    return order


@pytest.mark.usefixtures("extended")
@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, True)])
def test_panels_and_links_live_under_the_strictest_policy(
    signed_in: Callable[..., Page], published: Any, dark: bool, phone: bool
) -> None:
    order = confirmed_order()
    options = {"viewport": NARROW} if phone else {}
    page = signed_in(f"{ADMIN}processes/CateringMatch/{order}/", dark=dark, phone=phone, **options)

    assert page.locator(".es-added h2").all_inner_texts() == ["The order", "Map", "Stock"]
    assert "This panel failed." in page.locator(".es-added").last.inner_text()
    assert page.locator(".es-links a").last.inner_text() == "U+202E<b data-x>label"
    assert page.evaluate("typeof quickElement") == "function"
    assert page.evaluate("[...document.styleSheets].some(each => each.href.endsWith('catering/event_browser.css'))")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = Axe().run(page, context=".es", options=TAGS).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
    follow(page.get_by_role("link", name=f"Open Order {order} in the admin"))
    follow(page.get_by_role("link", name="Process", exact=True))
    assert page.url.endswith(f"/processes/CateringMatch/{order}/")
