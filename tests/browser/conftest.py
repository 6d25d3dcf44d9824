from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from event_store import event_store
from event_store.testing import isolated_registries, run_subscriptions
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

ADMIN = "/admin/event_store_browser/eventstore/"
PERMISSIONS = ("view_storedevent", "view_payload", "view_process")


@pytest.fixture(autouse=True)
def mounts(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.browser.urls"
    with isolated_registries():
        yield


@pytest.fixture
def sign_in(db: None) -> Callable[..., Client]:
    """`sign_in("view_process", is_staff=False)`: a client of a user with these permissions."""

    def sign_in(*permissions: str, **fields: Any) -> Client:
        user = User.objects.create_user(**({"username": "anna", "password": "anna", "is_staff": True} | fields))
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def client(sign_in: Callable[..., Client]) -> Client:
    """A member of staff who may see everything."""
    return sign_in(*PERMISSIONS)


def publish_orders() -> dict[str, Any]:
    """Order 41 is confirmed, order 42 waits for its caterer; what was published, by name."""
    with event_store.metadata(user="anna"):
        [customer] = event_store.publish(CustomerSaidYes(order_id="41"), stream="Order$41", links=["Customer$7"])
        [caterer] = event_store.publish(CatererSaidYes(order_id="41"), stream="Caterer$7")
        [waiting] = event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
    event_store.publish(Noted(text="just so"), stream="notes")
    run_subscriptions()
    confirmed = event_store.events.of_type("sample.Confirmed").first()
    return {"customer": customer, "caterer": caterer, "waiting": waiting, "confirmed": confirmed}


@pytest.fixture
def orders(db: None) -> dict[str, Any]:
    return publish_orders()
