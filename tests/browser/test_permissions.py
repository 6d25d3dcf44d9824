"""Who may see which page, and what of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from event_store import event_store
from event_store.models import Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db


def test_an_anonymous_visitor_is_sent_to_the_login_and_back(db: None, orders: Any) -> None:
    for mount in (ADMIN, "/es/", "/operations/event_store_browser/eventstore/"):
        response = Client().get(f"{mount}streams/?prefix=Order")
        assert response.status_code == 302
        assert response.headers["Location"].endswith(f"login/?next={mount}streams/%3Fprefix%3DOrder")


def test_without_a_permission_nothing_is_shown(sign_in: Callable[..., Client], orders: Any) -> None:
    client = sign_in()
    paths = ["", "streams/", "events/", f"events/{orders['customer'].id}/", f"events/{orders['customer'].id}/raw.json",
             "processes/", "processes/Agreement/41/", "handlers/", "find/?q=Order", "help/", "streams/Order$41/0/"]  # fmt: skip

    assert [client.get(mount + path).status_code for mount in (ADMIN, "/es/") for path in paths] == [403] * 22
    assert "Streams, events and processes" not in client.get("/admin/").text


@pytest.mark.parametrize(
    ("granted", "path", "missing"),
    [
        ([], "streams/", "view events (event_store.view_storedevent)."),
        ([], "", "view events (event_store.view_storedevent) or view processes (event_store.view_process)."),
        (["view_storedevent"], "processes/", "view processes (event_store.view_process)."),
        (["view_process"], "events/00000000-0000-0000-0000-000000000000/raw.json",
         "view events (event_store.view_storedevent) and view the data of events (event_store.view_payload)."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
def test_a_page_that_may_not_be_seen_says_which_permission_is_missing(
    sign_in: Callable[..., Client], granted: list[str], path: str, missing: str, mount: str
) -> None:
    page = sign_in(*granted).get(mount + path)
    text = " ".join(re.sub(r"<[^>]+>", "", page.text).split())

    assert page.status_code == 403
    assert f"It needs a permission that you do not have: {missing}" in text
    assert ('class="es-nav"' in page.text) == bool(granted)
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_who_is_no_staff_is_served_on_the_own_mount_only(sign_in: Callable[..., Client], orders: Any) -> None:
    client = sign_in(*PERMISSIONS, is_staff=False)

    assert client.get("/es/").status_code == 200
    assert client.get(ADMIN).status_code == 302


def test_events_without_payload_show_no_value_anywhere(sign_in: Callable[..., Client]) -> None:
    client = sign_in("view_storedevent", "view_process")
    [event] = event_store.publish(CustomerSaidYes(order_id="7"), stream="s")
    [secret] = event_store.publish(Noted(text="s3cret"), stream="t")
    event_store.publish(CatererSaidYes(order_id="7"), stream="s")
    run_subscriptions()
    Subscription.objects.update(status="failing", last_error="s3cret")
    paths = [
        "",
        "streams/t/",
        "events/",
        f"events/{secret.id}/",
        f"events/{event.id}/",
        "processes/Agreement/7/",
        "handlers/",
    ]
    pages = "".join(client.get(ADMIN + path).text for path in paths)

    assert "s3cret" not in pages
    assert "both said yes" not in pages
    assert "Hidden: it needs the permission" in pages
    assert client.get(f"{ADMIN}events/{secret.id}/raw.json").status_code == 403


def test_processes_without_events_show_no_event_pages(sign_in: Callable[..., Client], orders: Any) -> None:
    client = sign_in("view_process")
    page = client.get(f"{ADMIN}processes/Agreement/41/").text

    assert f"{ADMIN}events/" not in page
    assert client.get(f"{ADMIN}events/").status_code == 403
    assert client.get(ADMIN).status_code == 200


@pytest.fixture
def the_visitors_language(settings: Any) -> Iterator[None]:
    """Spoken by the site; the demo site itself speaks English only."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    yield
    # The middleware leaves it to the next request to change it back.
    translation.deactivate()


@pytest.mark.usefixtures("the_visitors_language")
def test_a_page_is_in_one_language_whatever_the_visitors_is(client: Client, orders: Any) -> None:
    german = {"accept-language": "de"}
    page = client.get(f"{ADMIN}processes/Agreement/41/", headers=german)

    assert "Ausführen" not in page.text
    assert "Abmelden" not in page.text
    assert 'lang="en"' in page.text
    assert page.headers["Content-Language"] == "en"
    assert client.get(ADMIN, headers={"accept-language": "en-gb"}).headers["Content-Language"] == "en-gb"
    assert "Abmelden" in client.get("/admin/", headers=german).text
