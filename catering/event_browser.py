"""What the order desk adds to the pages of the event store browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from browser.extensions import Link, Panel, links_for_process, links_for_stream, navigation_item, panel
from browser.views.base import BrowserView
from catering.models import Caterer, OrderSummary
from catering.process_managers import CateringMatch
from event_store import category_of
from event_store.models import Process, Stream

VIEW_ORDERS = "catering.view_ordersummary"

navigation_item("Order desk", "board", permissions=(VIEW_ORDERS,))


@panel(on="process")
class OrderFacts(Panel):
    """The order that a process matches, as the desk shows it."""

    title = "The order"
    template_name = "catering/order_facts.html"
    permissions = (VIEW_ORDERS,)
    obeys_policy = True

    class Media:
        css = {"all": ["catering/event_browser.css"]}

    def context(self, view: BrowserView, subject: Process) -> dict[str, Any] | None:
        order = _order_of(subject)
        return None if order is None else {"order": order}


@links_for_stream(permissions=(VIEW_ORDERS,), obeys_policy=True)
def what_a_stream_is_about(view: BrowserView, stream: Stream) -> Iterator[Any]:
    key = stream.name.partition("$")[2]
    if category_of(stream.name) == "Caterer":
        yield from Caterer.objects.filter(key=key)
    if category_of(stream.name) == "Order":
        yield from _links_to(OrderSummary.objects.filter(order_id=key).first())


@links_for_process(permissions=(VIEW_ORDERS,), obeys_policy=True)
def the_order_of_a_process(view: BrowserView, process: Process) -> Iterator[Any]:
    yield from _links_to(_order_of(process))


def _order_of(process: Process) -> OrderSummary | None:
    if process.type != CateringMatch.type:
        return None
    return OrderSummary.objects.filter(order_id=process.key).first()


def _links_to(order: OrderSummary | None) -> Iterator[Any]:
    if order is not None:
        yield order
        yield Link("Order desk", order.get_absolute_url())
