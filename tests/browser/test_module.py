"""The module of scripts and the templates, as files: small, alone, and nothing inline."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client
from django.utils.module_loading import import_string

import browser
from browser.shortcuts import SECTION_KEYS, SHORTCUTS
from tests.browser.conftest import ADMIN

PACKAGE = Path(browser.__file__).parent
MODULE = PACKAGE / "static/browser/browser.js"
SMALL = 12 * 1024


def test_the_module_is_small_and_needs_no_other() -> None:
    code = MODULE.read_text()

    assert MODULE.stat().st_size < SMALL
    assert re.findall(r"\bimport\b|\brequire\(|https?:|\beval\(|\.style\b", code) == []


def test_no_template_has_a_script_a_style_or_a_handler_in_it() -> None:
    inline = re.compile(r" style=|<style|(?<![\w-])on[a-z]+=\"|<script(?![^>]*\bsrc=)|javascript:", re.IGNORECASE)
    folders = [PACKAGE / "templates", PACKAGE / "templatetags", PACKAGE / "views"]
    found = [
        (path.name, line)
        for folder in folders
        for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.py")])
        for line in path.read_text().splitlines()
        if inline.search(line)
    ]

    assert found == []


def test_every_file_that_a_template_loads_carries_the_nonce() -> None:
    templates = "".join(path.read_text() for path in (PACKAGE / "templates").rglob("*.html"))
    loaded = re.findall(r'<script[^>]*>|<link[^>]*rel="stylesheet"[^>]*>', templates)

    assert len(loaded) >= 3
    assert [each for each in loaded if "{% es_nonce %}" not in each] == []


@pytest.mark.django_db
def test_every_page_loads_the_module_once(client: Client) -> None:
    for path in ("", "events/", "help/", "never/"):
        scripts = re.findall(r"<script[^>]*browser\.js[^>]*>", client.get(ADMIN + path).text)
        assert scripts == ['<script type="module" src="/static/browser/browser.js">']


@pytest.mark.parametrize("source", ["django", "django-csp", "context", "none"])
def test_a_nonce_stands_where_the_policy_of_the_project_has_one(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class UnreadNonce:
        """As Django's: false until somebody reads it."""

        def __bool__(self) -> bool:
            return False

        def __str__(self) -> str:
            return 'a"b'

    request: Any = HttpRequest()
    context = Context({"request": request})
    if source == "context":
        context["csp_nonce"] = UnreadNonce()
    elif source == "django-csp":
        request.csp_nonce = UnreadNonce()
    elif source == "django" and find_spec("django.middleware.csp"):
        import_string("django.middleware.csp.ContentSecurityPolicyMiddleware")(HttpResponse).process_request(request)
    elif source == "django":
        monkeypatch.setattr(
            "browser.templatetags.event_store_browser.import_string", lambda path: lambda request: UnreadNonce()
        )
    shown = Template("{% load event_store_browser %}<script{% es_nonce %}>").render(context)

    nonce = str(getattr(request, "_csp_nonce", UnreadNonce())).replace('"', "&quot;")
    assert shown == ("<script>" if source == "none" else f'<script nonce="{nonce}">')


@pytest.mark.django_db
def test_the_help_lists_every_shortcut_that_the_pages_have(client: Client) -> None:
    page = client.get(f"{ADMIN}help/").text
    listed = {key for keys, _words in SHORTCUTS for key in keys}

    assert set(SECTION_KEYS.values()) <= listed
    assert all(f"<kbd>{key}</kbd>" in page for key in listed)
    assert set(re.findall(r'<a href="[^"]*"[^>]* data-es-key="(g .)"', page)) == set(SECTION_KEYS.values())


def test_static_files_are_collected_under_names_of_their_content(tmp_path: Path, settings: Any) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    shown = Template('{% load static %}{% static "browser/browser.js" %} {% static "browser/browser.css" %}').render(
        Context()
    )

    assert re.fullmatch(r"/static/browser/browser\.\w{12}\.js /static/browser/browser\.\w{12}\.css", shown)
