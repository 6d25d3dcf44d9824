"""The office's pages: status, the words a reader looks for, bad input, permission, conflicts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from catering import order_desk
from catering.events import CatererConfirmedMenu, CustomerConfirmedMenu
from catering.models import OrderSummary
from event_store import event_store
from event_store.models import StoredEvent
from event_store.testing import run_subscriptions
from tests.catering.conftest import confirm_both
from tests.catering.factories import (
    CatererFactory,
    KitchenTicketFactory,
    MenuOfferFactory,
    OrderSummaryFactory,
    StaffFactory,
)

pytestmark = pytest.mark.django_db

OFFICE = ["/orders/", "/orders/new/", "/orders/1001/", "/orders/1001/menus/", "/orders/1001/cancel/", "/kitchen/"]
SOON = timezone.localdate() + timedelta(days=30)
NEW_ORDER = {"customer_name": "Anna", "guests": "20", "date": str(SOON), "conditions": "No nuts"}
MENU = {"menu": "Grill", "caterer": "green-fork", "price_per_guest": "30", "seen_version": "1"}


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


# ---- who may see them


@pytest.mark.parametrize("path", OFFICE)
def test_visitors_sign_in_first_and_come_back(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 302
    assert response.headers["Location"] == f"/login/?next={path}"


def test_staff_sign_in_on_a_page_of_the_site_and_sign_out(client: Client, django_user_model: Any) -> None:
    django_user_model.objects.create_user("anna", password="secret", is_staff=True)
    page = client.get("/login/?next=/kitchen/")
    assert "Sign in to the office" in text_of(page)
    assert 'href="/"' in text_of(page)
    assert "demo" not in text_of(page)

    wrong = client.post("/login/", {"username": "anna", "password": "wrong", "next": "/kitchen/"})
    assert "Please enter a correct username and password." in text_of(wrong)
    right = client.post("/login/", {"username": "anna", "password": "secret", "next": "/kitchen/"})
    assert right.headers["Location"] == "/kitchen/"
    assert client.post("/logout/").headers["Location"] == "/"
    assert client.get("/kitchen/").status_code == 302


def test_the_login_page_leads_to_no_other_site(client: Client, django_user_model: Any) -> None:
    django_user_model.objects.create_user("anna", password="secret")

    response = client.post("/login/", {"username": "anna", "password": "secret", "next": "https://evil.example/"})

    assert response.headers["Location"] == "/orders/"


@pytest.mark.parametrize(
    ("debug", "user", "named"), [(True, "demo", True), (True, "anna", False), (False, "demo", False)]
)
def test_the_login_page_names_the_demo_user_where_there_is_one(
    client: Client, settings: Any, django_user_model: Any, debug: bool, user: str, named: bool
) -> None:
    django_user_model.objects.create_user(user, password=user)
    settings.DEBUG = debug

    assert ("with the password <b>demo</b>" in text_of(client.get("/login/"))) == named


@pytest.mark.parametrize("path", OFFICE)
def test_users_who_are_not_staff_are_told_so(client: Client, path: str) -> None:
    client.force_login(StaffFactory(is_staff=False))

    response = client.get(path)

    assert response.status_code == 403
    assert "You may not see this page" in text_of(response)


def test_forms_need_a_token(order: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(StaffFactory())

    assert client.post(f"/orders/{order}/menus/", MENU).status_code == 403
    assert client.post("/orders/new/", NEW_ORDER).status_code == 403


# ---- the front page


def test_the_front_page_leads_to_an_order_that_waits_for_its_caterer(client: Client, order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)

    assert f"Order {order} waits for its caterer" in text_of(client.get("/"))


def test_the_front_page_says_in_which_streams_the_confirmations_stand(client: Client, order: str) -> None:
    confirm_both(order)
    run_subscriptions()

    streams = [
        {place.stream for place in event_store.streams_of(each)}
        for each in event_store.events.of_type(CustomerConfirmedMenu, CatererConfirmedMenu)
    ]
    assert streams == [
        {f"Order${order}", f"CateringMatch${order}"},
        {"Caterer$green-fork", f"CateringMatch${order}"},
    ]
    text = text_of(client.get("/"))
    assert "the customer’s in the order’s stream, the caterer’s in the caterer’s" in text
    assert "so each stands in two streams" in text


def test_the_front_page_of_an_empty_store_leads_to_the_board(client: Client) -> None:
    assert 'href="/orders/"' in text_of(client.get("/"))


def test_the_front_page_names_the_demo_user_with_debug_only(client: Client, settings: Any) -> None:
    without = text_of(client.get("/"))
    settings.DEBUG = True

    assert "<b>demo</b>" in text_of(client.get("/"))
    assert "<b>demo</b>" not in without


# ---- the board


def test_the_board_says_what_each_order_waits_for(staff_client: Client, order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)

    text = text_of(staff_client.get("/orders/"))
    assert "The Green Fork</span> to confirm Vegan" in text
    assert f'href="/orders/{order}/"' in text


def test_since_when_an_order_waits_reads_as_one_sentence(staff_client: Client) -> None:
    order = OrderSummaryFactory(waiting_since=timezone.now() - timedelta(hours=9, minutes=1))
    since = order.waiting_since.strftime("%-d %b %H:%M")

    board = " ".join(strip_tags(text_of(staff_client.get("/orders/"))).split())
    page = " ".join(strip_tags(text_of(staff_client.get(order.get_absolute_url()))).split())

    assert f"9 h, since {since}" in board
    assert f"for 9 h, since {since} UTC" in page


def test_the_board_shows_the_longest_waiting_first(staff_client: Client) -> None:
    now = timezone.now()
    for order_id, hours in (("1", 1), ("2", 90), ("3", 5)):
        OrderSummaryFactory(order_id=order_id, waiting_since=now - timedelta(hours=hours))

    response = staff_client.get("/orders/")

    assert [each.order_id for each in response.context["orders"]] == ["2", "3", "1"]
    assert text_of(response).count('aria-label="stuck"') == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"both", "caterer", "stuck"}),
        ("show=both", {"both", "stuck"}),
        ("show=caterer", {"caterer"}),
        ("show=stuck", {"stuck"}),
        ("show=confirmed", {"confirmed"}),
        ("show=cancelled", {"cancelled"}),
        ("show=nonsense", {"both", "caterer", "stuck"}),
        ("q=zoe", {"both", "confirmed"}),
        ("q=%20Zoe%20", {"both", "confirmed"}),
        ("q=zoe&show=confirmed", {"confirmed"}),
        ("q=zoe&show=nonsense", {"both", "confirmed"}),
        ("q=zoe&caterer=oak", set()),
        ("q=%00", {"both", "caterer", "stuck"}),
        ("q=<script>", set()),
        ("caterer=oak", {"caterer"}),
        ("caterer=nobody", set()),
    ],
)
def test_the_board_is_filtered(staff_client: Client, query: str, shown: set[str]) -> None:
    OrderSummaryFactory(order_id="both", customer_name="Zoe")
    waits = OrderSummaryFactory(order_id="caterer", waiting_for="caterer")
    MenuOfferFactory.create_batch(2, order=waits, caterer=CatererFactory(key="oak"), customer_answer="confirmed")
    OrderSummaryFactory(order_id="stuck", waiting_since=timezone.now() - timedelta(days=9))
    closed = {"closed_at": timezone.now(), "waiting_for": ""}
    OrderSummaryFactory(order_id="confirmed", customer_name="Zoe", status="confirmed", **closed)
    OrderSummaryFactory(order_id="cancelled", status="cancelled", **closed)

    response = staff_client.get(f"/orders/?{query}")

    assert {each.order_id for each in response.context["orders"]} == shown
    assert "<script>" not in text_of(response)


@pytest.mark.parametrize("status", ["open", "confirmed", "cancelled"])
def test_the_number_of_an_order_leads_to_its_page_whatever_its_status(staff_client: Client, status: str) -> None:
    OrderSummaryFactory(order_id="1178", status=status, closed_at=timezone.now())

    for query in ("q=1178", "q=%201178%20", "q=1178&show=both"):
        assert staff_client.get(f"/orders/?{query}").headers["Location"] == "/orders/1178/"
    assert "No order fits." in text_of(staff_client.get("/orders/?q=117"))


def test_a_search_lists_every_order_that_fits_with_its_status_the_open_ones_first(staff_client: Client) -> None:
    for status in ("cancelled", "open", "confirmed"):
        OrderSummaryFactory(order_id=status, customer_name="Zoe and Max", status=status, closed_at=timezone.now())

    response = staff_client.get("/orders/?q=zoe+and+max")

    assert [each.order_id for each in response.context["orders"]] == ["open", "confirmed", "cancelled"]
    rows = [strip_tags(each) for each in text_of(response).split("<tr>")[2:]]
    for word, row in zip(("Open", "Confirmed", "Cancelled"), rows, strict=True):
        assert word in row
    assert "No open order fits" not in text_of(response)


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (["confirmed"], "1 confirmed one does."),
        (["confirmed", "confirmed"], "2 confirmed ones do."),
        (["cancelled", "confirmed"], "1 confirmed and 1 cancelled do."),
    ],
)
def test_a_search_without_an_open_order_says_what_fits(staff_client: Client, statuses: list[str], words: str) -> None:
    for status in statuses:
        OrderSummaryFactory(customer_name="Zoe", status=status, closed_at=timezone.now())

    response = staff_client.get("/orders/?q=zoe")

    assert f"No open order fits; {words}" in text_of(response)
    assert len(response.context["orders"]) == len(statuses)


def test_a_state_in_which_nothing_fits_leads_to_what_does(staff_client: Client) -> None:
    OrderSummaryFactory(customer_name="Zoe", status="confirmed", closed_at=timezone.now())

    text = text_of(staff_client.get("/orders/?q=zoe&show=stuck"))

    assert "No order in this state fits; 1 confirmed one does." in text
    assert '<a href="?q=zoe&amp;caterer=">Show all that fit.</a>' in text


def test_a_new_search_is_not_narrowed_by_the_state_shown_before(staff_client: Client) -> None:
    text = text_of(staff_client.get("/orders/?show=confirmed"))

    assert "<form" in text
    assert 'name="show"' not in text


@pytest.mark.parametrize("query", ["show=both", "q=zoe", "show=confirmed", "show=cancelled&q=zoe"])
def test_the_board_is_paged(staff_client: Client, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catering.views.Board.page_size", 2)
    now = timezone.now()
    for status in ("open", "confirmed", "cancelled"):
        # Some rows share their moment: the number tells them apart.
        for each in (now, now, now, now - timedelta(hours=1), now - timedelta(hours=2)):
            OrderSummaryFactory(customer_name="Zoe", status=status, placed_at=each, waiting_since=each, closed_at=each)
    shown, address = [], f"/orders/?{query}"

    while True:
        response = staff_client.get(address)
        shown += [each.order_id for each in response.context["orders"]]
        assert len(response.context["orders"]) <= 2
        if not response.context["next_after"]:
            break
        assert 'rel="next"' in text_of(response)
        address = f"/orders/?{urlencode({'after': response.context['next_after']})}&{query}"
    assert "First page" in text_of(response)
    assert 'rel="next"' not in text_of(response)
    assert len(shown) == len(set(shown)) == (15 if query == "q=zoe" else 5)


@pytest.mark.parametrize(
    "after",
    [
        "nonsense", "~", "~1", "2030-01-01T00:00:00~1", "2030-01-01~1", "2030-13-01T00:00:00+00:00~1",
        "0001-01-01T00:00:00+14:00~1", "2030-01-01T00:00:00+00:00~%00", "%ED%A0%80~1",
    ],
)  # fmt: skip
def test_a_page_that_begins_nowhere_is_not_found(staff_client: Client, after: str) -> None:
    assert staff_client.get(f"/orders/?after={after}").status_code == 404


def test_a_page_whose_orders_have_gone_leads_back(staff_client: Client) -> None:
    text = text_of(staff_client.get("/orders/?after=2030-01-01T00:00:00%2B00:00~1"))

    assert "No order comes after these." in text
    assert 'href="?">First page' in text or 'href="/orders/">First page' in text


def test_the_board_takes_as_many_queries_for_many_orders_as_for_few(
    staff_client: Client, django_assert_max_num_queries: Any
) -> None:
    MenuOfferFactory.create_batch(40)

    for query in ("", "q=a", "show=both"):
        with django_assert_max_num_queries(11):
            staff_client.get(f"/orders/?{query}")


def test_an_empty_board_says_how_to_fill_it(staff_client: Client) -> None:
    assert "No order is open." in text_of(staff_client.get("/orders/"))


# ---- a new order


def test_a_new_order_is_placed(staff_client: Client) -> None:
    response = staff_client.post("/orders/new/", NEW_ORDER | {"event_id": str(uuid4())}, follow=True)

    assert response.redirect_chain == [("/orders/1001/", 302)]
    assert "Order 1001 is placed." in text_of(response)
    placed = event_store.events.first()
    assert placed is not None
    assert placed.metadata["user"].startswith("staff")


def test_a_new_order_that_is_sent_twice_is_placed_once(staff_client: Client) -> None:
    order = NEW_ORDER | {"event_id": str(uuid4())}
    staff_client.post("/orders/new/", order)

    response = staff_client.post("/orders/new/", order, follow=True)

    assert "it is order 1001, placed once" in text_of(response)
    assert OrderSummary.objects.count() == 1


def test_a_page_that_has_placed_an_order_asks_before_it_places_another(staff_client: Client) -> None:
    sent = NEW_ORDER | {"event_id": str(uuid4())}
    staff_client.post("/orders/new/", sent)

    response = staff_client.post("/orders/new/", sent | {"guests": "25"})

    assert response.status_code == 409
    assert "This page has placed order 1001 already, with other data" in text_of(response)
    assert 'value="25"' in text_of(response)
    again = staff_client.post("/orders/new/", response.context["form"].data)
    assert again.headers["Location"] == "/orders/1002/"
    assert list(OrderSummary.objects.order_by("order_id").values_list("guests", flat=True)) == [20, 25]


def test_an_id_that_belongs_to_another_event_is_refused(staff_client: Client, order: str) -> None:
    suggested = event_store.events.in_stream(f"Order${order}").last()
    assert suggested is not None

    response = staff_client.post("/orders/new/", NEW_ORDER | {"event_id": str(suggested.id)})

    assert "This page is out of date" in text_of(response)


def test_a_wrong_order_is_shown_again_with_what_was_typed(staff_client: Client) -> None:
    response = staff_client.post("/orders/new/", NEW_ORDER | {"event_id": str(uuid4()), "guests": "0"})

    text = text_of(response)
    assert response.status_code == 200
    assert "greater than or equal to 1" in text
    assert 'value="Anna"' in text
    assert 'aria-invalid="true"' in text
    assert StoredEvent.objects.count() == 0


# ---- one order


def test_the_order_page_shows_its_menus_links_and_history(staff_client: Client, order: str) -> None:
    text = text_of(staff_client.get(f"/orders/{order}/"))

    assert "€&nbsp;24.50" in text
    assert "http://testserver/customer/" in text
    assert "http://testserver/caterer/" in text
    assert "Caterer$green-fork" in text


def test_the_order_page_says_why_the_process_sent_its_command(staff_client: Client, order: str) -> None:
    confirm_both(order)
    run_subscriptions()

    text = text_of(staff_client.get(f"/orders/{order}/"))

    assert "because both confirmed “Vegan”" in text
    assert text.count(f"CateringMatch${order}") >= 3
    assert "Suggest another menu" not in text


@pytest.mark.parametrize("menus", [0, 1])
def test_the_process_of_a_cancelled_order_is_not_called_complete(
    staff_client: Client, place: Callable[..., str], suggest: Callable[..., None], menus: int
) -> None:
    order = place()
    for _ in range(menus):
        suggest(order)
    order_desk.cancel_order(order, reason="Rain")
    run_subscriptions()

    text = text_of(staff_client.get(f"/orders/{order}/"))

    assert "ended when the order was cancelled; it sent no command" in text
    assert "is complete" not in text


def test_the_order_page_says_what_the_process_waits_for(staff_client: Client, order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
    run_subscriptions()

    assert "</svg>CatererConfirmedMenu" in text_of(staff_client.get(f"/orders/{order}/"))


def test_what_people_typed_is_escaped(
    staff_client: Client, place: Callable[..., str], suggest: Callable[..., None]
) -> None:
    evil = "<script>alert(1)</script>"
    order = place(customer_name=evil, conditions=evil)
    suggest(order, menu=evil, details=evil)
    order_desk.answer_for_customer(order, menu_id="scriptalert1script", confirms=False, reason=evil)

    for path in (f"/orders/{order}/", "/orders/"):
        assert "<script" not in text_of(staff_client.get(path))


def test_an_order_that_does_not_exist_is_not_found(staff_client: Client) -> None:
    assert staff_client.get("/orders/9999/").status_code == 404
    assert staff_client.post("/orders/9999/menus/", MENU).status_code == 404


def test_a_menu_is_suggested(staff_client: Client, order: str) -> None:
    response = staff_client.post(f"/orders/{order}/menus/", MENU, follow=True)

    assert "The menu is suggested." in text_of(response)
    assert event_store.events.in_stream("Caterer$green-fork").count() == 2


def test_a_wrong_menu_is_shown_again(staff_client: Client, order: str) -> None:
    response = staff_client.post(f"/orders/{order}/menus/", MENU | {"price_per_guest": "dear"})

    assert "Enter a number." in text_of(response)
    assert 'value="Grill"' in text_of(response)


def test_a_menu_that_was_suggested_before_is_refused(staff_client: Client, order: str) -> None:
    response = staff_client.post(f"/orders/{order}/menus/", MENU | {"menu": "vegan"})

    assert response.status_code == 409
    assert response.context["suggest_form"].errors == {
        "menu": ["“Vegan” was suggested for this order already: name it differently."]
    }
    assert "“Vegan” was suggested for this order already" in text_of(response)


def test_an_order_that_has_changed_meanwhile_is_shown_with_what_changed(staff_client: Client, order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)

    response = staff_client.post(f"/orders/{order}/menus/", MENU)

    text = text_of(response)
    assert response.status_code == 409
    assert "This order has changed since you opened the page." in text
    assert "The customer confirmed “Vegan”." in text
    assert 'value="Grill"' in text
    assert event_store.events.in_stream(f"Order${order}").count() == 3


def test_what_was_refused_for_a_change_can_be_sent_again(staff_client: Client, order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
    shown_again = staff_client.post(f"/orders/{order}/menus/", MENU).context["suggest_form"]

    response = staff_client.post(f"/orders/{order}/menus/", shown_again.data)

    assert response.status_code == 302


def test_an_order_is_cancelled(staff_client: Client, order: str) -> None:
    cancel = {"cancel-reason": "Rain", "cancel-seen_version": "1"}

    response = staff_client.post(f"/orders/{order}/cancel/", cancel, follow=True)

    assert "The order is cancelled." in text_of(response)
    again = staff_client.post(f"/orders/{order}/cancel/", cancel | {"cancel-seen_version": "2"})
    assert again.status_code == 409
    assert "is cancelled already" in text_of(again)


@pytest.mark.parametrize("action", ["menus", "cancel"])
def test_a_forms_address_leads_back_to_the_order(staff_client: Client, order: str, action: str) -> None:
    assert staff_client.get(f"/orders/{order}/{action}/").headers["Location"] == f"/orders/{order}/"


# ---- the kitchen


def test_the_kitchen_sees_what_is_to_be_cooked(staff_client: Client) -> None:
    KitchenTicketFactory(menu="Vegan", order__conditions="No nuts")
    KitchenTicketFactory(menu="Eaten", order__date=timezone.localdate() - timedelta(days=1))

    text = text_of(staff_client.get("/kitchen/"))

    assert "Vegan" in text
    assert "No nuts" in text
    assert "Eaten" not in text


def test_an_empty_kitchen_says_when_that_changes(staff_client: Client) -> None:
    assert "Nothing yet." in text_of(staff_client.get("/kitchen/"))


def test_a_page_that_does_not_exist_looks_like_the_site(client: Client) -> None:
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert "There is no such page" in text_of(response)
