"""What customers and caterers see behind their signed links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catering import order_desk, signed_links
from catering.models import Caterer, OrderSummary
from event_store import WrongExpectedVersion, event_store
from event_store.testing import run_subscriptions
from tests.catering.conftest import confirm_both

CONFIRM = {"answer": "confirm", "menu_id": "vegan"}
DECLINE = {"answer": "decline", "menu_id": "vegan", "reason": "Too dear"}


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def customer(order: str) -> str:
    return signed_links.customer_path(order)


@pytest.fixture
def caterer_page(order: str) -> str:
    return signed_links.caterer_path(order, caterer_id="green-fork")


# ---- the links


@pytest.mark.parametrize("path", ["/customer/nonsense/", "/caterer/nonsense/", "/customer/a:b:c/", "/caterer/%00/"])
@pytest.mark.django_db
def test_a_link_that_we_did_not_sign_is_explained(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert "This link does not work" in text_of(response)


def test_a_link_that_was_tampered_with_answers_nothing(client: Client, customer: str) -> None:
    before = event_store.events.count()

    response = client.post(customer[:-2] + ("a" if customer[-2] != "a" else "b") + "/", CONFIRM)

    assert response.status_code == 404
    assert event_store.events.count() == before


def test_a_customers_link_does_not_open_a_caterers_page(client: Client, customer: str) -> None:
    assert client.get(customer.replace("/customer/", "/caterer/")).status_code == 404


def test_an_expired_link_is_explained(client: Client, customer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_month = (timezone.now() + signed_links.VALID_FOR).timestamp() + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: in_a_month)

    response = client.post(customer, CONFIRM)

    assert response.status_code == 410
    assert "This link has expired" in text_of(response)


def test_a_link_to_an_order_that_is_gone_is_explained(client: Client, customer: str, caterer_page: str) -> None:
    OrderSummary.objects.all().delete()
    assert client.get(customer).status_code == 404

    Caterer.objects.all().delete()
    assert client.get(caterer_page).status_code == 404


def test_the_pages_are_neither_cached_nor_indexed(client: Client, customer: str) -> None:
    response = client.get(customer)

    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Robots-Tag"] == "noindex"


def test_answers_need_a_token(customer: str) -> None:
    assert Client(enforce_csrf_checks=True).post(customer, CONFIRM).status_code == 403


def test_looking_changes_nothing(client: Client, customer: str, caterer_page: str) -> None:
    before = event_store.events.count()

    assert client.get(customer).status_code == client.get(caterer_page).status_code == 200
    assert event_store.events.count() == before


# ---- the customer


def test_the_customer_sees_menu_price_and_caterer(client: Client, customer: str) -> None:
    text = text_of(client.get(customer))

    assert "Friday, 17 May 2030" in text
    assert "€&nbsp;24.50" in text
    assert "by The Green Fork" in text
    assert "Confirm Vegan" in text


def test_the_customer_confirms(client: Client, customer: str, order: str) -> None:
    response = client.post(customer, CONFIRM, follow=True)

    assert response.redirect_chain == [(customer, 302)]
    assert "Thank you, your answer has been noted." in text_of(response)
    assert "We now wait for The Green Fork" in text_of(response)
    confirmed = event_store.events.in_stream(f"Order${order}").last()
    assert confirmed is not None
    assert (confirmed.data.menu_id, confirmed.metadata["answered_by"]) == ("vegan", "customer")
    assert confirmed.metadata["path"] == "/customer/…/"


def test_the_customer_is_thanked_once_and_waits_for_each_caterer_once(
    client: Client, customer: str, order: str, suggest: Callable[..., None]
) -> None:
    suggest(order, menu="Grill")
    suggest(order, menu="Tapas", caterer_id="casa-lucia")

    response = client.post(customer, {"answer": "any"}, follow=True)

    text = text_of(response)
    assert "We now wait for The Green Fork or casa-lucia</b> to confirm as well." in text
    assert text.count("Thank you") == 1


def test_the_customer_declines_with_a_reason(client: Client, customer: str, order: str) -> None:
    response = client.post(customer, DECLINE, follow=True)

    assert "You declined this menu" in text_of(response)
    last = event_store.events.in_stream(f"Order${order}").last()
    assert last is not None
    assert last.data.reason == "Too dear"


def test_the_customer_takes_any_menu(client: Client, customer: str, order: str, suggest: Callable[..., None]) -> None:
    suggest(order, menu="Grill")
    assert "Any of these is fine" in text_of(client.get(customer))

    response = client.post(customer, {"answer": "any"}, follow=True)

    assert text_of(response).count("Fine with you") == 2


def test_a_confirmation_that_is_sent_twice_counts_once(client: Client, customer: str, order: str) -> None:
    client.post(customer, CONFIRM)

    response = client.post(customer, CONFIRM, follow=True)

    assert "You had confirmed “Vegan” already. Nothing more to do." in text_of(response)
    assert event_store.events.in_stream(f"Order${order}").count() == 3


def test_an_answer_is_not_changed_by_another(client: Client, customer: str) -> None:
    client.post(customer, CONFIRM)

    response = client.post(customer, DECLINE, follow=True)

    assert "You had confirmed “Vegan” already. If that has changed, please call us." in text_of(response)


def test_any_menu_is_an_answer_only_where_it_is_offered(client: Client, customer: str, order: str) -> None:
    response = client.post(customer, {"answer": "any"})

    assert response.status_code == 409
    assert "Please answer for one of the menus below." in text_of(response)
    assert event_store.events.in_stream(f"Order${order}").count() == 2


def test_any_menu_that_is_sent_twice_counts_once(
    client: Client, customer: str, order: str, suggest: Callable[..., None]
) -> None:
    suggest(order, menu="Grill")
    client.post(customer, {"answer": "any"})

    response = client.post(customer, {"answer": "any"}, follow=True)

    assert "You had confirmed any of these menus already. Nothing more to do." in text_of(response)


def test_a_reason_that_cannot_be_read_is_refused_with_that_reason(client: Client, customer: str) -> None:
    response = client.post(customer, DECLINE | {"reason": "a\u202eb"})

    assert response.status_code == 400
    assert "because of your reason: There is a character in it that cannot be seen (U+202E)." in text_of(response)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"answer": "maybe"},
        {"answer": "confirm", "menu_id": "x" * 300},
        {"answer": "confirm", "menu_id": ""},
        {"answer": "decline"},
    ],
)
def test_an_answer_that_is_none_is_refused(client: Client, customer: str, answer: dict[str, str]) -> None:
    response = client.post(customer, answer)

    assert response.status_code == 400
    assert "We did not understand this answer" in text_of(response)


def test_a_menu_that_was_not_suggested_is_refused(client: Client, customer: str) -> None:
    response = client.post(customer, {"answer": "confirm", "menu_id": "caviar"})

    assert response.status_code == 409
    assert "This menu was not suggested for your order." in text_of(response)


def test_a_confirmed_order_is_shown_as_such(client: Client, customer: str, caterer_page: str, order: str) -> None:
    confirm_both(order)
    run_subscriptions()

    assert "Your order is confirmed: Vegan by The Green Fork." in text_of(client.get(customer))
    assert "The order is confirmed: please cook Vegan." in text_of(client.get(caterer_page))


def test_an_answer_to_a_confirmed_order_is_told_so(
    client: Client, customer: str, order: str, suggest: Callable[..., None]
) -> None:
    suggest(order, menu="Grill")
    confirm_both(order)
    run_subscriptions()

    response = client.post(customer, {"answer": "confirm", "menu_id": "grill"})

    assert response.status_code == 409
    assert f"Order {order} is confirmed already: nothing was changed." in text_of(response)


def test_a_cancelled_order_is_shown_as_such(client: Client, customer: str, caterer_page: str, order: str) -> None:
    order_desk.cancel_order(order)

    assert "This order was cancelled." in text_of(client.get(customer))
    assert "Please do not cook for it." in text_of(client.get(caterer_page))


def test_an_order_without_menus_says_that_they_will_come(client: Client, place: Callable[..., str]) -> None:
    assert "We are looking for a menu for you." in text_of(client.get(signed_links.customer_path(place())))


def test_a_conflict_that_lasts_is_explained(client: Client, customer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*args: object, **options: object) -> None:
        raise WrongExpectedVersion(stream="Order$1001", expected=1, actual=2)

    monkeypatch.setattr(order_desk, "answer_for_customer", conflict)

    response = client.post(customer, CONFIRM)

    assert response.status_code == 409
    assert "Something changed while you answered." in text_of(response)


# ---- the caterer


def test_the_caterer_sees_its_own_menus_only(
    client: Client, caterer_page: str, order: str, suggest: Callable[..., None]
) -> None:
    suggest(order, menu="Grill", caterer_id="fire-and-oak")

    text = text_of(client.get(caterer_page))

    assert "Yes, we cook Vegan" in text
    assert "Grill" not in text
    assert "Anna" not in text


@pytest.mark.parametrize(
    ("answer", "event", "words"),
    [
        (CONFIRM, "CatererConfirmedMenu", "You confirmed this menu"),
        (DECLINE, "CatererDeclinedMenu", "You declined this menu"),
    ],
)
def test_the_caterer_answers(
    client: Client,
    caterer_page: str,
    types_in: Callable[[str], list[str]],
    answer: dict[str, str],
    event: str,
    words: str,
) -> None:
    response = client.post(caterer_page, answer, follow=True)

    assert words in text_of(response)
    assert types_in("Caterer$green-fork") == ["MenuSuggested", event]


@pytest.mark.parametrize(("answer", "status"), [("confirm", 400), ("decline", 400), ("any", 409)])
def test_the_caterer_cannot_answer_without_a_menu(
    client: Client, caterer_page: str, types_in: Callable[[str], list[str]], answer: str, status: int
) -> None:
    assert client.post(caterer_page, {"answer": answer, "menu_id": ""}).status_code == status
    assert types_in("Caterer$green-fork") == ["MenuSuggested"]


def test_the_caterer_of_a_menu_that_was_not_taken_is_told(
    client: Client, order: str, suggest: Callable[..., None]
) -> None:
    suggest(order, menu="Grill", caterer_id="fire-and-oak")
    confirm_both(order)
    run_subscriptions()

    other = client.get(signed_links.caterer_path(order, caterer_id="fire-and-oak"))

    assert "The customer has taken another menu." in text_of(other)


def test_both_links_confirm_the_order(client: Client, customer: str, caterer_page: str, order: str) -> None:
    client.post(customer, CONFIRM)
    client.post(caterer_page, CONFIRM)
    run_subscriptions()

    assert OrderSummary.objects.get(pk=order).status == "confirmed"
