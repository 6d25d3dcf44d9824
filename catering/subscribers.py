"""The kitchen, which is told durably, after the commit."""

from __future__ import annotations

from catering.events import OrderConfirmed
from catering.models import KitchenTicket, OrderSummary
from event_store import RecordedEvent, subscriber


@subscriber(OrderConfirmed, durable=True)
def tell_the_kitchen(event: RecordedEvent[OrderConfirmed]) -> None:
    """The ticket and the checkpoint commit together: the kitchen is told once."""
    order = OrderSummary.objects.filter(pk=event.data.order_id).first()
    if order is not None:
        offer = order.offer_of(event.data.menu_id)
        KitchenTicket.objects.create(
            order=order,
            menu=offer.menu if offer else "",
            caterer=offer.caterer if offer else None,
            told_at=event.recorded_at,
        )
