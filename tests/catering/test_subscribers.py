from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from catering import order_desk
from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    MenuSuggested,
    OrderCancelled,
    OrderConfirmed,
)
from catering.models import Caterer, KitchenTicket, MenuOffer, OrderSummary
from catering.waiting import WaitingFor
from event_store import Event, event_store
from event_store.models import Subscription
from event_store.testing import run_subscriptions
from tests.catering.conftest import DATE, confirm_both


def test_a_placed_order_waits_for_a_menu(place: Callable[..., str]) -> None:
    place(customer_name="Anna", guests=20, conditions="No nuts")

    order = OrderSummary.objects.get()
    assert (order.customer_name, order.guests, order.date, order.conditions) == ("Anna", 20, DATE, "No nuts")
    assert (order.status, order.waiting_for, order.waiting_since) == ("open", WaitingFor.MENU, order.placed_at)


def test_a_suggested_menu_is_offered(order: str) -> None:
    offer = MenuOffer.objects.get()

    assert (offer.order_id, offer.menu, offer.caterer_id, offer.total) == (order, "Vegan", "green-fork", Decimal(490))
    assert offer.order.waiting_for == WaitingFor.BOTH


def test_a_caterer_that_nobody_entered_is_known_by_its_key(order: str, suggest: Callable[..., None]) -> None:
    suggest(order, menu="Grill", caterer_id="fire-and-oak")

    assert Caterer.objects.get(key="fire-and-oak").name == "fire-and-oak"


def test_since_when_it_waits_is_when_that_has_changed(order: str) -> None:
    later = timezone.now() + timedelta(hours=5)
    with event_store.clock(lambda: later):
        order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)

    summary = OrderSummary.objects.get()
    assert (summary.waiting_for, summary.waiting_since) == (WaitingFor.CATERER, later)


def test_an_event_that_changes_nothing_about_the_waiting_leaves_since_when(
    order: str, suggest: Callable[..., None]
) -> None:
    since = OrderSummary.objects.get().waiting_since

    suggest(order, menu="Grill")

    assert OrderSummary.objects.get().waiting_since == since


def test_answers_are_shown_with_their_reasons(order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=False, reason="Too dear")
    order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=False, reason="Full")

    offer = MenuOffer.objects.get()
    assert (offer.customer_answer, offer.customer_reason) == ("declined", "Too dear")
    assert (offer.caterer_answer, offer.caterer_reason) == ("declined", "Full")
    assert offer.order.waiting_for == WaitingFor.MENU


def test_a_caterer_that_names_no_menu_answers_for_all_of_its_menus(order: str, suggest: Callable[..., None]) -> None:
    suggest(order, menu="Grill")
    suggest(order, menu="Fish", caterer_id="harbour")

    event_store.publish(CatererConfirmedMenu(order_id=order, caterer_id="green-fork"), stream="Caterer$green-fork")

    assert list(MenuOffer.objects.values_list("caterer_answer", flat=True)) == ["confirmed", "confirmed", ""]


def test_taking_any_menu_waits_for_a_caterer(order: str) -> None:
    order_desk.answer_for_customer(order, menu_id=None, confirms=True)

    assert OrderSummary.objects.get().waiting_for == WaitingFor.CATERER


def test_a_confirmed_order_waits_for_nobody(order: str) -> None:
    confirm_both(order)
    run_subscriptions()

    summary = OrderSummary.objects.get()
    assert (summary.status, summary.waiting_for, summary.waiting_since) == ("confirmed", WaitingFor.NOBODY, None)
    assert summary.confirmed_menu == "Vegan"
    assert summary.closed_at is not None


def test_a_cancelled_order_says_why(order: str) -> None:
    order_desk.cancel_order(order, reason="Rain")

    summary = OrderSummary.objects.get()
    assert (summary.status, summary.cancel_reason, summary.waiting_for) == ("cancelled", "Rain", WaitingFor.NOBODY)


def test_the_kitchen_is_told_once(order: str) -> None:
    confirm_both(order)
    run_subscriptions()
    assert Subscription.objects.filter(name="catering.subscribers.tell_the_kitchen", checkpoint__gt=0).exists()

    run_subscriptions()

    ticket = KitchenTicket.objects.get()
    assert (ticket.order_id, ticket.menu, ticket.caterer_id) == (order, "Vegan", "green-fork")


def test_the_kitchen_is_told_of_an_order_whose_menu_was_never_named(order: str) -> None:
    event_store.publish(OrderConfirmed(order_id=order), stream=f"Order${order}")

    run_subscriptions()

    assert (KitchenTicket.objects.get().menu, KitchenTicket.objects.get().caterer) == ("", None)


@pytest.mark.parametrize(
    "event",
    [
        MenuSuggested(order_id="9", menu_id="a", menu="A", caterer_id="b", price_per_guest=Decimal(1)),
        CustomerConfirmedMenu(order_id="9", menu_id="a"),
        CatererDeclinedMenu(order_id="9", caterer_id="b", menu_id="a"),
        OrderConfirmed(order_id="9"),
        OrderCancelled(order_id="9"),
    ],
)
def test_events_of_an_order_that_was_never_placed_are_not_shown(db: None, event: Event) -> None:
    event_store.publish(event, stream="Other$9")
    run_subscriptions("catering.subscribers.tell_the_kitchen")

    assert OrderSummary.objects.count() == KitchenTicket.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_the_same_moment_confirm_the_order_once(order: str) -> None:
    ready = threading.Barrier(2, timeout=30)
    answers = [
        lambda: order_desk.answer_for_customer(order, menu_id="vegan", confirms=True),
        lambda: order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=True),
    ]

    def answer(do: Callable[[], None]) -> None:
        try:
            ready.wait()
            do()
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=[each]) for each in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_subscriptions()

    assert event_store.events.of_type(OrderConfirmed).count() == 1
    summary = OrderSummary.objects.get()
    assert (summary.status, summary.confirmed_menu) == ("confirmed", "Vegan")
    assert list(MenuOffer.objects.values_list("customer_answer", "caterer_answer")) == [("confirmed", "confirmed")]


@pytest.mark.django_db(transaction=True)
def test_an_answer_sees_the_one_that_commits_just_before_it(order: str, suggest: Callable[..., None]) -> None:
    suggest(order, menu="Grill")
    answered = threading.Event()

    def answer_for_caterer() -> None:
        try:
            answered.wait(timeout=30)
            order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="grill", confirms=True)
        finally:
            connection.close()

    caterer = threading.Thread(target=answer_for_caterer)
    caterer.start()
    with event_store.atomic():
        order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
        answered.set()
        caterer.join(timeout=0.5)
        assert caterer.is_alive()
    caterer.join()

    assert OrderSummary.objects.get().waiting_for == WaitingFor.CATERER
