"""How a visitor wants the pages: kept in cookies of the mount, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from event_store import event_store
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.test_policy import Only41
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db
MOUNTS = [ADMIN, "/es/"]


def save(client: Client, mount: str = ADMIN, **values: str) -> Any:
    return client.post(f"{mount}preferences/", values)


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_zone_is_kept_for_the_pages_of_the_mount(client: Client, mount: str) -> None:
    noon = timezone.datetime(2026, 1, 15, 12, tzinfo=timezone.get_fixed_timezone(0))
    with event_store.clock(lambda: noon):
        event_store.append(Noted(), stream="notes")
    saved = save(client, mount, es_zone="Europe/Warsaw")
    cookie = saved.cookies["es_zone"]
    page = client.get(f"{mount}events/").text

    assert saved.headers["Location"] == f"{mount}help/?saved=1#es-preferences"
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == (mount, "Lax", True)
    assert re.search(r">15 Jan( 2026)? 13:00</time>", page)
    assert "Times in CET." in page
    assert 'data-es-zone="Europe/Warsaw"' in page
    assert timezone.get_current_timezone_name() == "UTC"


def test_only_what_is_not_the_default_is_kept(client: Client) -> None:
    saved = save(client, es_rows="roomy", es_keys="off")
    roomy = client.get(ADMIN).text
    reset = save(client, es_zone="", es_rows="", es_keys="")
    plain = client.get(ADMIN).text

    assert {name for name, cookie in saved.cookies.items() if cookie.value} == {"es_rows", "es_keys"}
    assert 'class="es es-roomy" id="es" data-es-zone' in roomy
    assert [cookie["max-age"] for cookie in reset.cookies.values()] == [0, 0, 0]
    assert 'class="es" id="es" data-es-keys' in plain


def test_the_form_shows_what_is_kept(client: Client) -> None:
    save(client, es_zone="Asia/Tokyo", es_rows="roomy", es_keys="off")
    page = client.get(f"{ADMIN}help/?saved=1").text

    for chosen in ("<option selected>Asia/Tokyo", 'value="roomy" selected', 'value="off" selected'):
        assert chosen in page
    assert "Saved in cookies of this browser." in page
    assert "They are switched off." in page
    assert "the server's zone: UTC".replace("'", "&#x27;") in page or "the server's zone: UTC" in page


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/localtime", "UTC\x00", "é" * 300, "Europe"])
def test_a_wrong_value_is_ignored(client: Client, zone: str) -> None:
    client.cookies["es_zone"] = zone
    client.cookies["es_rows"] = client.cookies["es_keys"] = "<b>"
    page = client.get(f"{ADMIN}events/")

    assert page.status_code == 200
    assert "Times in UTC." in page.text
    assert "<b>" not in page.text
    assert 'class="es" id="es" data-es-keys' in page.text
    assert {cookie.value for cookie in save(client, es_zone=zone).cookies.values()} == {""}


def test_preferences_are_sent_with_a_token_by_those_who_may_see_pages(sign_in: Callable[..., Client]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sign_in(*PERMISSIONS).get(ADMIN).wsgi_request.user)

    for mount in MOUNTS:
        assert save(strict, mount, es_zone="UTC").status_code == 403
        assert save(Client(), mount, es_zone="UTC").status_code == 302
        token = strict.get(f"{mount}help/").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        assert save(strict, mount, es_zone="UTC", csrfmiddlewaretoken=token).status_code == 302
    assert sign_in(username="nobody").post(f"{ADMIN}preferences/").status_code == 403
    assert strict.get(f"{ADMIN}preferences/").headers["Location"] == f"{ADMIN}help/#es-preferences"


def test_cookies_of_a_secure_page_are_secure(client: Client, settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{Only41.__module__}.{Only41.__name__}"}
    saved = client.post(f"{ADMIN}preferences/", {"es_zone": "UTC"}, secure=True)

    assert saved.cookies["es_zone"]["secure"] is True
