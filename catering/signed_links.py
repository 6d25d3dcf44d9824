"""Links that stand for a signature: who has one may answer for the customer, or for one caterer, of one order."""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.urls import reverse

VALID_FOR = timedelta(days=30)

# One salt per role: a customer's link says nothing on a caterer's page.
_CUSTOMER, _CATERER = "catering.customer", "catering.caterer"


def customer_path(order_id: str) -> str:
    """The path of the page on which the customer answers."""
    return reverse("customer", args=[signing.dumps(order_id, salt=_CUSTOMER)])


def caterer_path(order_id: str, *, caterer_id: str) -> str:
    """The path of the page on which a caterer answers."""
    return reverse("caterer", args=[signing.dumps([order_id, caterer_id], salt=_CATERER)])


def read_customer(token: str) -> str:
    """
    Returns:
        The order's number.
    Raises:
        SignatureExpired: it is older than VALID_FOR.
        BadSignature: we did not sign it, or for somebody else.
    """
    order_id: str = signing.loads(token, salt=_CUSTOMER, max_age=VALID_FOR)
    return order_id


def read_caterer(token: str) -> tuple[str, str]:
    """The order's number and the caterer's key. Raises as `read_customer`."""
    order_id, caterer_id = signing.loads(token, salt=_CATERER, max_age=VALID_FOR)
    return order_id, caterer_id
