"""`python -m tests.stress.confirm customer|caterer FIRST END STEP`: one side says yes to every STEPth order, as fast as it can."""

from __future__ import annotations

import sys

import django


def main(side: str, first: int, end: int, step: int) -> None:
    django.setup()
    from catering.events import CatererConfirmedMenu, CustomerConfirmedMenu
    from event_store import event_store

    for number in range(first, end, step):
        order = str(number)
        if side == "customer":
            event_store.publish(CustomerConfirmedMenu(order_id=order, menu_id="vegan"), stream=f"Order${order}")
        else:
            confirmed = CatererConfirmedMenu(order_id=order, menu_id="vegan", caterer_id=f"fork-{first}")
            event_store.publish(confirmed, stream=f"Caterer$fork-{first}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
