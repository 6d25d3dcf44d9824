"""What happens to an order. Each is stored once; several streams may show it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from event_store import Event


class OrderPlaced(Event):
    """A customer wants food for so many guests on a day."""

    order_id: str
    customer_name: str
    guests: int
    date: dt.date
    conditions: str = ""


class MenuSuggested(Event):
    """We suggest a menu to the customer, and ask its caterer. Also shown in the caterer's stream."""

    order_id: str
    menu_id: str
    menu: str
    caterer_id: str
    price_per_guest: Decimal
    details: str = ""


class CustomerConfirmedMenu(Event):
    """The customer takes this menu or, where none is named, any menu that was suggested."""

    order_id: str
    menu_id: str | None = None


class CustomerDeclinedMenu(Event):
    """The customer does not want this menu."""

    order_id: str
    menu_id: str
    reason: str = ""


class CatererConfirmedMenu(Event):
    """The caterer can cook this menu on the day or, where none is named, every menu that was asked for."""

    order_id: str
    caterer_id: str
    menu_id: str | None = None


class CatererDeclinedMenu(Event):
    """The caterer cannot cook this menu on the day."""

    order_id: str
    caterer_id: str
    menu_id: str
    reason: str = ""


class OrderConfirmed(Event):
    """Customer and caterer agree on a menu: it will be cooked."""

    order_id: str
    menu_id: str | None = None


class OrderCancelled(Event):
    """Nothing will be cooked."""

    order_id: str
    reason: str = ""


class ManagerReminded(Event):
    """Somebody of ours is to ask: the caterer of the chosen menu has not answered in time."""

    order_id: str
