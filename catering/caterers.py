"""The caterer: decides from its own stream what it may answer."""

from __future__ import annotations

from catering.events import CatererConfirmedMenu, CatererDeclinedMenu, MenuSuggested
from catering.exceptions import AlreadyAnswered, MenuNotFound
from catering.orders import CONFIRMED, DECLINED
from event_store import Aggregate, AggregateRepository, applies

AskedMenu = tuple[str, str | None]
"""Order and menu."""


class CatererAnswers(Aggregate):
    """
    What one caterer was asked and what it said. Its stream is `Caterer$<key>`: its own answers, and links to the
    MenuSuggested events that are meant for it.
    """

    category = "Caterer"

    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.asked: dict[AskedMenu, str] = {}
        self.answers: dict[AskedMenu, str] = {}

    def confirm(self, order_id: str, *, menu_id: str) -> None:
        """Raises MenuNotFound, AlreadyAnswered."""
        self.check_may_answer(order_id, menu_id=menu_id)
        self.record(CatererConfirmedMenu(order_id=order_id, caterer_id=self.id, menu_id=menu_id))

    def decline(self, order_id: str, *, menu_id: str, reason: str = "") -> None:
        """Raises MenuNotFound, AlreadyAnswered."""
        self.check_may_answer(order_id, menu_id=menu_id)
        self.record(CatererDeclinedMenu(order_id=order_id, caterer_id=self.id, menu_id=menu_id, reason=reason))

    def check_may_answer(self, order_id: str, *, menu_id: str) -> None:
        """Raises MenuNotFound, AlreadyAnswered."""
        if (order_id, menu_id) not in self.asked:
            raise MenuNotFound("You were not asked for this menu.")
        if answer := self.answers.get((order_id, menu_id)):
            raise AlreadyAnswered(f"You had {answer} “{self.asked[order_id, menu_id]}” already.", answer=answer)

    @applies(MenuSuggested)
    def _was_asked(self, event: MenuSuggested) -> None:
        self.asked[event.order_id, event.menu_id] = event.menu

    @applies(CatererConfirmedMenu)
    def _confirmed(self, event: CatererConfirmedMenu) -> None:
        self.answers[event.order_id, event.menu_id] = CONFIRMED

    @applies(CatererDeclinedMenu)
    def _declined(self, event: CatererDeclinedMenu) -> None:
        self.answers[event.order_id, event.menu_id] = DECLINED


caterers = AggregateRepository(CatererAnswers)
