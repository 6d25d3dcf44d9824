"""What people do: each function loads, decides, and stores one event; pages and the demo's data go through here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from decimal import Decimal
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from catering.caterers import CatererAnswers, caterers
from catering.events import MenuSuggested, OrderPlaced
from catering.models import OrderSummary
from catering.orders import Order, orders
from event_store import (
    Aggregate,
    AggregateRepository,
    Event,
    NewEvent,
    RecordedEvent,
    WrongExpectedVersion,
    event_store,
)

A = TypeVar("A", bound=Aggregate)

FIRST_NUMBER = 1001
ATTEMPTS = 5


def place_order(
    *, customer_name: str, guests: int, date: dt.date, conditions: str = "", event_id: UUID | None = None
) -> str:
    """
    Place an order under the next free number.

    Args:
        event_id: the same id twice is the same order twice.
    Returns:
        The order's number.
    Raises:
        DuplicateEvent: this order was placed before.
    """
    number = FIRST_NUMBER + OrderSummary.objects.count()
    while True:
        order = Order(str(number))
        order.place(customer_name=customer_name, guests=guests, date=date, conditions=conditions)
        try:
            store_decision(orders, order, event_id=event_id)
        except WrongExpectedVersion:
            # Somebody took the number at the same moment.
            number += 1
        else:
            return order.id


def suggest_menu(
    order_id: str,
    *,
    menu: str,
    caterer_id: str,
    price_per_guest: Decimal,
    details: str = "",
    seen_version: int | None = None,
    event_id: UUID | None = None,
) -> None:
    """
    Suggest a menu to the customer; its caterer's stream shows the same event.

    Args:
        seen_version: the order's version that the page has shown.
    Raises:
        OrderRefused: the order does not allow it.
        WrongExpectedVersion: the order has moved on since the page was shown.
    """
    order = _load_seen(order_id, seen_version=seen_version)
    order.suggest(menu, caterer_id=caterer_id, price_per_guest=price_per_guest, details=details)
    with _following(OrderPlaced, in_stream=order.stream):
        store_decision(orders, order, event_id=event_id, links=[f"{CatererAnswers.category}${caterer_id}"])


def cancel_order(
    order_id: str, *, reason: str = "", seen_version: int | None = None, event_id: UUID | None = None
) -> None:
    """Raises OrderRefused, WrongExpectedVersion: as `suggest_menu`."""
    order = _load_seen(order_id, seen_version=seen_version)
    order.cancel(reason=reason)
    with _following(OrderPlaced, in_stream=order.stream):
        store_decision(orders, order, event_id=event_id)


def answer_for_customer(
    order_id: str, *, menu_id: str | None, confirms: bool, reason: str = "", event_id: UUID | None = None
) -> None:
    """
    Raises:
        OrderRefused: see `Order`.
        WrongExpectedVersion: the order kept changing meanwhile.
    """

    def decide() -> None:
        order = orders.load(order_id)
        if confirms or menu_id is None:
            order.confirm_for_customer(menu_id)
        else:
            order.decline_for_customer(menu_id, reason=reason)
        with _following(MenuSuggested, in_stream=order.stream, matching=_suggests(order_id, menu_id)):
            store_decision(orders, order, event_id=event_id)

    _despite_conflicts(decide)


def answer_for_caterer(
    order_id: str, *, caterer_id: str, menu_id: str, confirms: bool, reason: str = "", event_id: UUID | None = None
) -> None:
    """
    Raises:
        OrderRefused: see `Order.check_open` and `CatererAnswers`.
        WrongExpectedVersion: the caterer's stream kept changing meanwhile.
    """

    def decide() -> None:
        caterer = caterers.load(caterer_id)
        # Asked first: an answer that was given twice is told so, even when the order has been closed meanwhile.
        caterer.check_may_answer(order_id, menu_id=menu_id)
        orders.load(order_id).check_open()
        if confirms:
            caterer.confirm(order_id, menu_id=menu_id)
        else:
            caterer.decline(order_id, menu_id=menu_id, reason=reason)
        with _following(MenuSuggested, in_stream=caterer.stream, matching=_suggests(order_id, menu_id)):
            store_decision(caterers, caterer, event_id=event_id)

    _despite_conflicts(decide)


def store_decision(
    repository: AggregateRepository[A], aggregate: A, *, event_id: UUID | None = None, links: Iterable[str] = ()
) -> list[RecordedEvent[Any]]:
    """Store the one event that an aggregate has just recorded, under `event_id` if there is one."""
    if event_id is not None:
        aggregate.recorded = [NewEvent(each, id=event_id) for each in aggregate.recorded]  # type: ignore[misc]
    return repository.store(aggregate, links=links)


def confirmation_id(order_id: str) -> UUID:
    """The id of the event that confirms this order: there can be one only, whoever asks for it."""
    return uuid5(NAMESPACE_URL, f"catering:order:{order_id}:confirmed")


def _load_seen(order_id: str, *, seen_version: int | None) -> Order:
    order = orders.load(order_id)
    if seen_version is not None and seen_version != order.version:
        raise WrongExpectedVersion(stream=order.stream, expected=seen_version, actual=order.version)
    return order


def _despite_conflicts(decide: Callable[[], None]) -> None:
    # The decision is made anew from what is stored now: it may well be "already answered".
    for _ in range(ATTEMPTS - 1):
        with suppress(WrongExpectedVersion):
            return decide()
    return decide()


def _following(
    event_class: type[Event], *, in_stream: str, matching: Callable[[Any], bool] = lambda event: True
) -> AbstractContextManager[None]:
    """What is published inside follows from the newest such event of the stream, which is there."""
    events = event_store.events.in_stream(in_stream).of_type(event_class).backward()
    return event_store.caused_by(next(each for each in events if matching(each.data)))


def _suggests(order_id: str, menu_id: str | None) -> Callable[[MenuSuggested], bool]:
    return lambda event: event.order_id == order_id and menu_id in (None, event.menu_id)
