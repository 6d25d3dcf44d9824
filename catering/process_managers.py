"""What turns two confirmations into one confirmed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from catering.commands import ConfirmOrder, RemindManager
from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    MenuSuggested,
    OrderCancelled,
    OrderPlaced,
)
from catering.waiting import STUCK_AFTER
from event_store import Cancel, CancelDeadline, Complete, Deadline, DeadlineReached, ProcessManager, RecordedEvent

ANY_MENU = "*"
CATERERS_ANSWER = "the caterer's answer"


class CateringMatch(ProcessManager):
    """
    Confirms an order once its customer and a caterer have confirmed the same menu; one process for each order.

    A caterer who is silent for STUCK_AFTER, once the customer has chosen, has the manager reminded, once.

    Two confirmations are all it takes to match. The other events are there to say who is waited for: without
    MenuSuggested, an order whose only menu was declined would seem to wait for an answer that nobody can give.
    """

    reacts_to = (
        OrderPlaced, MenuSuggested, CustomerConfirmedMenu, CustomerDeclinedMenu, CatererConfirmedMenu,
        CatererDeclinedMenu, OrderCancelled,
    )  # fmt: skip
    stuck_after = STUCK_AFTER

    @dataclass(frozen=True)
    class State:
        """Menus by id, the suggested ones with their names; `*` is "any", where a confirmation names no menu."""

        suggested_menus: Mapping[str, str] = field(default_factory=dict)
        customer_menus: frozenset[str] = frozenset()
        caterer_menus: frozenset[str] = frozenset()
        declined_menus: frozenset[str] = frozenset()

        @property
        def possible(self) -> frozenset[str]:
            return frozenset(self.suggested_menus) - self.declined_menus

        @property
        def wanted(self) -> frozenset[str]:
            return self.customer_menus - self.declined_menus

        @property
        def offered(self) -> frozenset[str]:
            return self.caterer_menus - self.declined_menus

        @property
        def matched(self) -> list[str]:
            """The menus that both want, `*` when neither has named one."""
            both = self.wanted & self.offered
            if ANY_MENU in self.wanted:
                both |= self.offered
            if ANY_MENU in self.offered:
                both |= self.wanted
            return sorted(both - {ANY_MENU}) or sorted(both)

    def process_id(self, event: RecordedEvent[Any]) -> str:
        return str(event.data.order_id)

    def apply(self, state: State, event: RecordedEvent[Any]) -> State:
        match event.data:
            case MenuSuggested(menu_id=menu, menu=name):
                return replace(state, suggested_menus={**state.suggested_menus, menu: name})
            case CustomerConfirmedMenu(menu_id=menu):
                return replace(state, customer_menus=state.customer_menus | {menu or ANY_MENU})
            case CatererConfirmedMenu(menu_id=menu):
                return replace(state, caterer_menus=state.caterer_menus | {menu or ANY_MENU})
            case CustomerDeclinedMenu(menu_id=menu) | CatererDeclinedMenu(menu_id=menu):
                return replace(state, declined_menus=state.declined_menus | {menu})
        return state

    def act(self, state: State, event: RecordedEvent[Any]) -> Iterator[Any]:
        if isinstance(event.data, OrderCancelled):
            yield Cancel().because("the order was cancelled")
        elif state.matched:
            menu = state.matched[0]
            if menu == ANY_MENU:
                yield ConfirmOrder(order_id=self.id).because("both confirmed, and neither named a menu")
            else:
                name = state.suggested_menus.get(menu, menu)
                yield ConfirmOrder(order_id=self.id, menu_id=menu).because(f"both confirmed “{name}”")
            yield Complete()
        elif isinstance(event.data, DeadlineReached):
            yield RemindManager(order_id=self.id).because("the caterer has not answered in time")
        elif self.waiting_for(state) == [CatererConfirmedMenu]:
            yield Deadline(CATERERS_ANSWER, after=STUCK_AFTER).because("the customer has chosen")
        else:
            yield CancelDeadline(CATERERS_ANSWER)

    def waiting_for(self, state: State) -> list[Any]:
        if not state.possible:
            return [MenuSuggested]
        if state.wanted:
            # The customer has chosen: that a caterer would cook another menu does not change whose turn it is.
            return [CatererConfirmedMenu]
        if state.offered:
            return [CustomerConfirmedMenu]
        return [CustomerConfirmedMenu, CatererConfirmedMenu]
