from __future__ import annotations

from collections.abc import Callable

import pytest

from catering import order_desk
from catering.commands import ConfirmOrder
from catering.exceptions import OrderNotFound
from event_store import Rejected, dispatch, event_store


def test_confirm_order_records_that_the_order_is_confirmed(order: str) -> None:
    dispatch(ConfirmOrder(order_id=order, menu_id="vegan"))

    last = event_store.events.in_stream(f"Order${order}").last()
    assert last is not None
    assert (last.type, last.data.menu_id) == ("catering.OrderConfirmed", "vegan")
    assert last.id == order_desk.confirmation_id(order)


@pytest.mark.parametrize("close", [order_desk.cancel_order, lambda order: dispatch(ConfirmOrder(order_id=order))])
def test_confirm_order_leaves_a_closed_order_as_it_is(
    order: str, types_in: Callable[[str], list[str]], close: Callable[[str], None]
) -> None:
    close(order)
    before = types_in(f"Order${order}")

    with pytest.raises(Rejected, match=f"Order {order} is c"):
        dispatch(ConfirmOrder(order_id=order))

    assert types_in(f"Order${order}") == before


def test_confirm_order_needs_an_order(db: None) -> None:
    with pytest.raises(OrderNotFound):
        dispatch(ConfirmOrder(order_id="9999"))
