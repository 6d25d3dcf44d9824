"""What turns two confirmations into one confirmed order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from catering.commands import ConfirmOrder
from catering.events import CatererConfirmedMenu, CatererDeclinedMenu, CustomerConfirmedMenu, OrderCancelled
from catering.waiting import STUCK_AFTER
from event_store import Complete, ProcessManager, RecordedEvent

ANY_MENU = "*"


class CateringMatch(ProcessManager):
    """Confirms an order once its customer and a caterer have confirmed the same menu."""

    reacts_to = (CustomerConfirmedMenu, CatererConfirmedMenu, CatererDeclinedMenu, OrderCancelled)
    stuck_after = STUCK_AFTER

    @dataclass(frozen=True)
    class State:
        """Who has confirmed which menus; `*` stands for "any", where a confirmation names no menu."""

        customer_menus: frozenset[str] = frozenset()
        caterer_menus: frozenset[str] = frozenset()

        @property
        def matched(self) -> list[str]:
            """The menus that both want, `*` when neither has named one."""
            both = self.customer_menus & self.caterer_menus
            if ANY_MENU in self.customer_menus:
                both |= self.caterer_menus
            if ANY_MENU in self.caterer_menus:
                both |= self.customer_menus
            return sorted(both - {ANY_MENU}) or sorted(both)

    def process_id(self, event: RecordedEvent[Any]) -> str:
        return str(event.data.order_id)

    def apply(self, state: State, event: RecordedEvent[Any]) -> State:
        match event.data:
            case CustomerConfirmedMenu(menu_id=menu):
                return replace(state, customer_menus=state.customer_menus | {menu or ANY_MENU})
            case CatererConfirmedMenu(menu_id=menu):
                return replace(state, caterer_menus=state.caterer_menus | {menu or ANY_MENU})
            case CatererDeclinedMenu(menu_id=menu):
                return replace(state, caterer_menus=state.caterer_menus - {menu or ANY_MENU})
        return state

    def act(self, state: State, event: RecordedEvent[Any]) -> Iterator[Any]:
        if isinstance(event.data, OrderCancelled):
            yield Complete()
        elif state.matched:
            menu = state.matched[0]
            if menu == ANY_MENU:
                yield ConfirmOrder(order_id=self.id).because("both confirmed, and neither named a menu")
            else:
                yield ConfirmOrder(order_id=self.id, menu_id=menu).because(f"both confirmed menu {menu}")
            yield Complete()

    def waiting_for(self, state: State) -> list[Any]:
        missing = [
            event_class
            for event_class, menus in (
                (CustomerConfirmedMenu, state.customer_menus),
                (CatererConfirmedMenu, state.caterer_menus),
            )
            if not menus
        ]
        # Both have confirmed, but not the same menu: either can still come round.
        return missing or [CustomerConfirmedMenu | CatererConfirmedMenu]
