"""What the board shows: every order with its menus and answers, folded from the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    MenuSuggested,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
)
from catering.models import Caterer, MenuOffer, OrderSummary
from catering.waiting import Answer
from event_store import Projection, RecordedEvent


class OrderBoard(Projection):
    """In the publisher's transaction: whoever has answered sees it on the next page."""

    reacts_to = (
        OrderPlaced, MenuSuggested, CustomerConfirmedMenu, CustomerDeclinedMenu, CatererConfirmedMenu,
        CatererDeclinedMenu, OrderConfirmed, OrderCancelled,
    )  # fmt: skip
    models = (OrderSummary, MenuOffer)
    inline = True

    def handle(self, event: RecordedEvent[Any]) -> None:
        match event.data:
            case OrderPlaced():
                _show_new_order(event)
            case MenuSuggested():
                _show_suggested_menu(event)
            case CustomerConfirmedMenu() | CustomerDeclinedMenu():
                _show_customers_answer(event)
            case CatererConfirmedMenu() | CatererDeclinedMenu():
                _show_caterers_answer(event)
            case OrderConfirmed():
                _show_confirmed_order(event)
            case OrderCancelled():
                _show_cancelled_order(event)


def _show_new_order(event: RecordedEvent[OrderPlaced]) -> None:
    placed = event.data
    order = OrderSummary(
        order_id=placed.order_id,
        customer_name=placed.customer_name,
        guests=placed.guests,
        date=placed.date,
        conditions=placed.conditions,
        placed_at=event.recorded_at,
    )
    order.note_waiting(event.recorded_at)


def _show_suggested_menu(event: RecordedEvent[MenuSuggested]) -> None:
    suggested = event.data
    if order := _locked(suggested.order_id):
        caterer, _ = Caterer.objects.get_or_create(key=suggested.caterer_id, defaults={"name": suggested.caterer_id})
        order.offers.create(
            menu_id=suggested.menu_id,
            menu=suggested.menu,
            details=suggested.details,
            caterer=caterer,
            price_per_guest=suggested.price_per_guest,
            suggested_at=event.recorded_at,
        )
        order.note_waiting(event.recorded_at)


def _show_customers_answer(event: RecordedEvent[Any]) -> None:
    if order := _locked(event.data.order_id):
        if event.data.menu_id is None:
            order.takes_any_since = event.recorded_at
        order.offers.filter(menu_id=event.data.menu_id).update(
            customer_answer=_answer(event),
            customer_answered_at=event.recorded_at,
            customer_reason=getattr(event.data, "reason", ""),
        )
        order.note_waiting(event.recorded_at)


def _show_caterers_answer(event: RecordedEvent[Any]) -> None:
    if order := _locked(event.data.order_id):
        asked = order.offers.filter(caterer_id=event.data.caterer_id)
        if event.data.menu_id is not None:
            asked = asked.filter(menu_id=event.data.menu_id)
        asked.update(
            caterer_answer=_answer(event),
            caterer_answered_at=event.recorded_at,
            caterer_reason=getattr(event.data, "reason", ""),
        )
        order.note_waiting(event.recorded_at)


def _show_confirmed_order(event: RecordedEvent[OrderConfirmed]) -> None:
    if order := _locked(event.data.order_id):
        offer = order.offer_of(event.data.menu_id)
        order.confirmed_menu = offer.menu if offer else ""
        _close(order, as_=OrderSummary.Status.CONFIRMED, at=event.recorded_at)


def _show_cancelled_order(event: RecordedEvent[OrderCancelled]) -> None:
    if order := _locked(event.data.order_id):
        order.cancel_reason = event.data.reason
        _close(order, as_=OrderSummary.Status.CANCELLED, at=event.recorded_at)


def _locked(order_id: str) -> OrderSummary | None:
    # Customer and caterer answer into different streams: without the lock, two answers at once would not see each other.
    return OrderSummary.objects.select_for_update().filter(pk=order_id).first()


def _close(order: OrderSummary, *, as_: OrderSummary.Status, at: datetime) -> None:
    order.status, order.closed_at = as_, at
    order.note_waiting(at)


def _answer(event: RecordedEvent[Any]) -> Answer:
    confirmed = isinstance(event.data, (CustomerConfirmedMenu, CatererConfirmedMenu))
    return Answer.CONFIRMED if confirmed else Answer.DECLINED
