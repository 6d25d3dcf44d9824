"""The pages in Chromium: what people click through, and whether everybody can read it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from catering import order_desk, signed_links
from catering.models import OrderSummary
from event_store import event_store
from tests.catering.conftest import confirm_both
from tests.catering.factories import CatererFactory
from tests.chromium import follow

pytestmark = pytest.mark.django_db(transaction=True)

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
APPEARANCES = [(dark, phone) for dark in (False, True) for phone in (False, True)]


@pytest.fixture
def orders(place: Callable[..., str], suggest: Callable[..., None]) -> dict[str, str]:
    """One order in each state: its number by the state's name."""
    numbers = {state: place(customer_name=state, conditions="No nuts") for state in ("new", "both", "caterer", "done")}
    long_ago = timezone.now() - timedelta(days=9)
    for state in ("both", "caterer", "done"):
        with event_store.clock(lambda: long_ago):
            suggest(numbers[state])
            suggest(numbers[state], menu="A menu with quite a long name", caterer_id="oak", details="Steaks, corn")
    order_desk.answer_for_customer(numbers["caterer"], menu_id="vegan", confirms=True)
    confirm_both(numbers["done"])
    return numbers


@pytest.fixture
def signed_in(open_page: Callable[..., Page], db: None) -> Callable[..., Page]:
    """As `open_page`, signed in as a superuser."""
    get_user_model().objects.create_superuser("demo", password="demo")

    def signed_in(path: str, **options: Any) -> Page:
        page = open_page(f"/login/?next={path}", **options)
        page.fill("#id_username", "demo")
        page.fill("#id_password", "demo")
        follow(page.get_by_role("button", name="Sign in"))
        return page

    return signed_in


def restrict(page: Page) -> None:
    """From here on nothing but the site's own files is allowed; `new_context` fails on a violation."""

    def with_policy(route: Route) -> None:
        response = route.fetch(max_redirects=0)
        route.fulfill(response=response, headers=response.headers | {"content-security-policy": STRICT_POLICY})

    page.route("**/*", with_policy)


def assert_fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url


def assert_readable(page: Page) -> None:
    """It fits, and axe finds nothing to complain about."""
    assert_fits(page)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(("dark", "phone"), APPEARANCES)
def test_the_offices_pages_are_readable(
    signed_in: Callable[..., Page], orders: dict[str, str], dark: bool, phone: bool
) -> None:
    page = signed_in("/", dark=dark, phone=phone)
    board = ["/orders/", "/orders/?show=confirmed", "/orders/?q=o", "/orders/?q=done&show=stuck"]
    paths = ["/", *board, "/orders/new/", "/kitchen/", "/nowhere/"]

    for path in [*paths, *(f"/orders/{number}/" for number in orders.values())]:
        page.goto(path)
        assert_readable(page)


@pytest.mark.parametrize(("dark", "phone"), APPEARANCES)
def test_the_pages_of_visitors_are_readable(
    open_page: Callable[..., Page], orders: dict[str, str], dark: bool, phone: bool
) -> None:
    page = open_page("/login/?next=/orders/", dark=dark, phone=phone)
    assert_readable(page)
    page.goto("/customer/nonsense/")
    assert_readable(page)

    for number in orders.values():
        page.goto(signed_links.customer_path(number))
        assert_readable(page)
        page.goto(signed_links.caterer_path(number, caterer_id="green-fork"))
        assert_readable(page)


