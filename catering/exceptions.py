"""
Why an order or a caterer refuses something; the text is for the person who asked.

    OrderRefused
    ├── OrderNotFound
    ├── OrderAlreadyPlaced
    ├── OrderClosed            confirmed or cancelled: nothing can change any more
    ├── MenuNotFound           it was not suggested, or not to this caterer
    ├── MenuAlreadySuggested
    └── AlreadyAnswered        `answer` says how
"""

from __future__ import annotations


class OrderRefused(Exception):
    """Base of all refusals; nothing was stored."""


class OrderNotFound(OrderRefused):
    """No order of this number was placed."""


class OrderAlreadyPlaced(OrderRefused):
    """The number is taken."""


class OrderClosed(OrderRefused):
    """The order is confirmed or cancelled."""


class MenuNotFound(OrderRefused):
    """The menu was not suggested."""


class MenuAlreadySuggested(OrderRefused):
    """The order has a menu of this name."""


class AlreadyAnswered(OrderRefused):
    """An answer is final. `answer` is "confirmed" or "declined", the one that was given before."""

    def __init__(self, message: str, *, answer: str) -> None:
        self.answer = answer
        super().__init__(message)
