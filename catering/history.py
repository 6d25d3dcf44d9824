"""All that happened to an order, in sentences, with every stream that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    ManagerReminded,
    MenuSuggested,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
)
from catering.models import Caterer
from catering.orders import Order
from catering.process_managers import CateringMatch
from event_store import CommandRejected, DeadlineReached, RecordedEvent, event_store
from event_store.models import StreamLink


@dataclass(frozen=True)
class Entry:
    """An event, what it means, and where it stands: once in the table, in as many streams as show it."""

    event: RecordedEvent[Any]
    sentence: str
    links: list[StreamLink]

    @property
    def name(self) -> str:
        return self.event.type.rpartition(".")[2]


def history_of(order_id: str) -> list[Entry]:
    """The order's own events and those that its process has linked, the oldest first; each once."""
    streams = (Order(order_id).stream, f"{CateringMatch.type}${order_id}")
    found = {event.id: event for stream in streams for event in event_store.events.in_stream(stream)}
    events = sorted(found.values(), key=lambda event: event.global_position)
    menus = {each.data.menu_id: each.data.menu for each in events if isinstance(each.data, MenuSuggested)}
    names = dict(Caterer.objects.values_list("key", "name"))
    links = _links_by_event(events)
    return [
        Entry(each, sentence(each.data, menus=menus, caterers=names), links[each.global_position]) for each in events
    ]


def changes_since(order_id: str, *, version: int) -> list[Entry]:
    """What has happened in the order's own stream after this version."""
    newer = {event.id for event in event_store.events.in_stream(Order(order_id).stream).after(version)}
    return [each for each in history_of(order_id) if each.event.id in newer]


def sentence(event: Any, *, menus: Mapping[str, str], caterers: Mapping[str, str]) -> str:
    """
    Args:
        menus: menu_id to name.
        caterers: key to name.
    Returns:
        One sentence; empty for an event that it does not know.
    """

    def menu(menu_id: str | None) -> str:
        return "any of the menus" if menu_id is None else f"“{menus.get(menu_id, menu_id)}”"

    match event:
        case OrderPlaced():
            return f"{event.customer_name} asked for food for {event.guests} guests."
        case MenuSuggested():
            caterer = caterers.get(event.caterer_id, event.caterer_id)
            return f"We suggested “{event.menu}” by {caterer} at €\u00a0{event.price_per_guest:.2f} per guest."
        case CustomerConfirmedMenu():
            return f"The customer confirmed {menu(event.menu_id)}."
        case CustomerDeclinedMenu():
            return f"The customer declined {menu(event.menu_id)}{_because(event.reason)}."
        case CatererConfirmedMenu():
            return f"{caterers.get(event.caterer_id, event.caterer_id)} confirmed {menu(event.menu_id)}."
        case CatererDeclinedMenu():
            caterer = caterers.get(event.caterer_id, event.caterer_id)
            return f"{caterer} declined {menu(event.menu_id)}{_because(event.reason)}."
        case DeadlineReached():
            return f"Time was up for {event.name}."
        case ManagerReminded():
            return "We were reminded to ask the caterer."
        case CommandRejected():
            return f"It was too late: {event.reason}"
        case OrderConfirmed():
            return "Both agree: the order is confirmed."
        case OrderCancelled():
            return f"The order was cancelled{_because(event.reason)}."
    return ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _links_by_event(events: list[RecordedEvent[Any]]) -> dict[int, list[StreamLink]]:
    positions = [each.global_position for each in events]
    links = StreamLink.objects.filter(event__in=positions).select_related("stream")
    by_event: dict[int, list[StreamLink]] = {position: [] for position in positions}
    for link in links.order_by("-written_here", "linked_at", "stream__name"):
        by_event[link.event_id].append(link)
    return by_event