@pytest.mark.parametrize("width", [1280, 375])
def test_long_words_break_instead_of_sticking_out(
    signed_in: Callable[..., Page], place: Callable[..., str], suggest: Callable[..., None], width: int
) -> None:
    key = "k" * 50
    CatererFactory(key=key, name="N" * 100)
    orders = [place(customer_name="W" * 200, conditions="Z" * 1000) for _ in range(4)]
    for order in orders:
        suggest(order, menu="M" * 100, caterer_id=key, details="d" * 1000, price_per_guest=Decimal("999999.99"))
    waiting, declined, confirmed, cancelled = orders
    order_desk.answer_for_customer(waiting, menu_id="m" * 100, confirms=True)
    order_desk.answer_for_customer(declined, menu_id="m" * 100, confirms=False, reason="r" * 500)
    order_desk.answer_for_caterer(declined, caterer_id=key, menu_id="m" * 100, confirms=False, reason="r" * 500)
    confirm_both(confirmed, menu_id="m" * 100, caterer_id=key)
    order_desk.cancel_order(cancelled, reason="R" * 500)
    page = signed_in("/", viewport={"width": width, "height": 900}, is_mobile=width < 500)

    office = [
        "/orders/",
        "/orders/?show=confirmed",
        "/orders/?show=cancelled",
        "/orders/?q=W",
        f"/orders/?q={'W' * 300}",
        "/kitchen/",
    ]
    of_orders = [
        [f"/orders/{each}/", signed_links.customer_path(each), signed_links.caterer_path(each, caterer_id=key)]
        for each in orders
    ]
    for path in itertools.chain(office, *of_orders):
        page.goto(path)
        assert_fits(page)


def test_the_whole_navigation_is_in_sight_on_a_phone(signed_in: Callable[..., Page]) -> None:
    page = signed_in("/orders/", phone=True, viewport={"width": 375, "height": 812})

    links = page.get_by_role("navigation", name="Main").get_by_role("link").all()

    assert [each.inner_text() for each in links] == ["Orders", "New order", "Kitchen", "Event store", "Admin"]
    assert all(box["x"] + box["width"] <= 375 for each in links if (box := each.bounding_box()))


def test_no_page_needs_more_than_the_sites_own_files(signed_in: Callable[..., Page], orders: dict[str, str]) -> None:
    page = signed_in("/")
    restrict(page)
    paths = ["/", "/orders/", "/orders/new/", f"/orders/{orders['caterer']}/", "/kitchen/", "/nowhere/"]

    for path in [*paths, signed_links.customer_path(orders["both"]), "/customer/nonsense/"]:
        page.goto(path)
        assert page.locator("h1").evaluate("h1 => getComputedStyle(h1).fontWeight") == "300"

    # Chromium asks for the icon when it likes to.
    page.unroute_all(behavior="ignoreErrors")


def test_from_a_new_order_to_a_confirmed_one(signed_in: Callable[..., Page], caterer: Any) -> None:
    page = signed_in("/orders/new/")
    page.get_by_label("Customer").fill("Zoe")
    page.get_by_label("Guests").fill("30")
    page.get_by_label("Date of the event").fill(str(timezone.localdate() + timedelta(days=30)))
    follow(page.get_by_role("button", name="Place the order"))
    page.get_by_label("Menu", exact=True).fill("Grill")
    page.get_by_label("Caterer", exact=True).select_option("green-fork")
    page.get_by_label("Price per guest").fill("31.50")
    follow(page.get_by_role("button", name="Suggest it"))
    order_page = page.url

    links = page.locator("input[readonly]")
    for link in [links.nth(0).input_value(), links.nth(1).input_value()]:
        page.goto(link)
        follow(page.get_by_role("button", name="Grill").first)
        expect(page.get_by_text("Thank you, your answer has been noted.")).to_be_visible()

    page.goto(order_page)
    expect(page.get_by_text("because both confirmed “Grill”")).to_be_visible()
    assert OrderSummary.objects.get().status == "confirmed"


def test_a_wrong_field_gets_the_focus_and_keeps_what_was_typed(signed_in: Callable[..., Page]) -> None:
    page = signed_in("/orders/new/")
    page.get_by_label("Customer").fill("Zoe")
    page.get_by_label("Guests").fill("0")

    follow(page.get_by_role("button", name="Place the order"))

    expect(page.get_by_label("Guests")).to_be_focused()
    expect(page.get_by_label("Customer")).to_have_value("Zoe")
    assert_readable(page)
