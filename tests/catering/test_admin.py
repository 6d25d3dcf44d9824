from __future__ import annotations

import pytest
from django.test import Client

from tests.catering.factories import CatererFactory, KitchenTicketFactory, MenuOfferFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(StaffFactory(is_superuser=True))
    return client


def test_caterers_are_kept_in_the_admin(admin: Client) -> None:
    admin.post("/admin/catering/caterer/add/", {"key": "oak", "name": "Fire & Oak"})

    page = admin.get("/admin/catering/caterer/oak/change/").content.decode()
    assert "Fire &amp; Oak" in page
    assert 'name="key"' not in page


@pytest.mark.parametrize("model", ["ordersummary", "kitchenticket"])
def test_read_models_are_only_shown(admin: Client, model: str) -> None:
    ticket = KitchenTicketFactory(caterer=CatererFactory())
    MenuOfferFactory(order=ticket.order)

    assert admin.get(f"/admin/catering/{model}/").status_code == 200
    assert admin.get(f"/admin/catering/{model}/{ticket.pk}/change/").status_code == 200
    assert admin.post(f"/admin/catering/{model}/{ticket.pk}/change/", {}).status_code == 403
    assert admin.get(f"/admin/catering/{model}/add/").status_code == 403
    assert admin.get(f"/admin/catering/{model}/{ticket.pk}/delete/").status_code == 403
