"""What an open order waits for: pure, from the answers to its menus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import TextChoices

STUCK_AFTER = timedelta(hours=48)
"""Whoever waits longer for the same thing is stuck, on the board and in the process."""


class Answer(TextChoices):
    """What customer or caterer said to a menu."""

    NONE = "", "no answer yet"
    CONFIRMED = "confirmed", "confirmed"
    DECLINED = "declined", "declined"


class WaitingFor(TextChoices):
    """Who is to move next."""

    NOBODY = "", "nobody"
    MENU = "menu", "a menu from us"
    BOTH = "both", "customer and caterer"
    CUSTOMER = "customer", "the customer"
    CATERER = "caterer", "the caterer"


@dataclass(frozen=True)
class Answers:
    """What both said to one menu."""

    customer: str
    caterer: str


def waiting_for(menus: Iterable[Answers], *, takes_any: bool) -> WaitingFor:
    """
    Args:
        menus: 0..n menus of one open order.
        takes_any: the customer has confirmed without naming a menu.
    """
    possible = [each for each in menus if Answer.DECLINED not in (each.customer, each.caterer)]
    if not possible:
        return WaitingFor.MENU
    if takes_any or any(each.customer == Answer.CONFIRMED for each in possible):
        return WaitingFor.CATERER
    if any(each.caterer == Answer.CONFIRMED for each in possible):
        return WaitingFor.CUSTOMER
    return WaitingFor.BOTH
