from __future__ import annotations

import pytest
from django.core.signing import BadSignature, SignatureExpired
from django.utils import timezone

from catering import signed_links


def token_in(path: str) -> str:
    return path.strip("/").rpartition("/")[2]


def test_a_customers_link_names_the_order() -> None:
    assert signed_links.read_customer(token_in(signed_links.customer_path("42"))) == "42"


def test_a_caterers_link_names_order_and_caterer() -> None:
    token = token_in(signed_links.caterer_path("42", caterer_id="fork"))

    assert signed_links.read_caterer(token) == ("42", "fork")


def test_a_link_of_one_role_is_nothing_for_the_other() -> None:
    customers = token_in(signed_links.customer_path("42"))
    caterers = token_in(signed_links.caterer_path("42", caterer_id="fork"))

    with pytest.raises(BadSignature):
        signed_links.read_caterer(customers)
    with pytest.raises(BadSignature):
        signed_links.read_customer(caterers)


def test_a_link_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_in(signed_links.customer_path("42"))
    in_a_month = (timezone.now() + signed_links.VALID_FOR).timestamp() + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: in_a_month)

    with pytest.raises(SignatureExpired):
        signed_links.read_customer(token)
