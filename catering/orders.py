"""The order: decides from the events of its own stream what may happen next."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.utils.text import slugify

from catering.events import (
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    ManagerReminded,
    MenuSuggested,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
)
from catering.exceptions import (
    AlreadyAnswered,
    MenuAlreadySuggested,
    MenuNotFound,
    OrderAlreadyPlaced,
    OrderClosed,
    OrderNotFound,
)
from event_store import Aggregate, AggregateRepository, applies

CONFIRMED, DECLINED, CANCELLED = "confirmed", "declined", "cancelled"


class Order(Aggregate):
    """One order. Its stream is `Order$<number>`; every method without `_` decides, records one event or refuses."""

    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.is_placed = False
        self.closed_as = ""
        self.menus: dict[str, str] = {}
        self.customer_answers: dict[str | None, str] = {}

    def place(self, *, customer_name: str, guests: int, date: dt.date, conditions: str = "") -> None:
        """Raises OrderAlreadyPlaced."""
        if self.is_placed:
            raise OrderAlreadyPlaced(f"Order {self.id} was placed already.")
        self.record(
            OrderPlaced(order_id=self.id, customer_name=customer_name, guests=guests, date=date, conditions=conditions)
        )

    def suggest(self, menu: str, *, caterer_id: str, price_per_guest: Decimal, details: str = "") -> None:
        """Raises OrderNotFound, OrderClosed, MenuAlreadySuggested."""
        self.check_open()
        menu_id = slugify(menu)[:100] or f"menu-{len(self.menus) + 1}"
        if menu_id in self.menus:
            raise MenuAlreadySuggested(
                f"“{self.menus[menu_id]}” was suggested for this order already: name it differently."
            )
        self.record(
            MenuSuggested(
                order_id=self.id,
                menu_id=menu_id,
                menu=menu,
                caterer_id=caterer_id,
                price_per_guest=price_per_guest,
                details=details,
            )
        )

    def confirm_for_customer(self, menu_id: str | None) -> None:
        """None takes any menu that was suggested. Raises OrderNotFound, OrderClosed, MenuNotFound, AlreadyAnswered."""
        self._check_customer_may_answer(menu_id)
        self.record(CustomerConfirmedMenu(order_id=self.id, menu_id=menu_id))

    def decline_for_customer(self, menu_id: str, *, reason: str = "") -> None:
        """Raises OrderNotFound, OrderClosed, MenuNotFound, AlreadyAnswered."""
        self._check_customer_may_answer(menu_id)
        self.record(CustomerDeclinedMenu(order_id=self.id, menu_id=menu_id, reason=reason))

    def confirm(self, menu_id: str | None = None) -> None:
        """Raises OrderNotFound, OrderClosed."""
        self.check_open()
        self.record(OrderConfirmed(order_id=self.id, menu_id=menu_id))

    def cancel(self, *, reason: str = "") -> None:
        """Raises OrderNotFound, OrderClosed."""
        self.check_open()
        self.record(OrderCancelled(order_id=self.id, reason=reason))

    def remind_manager(self) -> None:
        """Raises OrderNotFound, OrderClosed."""
        self.check_open()
        self.record(ManagerReminded(order_id=self.id))

    def check_open(self) -> None:
        """Raises OrderNotFound, OrderClosed."""
        if not self.is_placed:
            raise OrderNotFound(f"There is no order {self.id}.")
        if self.closed_as:
            raise OrderClosed(f"Order {self.id} is {self.closed_as} already: nothing was changed.")

    def _check_customer_may_answer(self, menu_id: str | None) -> None:
        # An answer that was given twice is told so, even when the order has been closed meanwhile.
        answer = self.customer_answers.get(menu_id)
        if answer:
            raise AlreadyAnswered(f"You had {answer} {self._name_of(menu_id)} already.", answer=answer)
        self.check_open()
        if menu_id is not None and menu_id not in self.menus:
            raise MenuNotFound("This menu was not suggested for your order.")
        if not self.menus:
            raise MenuNotFound("No menu has been suggested for your order yet.")

    def _name_of(self, menu_id: str | None) -> str:
        return "any of these menus" if menu_id is None else f"“{self.menus[menu_id]}”"

    @applies(OrderPlaced)
    def _placed(self, event: OrderPlaced) -> None:
        self.is_placed = True

    @applies(MenuSuggested)
    def _suggested(self, event: MenuSuggested) -> None:
        self.menus[event.menu_id] = event.menu

    @applies(CustomerConfirmedMenu)
    def _customer_confirmed(self, event: CustomerConfirmedMenu) -> None:
        self.customer_answers[event.menu_id] = CONFIRMED

    @applies(CustomerDeclinedMenu)
    def _customer_declined(self, event: CustomerDeclinedMenu) -> None:
        self.customer_answers[event.menu_id] = DECLINED

    @applies(OrderConfirmed)
    def _confirmed(self, event: OrderConfirmed) -> None:
        self.closed_as = CONFIRMED

    @applies(OrderCancelled)
    def _cancelled(self, event: OrderCancelled) -> None:
        self.closed_as = CANCELLED


orders = AggregateRepository(Order)
