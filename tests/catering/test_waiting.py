from __future__ import annotations

import pytest

from catering.waiting import Answers, WaitingFor, waiting_for

NONE, YES, NO = "", "confirmed", "declined"


@pytest.mark.parametrize(
    ("menus", "takes_any", "expected"),
    [
        ([], False, WaitingFor.MENU),
        ([(NONE, NONE)], False, WaitingFor.BOTH),
        ([(YES, NONE)], False, WaitingFor.CATERER),
        ([(NONE, YES)], False, WaitingFor.CUSTOMER),
        ([(NO, NONE)], False, WaitingFor.MENU),
        ([(YES, NO)], False, WaitingFor.MENU),
        ([(YES, NO), (NONE, NONE)], False, WaitingFor.BOTH),
        ([(YES, NONE), (NONE, YES)], False, WaitingFor.CATERER),
        ([(NONE, NONE)], True, WaitingFor.CATERER),
        ([(NONE, NO)], True, WaitingFor.MENU),
    ],
)
def test_what_an_order_waits_for(menus: list[tuple[str, str]], takes_any: bool, expected: WaitingFor) -> None:
    answers = [Answers(customer=customer, caterer=caterer) for customer, caterer in menus]

    assert waiting_for(answers, takes_any=takes_any) == expected
