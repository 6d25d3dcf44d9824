from __future__ import annotations

from decimal import Decimal

import pytest

from catering.caterers import CatererAnswers
from catering.events import CatererConfirmedMenu, CatererDeclinedMenu, MenuSuggested
from catering.exceptions import AlreadyAnswered, MenuNotFound
from event_store import Event

ASKED = MenuSuggested(order_id="1", menu_id="vegan", menu="Vegan", caterer_id="fork", price_per_guest=Decimal(20))


def caterer_after(*events: Event) -> CatererAnswers:
    caterer = CatererAnswers("fork")
    for event in events:
        caterer.apply(event)
    return caterer


def test_its_stream_is_named_after_the_caterer() -> None:
    assert caterer_after().stream == "Caterer$fork"


def test_a_caterer_confirms_what_it_was_asked_for() -> None:
    caterer = caterer_after(ASKED)

    caterer.confirm("1", menu_id="vegan")

    assert caterer.recorded == [CatererConfirmedMenu(order_id="1", caterer_id="fork", menu_id="vegan")]


def test_a_caterer_declines_with_a_reason() -> None:
    caterer = caterer_after(ASKED)

    caterer.decline("1", menu_id="vegan", reason="Full")

    assert caterer.recorded == [CatererDeclinedMenu(order_id="1", caterer_id="fork", menu_id="vegan", reason="Full")]


@pytest.mark.parametrize(("order_id", "menu_id"), [("2", "vegan"), ("1", "meat"), ("1", "")])
def test_a_caterer_answers_nothing_that_it_was_not_asked(order_id: str, menu_id: str) -> None:
    with pytest.raises(MenuNotFound):
        caterer_after(ASKED).confirm(order_id, menu_id=menu_id)


def test_an_answer_is_final() -> None:
    caterer = caterer_after(ASKED, CatererDeclinedMenu(order_id="1", caterer_id="fork", menu_id="vegan"))

    with pytest.raises(AlreadyAnswered, match="You had declined “Vegan” already"):
        caterer.confirm("1", menu_id="vegan")
