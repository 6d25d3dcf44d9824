"""Orders in the imperative, and who carries them out."""

from __future__ import annotations

from catering.exceptions import OrderClosed
from catering.order_desk import confirmation_id, store_decision
from catering.orders import orders
from event_store import Command, handles


class ConfirmOrder(Command):
    """Have the menu cooked that customer and caterer have confirmed."""

    order_id: str
    menu_id: str | None = None


@handles(ConfirmOrder)
def confirm_order(command: ConfirmOrder) -> None:
    """
    Raises:
        OrderNotFound: a confirmation of an order that was never placed.
    """
    order = orders.load(command.order_id)
    try:
        order.confirm(command.menu_id)
    except OrderClosed:
        # Cancelled between the second confirmation and now: it stays cancelled, and no retry would change that.
        return
    store_decision(orders, order, event_id=confirmation_id(command.order_id))
