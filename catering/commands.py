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


class RemindManager(Command, repeatable=True):
    """Have somebody of ours ask the caterer."""

    order_id: str


# Cancelled between the second confirmation and now: it stays cancelled, and no retry would change that.
@handles(ConfirmOrder, rejected_by=OrderClosed)
def confirm_order(command: ConfirmOrder) -> None:
    """
    Raises:
        OrderNotFound: a confirmation of an order that was never placed.
    """
    order = orders.load(command.order_id)
    order.confirm(command.menu_id)
    store_decision(orders, order, event_id=confirmation_id(command.order_id))


@handles(RemindManager, rejected_by=OrderClosed)
def remind_manager(command: RemindManager) -> None:
    """Raises OrderNotFound."""
    order = orders.load(command.order_id)
    order.remind_manager()
    store_decision(orders, order)
