from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import translation
from playwright.sync_api import Page

from browser.extensions import extensions
from event_store import event_store
from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process, Subscription
from event_store.testing import isolated_registries, run_subscriptions
from tests.browser.shipments import Shipments
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

ADMIN = "/admin/event_store_browser/eventstore/"
PERMISSIONS = ("view_storedevent", "view_payload", "view_process")


@pytest.fixture(autouse=True)
def mounts(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.browser.urls"
    with isolated_registries(), extensions.isolated():
        yield
    # A request through Django's LocaleMiddleware leaves its language to the thread.
    translation.deactivate()


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


@pytest.fixture
def failing(orders: dict[str, Any]) -> dict[str, Any]:
    """The orders, with a failing subscription, two failed events, a failed process and an undelivered command."""
    Subscription.objects.update(status="failing", last_error="RuntimeError: no")
    Process.objects.filter(key="42").update(status="failed", last_error="RuntimeError: no")
    for event in (orders["waiting"], orders["confirmed"]):
        FailedEvent.objects.create(
            subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence="42",
            attempts=5, parked_at=event.recorded_at, last_failed_at=event.recorded_at, error="RuntimeError: no",
        )  # fmt: skip
    command = IssuedCommand.objects.get(process__key="41")
    CommandDelivery.objects.create(command=command, process=command.process, attempts=5, error="RuntimeError: no")
    IssuedCommand.objects.update(outcome="pending")
    return orders


# ---- in Chromium


@pytest.fixture
def published(settings: Any) -> dict[str, Any]:
    settings.STRICT_POLICY = True
    return publish_orders()


@pytest.fixture
def signed_in(open_page: Callable[..., Page], live_server: Any) -> Callable[..., Page]:
    """`signed_in(path, dark=True, phone=True)`: the page as a superuser sees it."""

    def signed_in(path: str, **appearance: Any) -> Page:
        client = Client()
        client.force_login(User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)[0])
        page = open_page("/es/help/", **appearance)
        cookie = {"name": django_settings.SESSION_COOKIE_NAME, "value": client.session.session_key}
        page.context.add_cookies([{**cookie, "url": live_server.url}])  # type: ignore[list-item]
        page.goto(path)
        return page

    return signed_in


@pytest.fixture
def shipments_declared(db: None) -> Iterator[None]:
    """Only the tests that ask for it know this process manager."""
    with isolated_registries():
        Shipments.__init_subclass__()
        yield
