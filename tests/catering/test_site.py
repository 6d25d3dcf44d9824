"""The demo site as a whole: settings, servers, the tools that come with it."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from catering import asgi, wsgi
from tests.catering.factories import StaffFactory

ROOT = Path(settings.BASE_DIR)


def test_both_kinds_of_servers_find_the_site() -> None:
    assert callable(wsgi.application)
    assert callable(asgi.application)


@pytest.mark.django_db
def test_the_site_is_in_english_whatever_the_browser_asks_for() -> None:
    client = Client(headers={"Accept-Language": "de"})
    client.force_login(StaffFactory())

    form = client.post("/orders/new/", {}).content.decode()
    admin = client.get("/admin/").content.decode()

    assert "This field is required." in form
    assert '<html lang="en"' in form
    assert '<html lang="en"' in admin


@pytest.mark.django_db
def test_the_icon_is_found_under_its_usual_name(client: Client) -> None:
    response = client.get("/favicon.ico")

    assert response.status_code == 302
    assert finders.find(response.headers["Location"].removeprefix(settings.STATIC_URL)) is not None


def test_shell_plus_has_the_stores_names() -> None:
    names: dict[str, object] = {}
    for line in settings.SHELL_PLUS_IMPORTS:
        exec(line, names)

    assert {"event_store", "dispatch", "replay", "NO_STREAM", "OrderPlaced"} <= set(names)


def test_the_models_can_be_drawn() -> None:
    output = StringIO()

    call_command("graph_models", "catering", "event_store", "--dot", stdout=output)

    assert "OrderSummary" in output.getvalue()


@pytest.mark.django_db
def test_the_models_have_their_migrations() -> None:
    call_command("makemigrations", "catering", check=True, dry_run=True, stdout=StringIO())


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_templates_work_under_a_strict_policy(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|javascript:|\|safe|autoescape off", text)
