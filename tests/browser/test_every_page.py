"""What holds for every page that links lead to: none asks for what grows with the store, each has a title of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.site import BrowserSite
from tests.browser.conftest import ADMIN
from tests.browser.crawling import crawl, text_of
from tests.browser.forbidden_sql import fault_of

pytestmark = pytest.mark.django_db
# For scripts, and a redirect.
WITHOUT_LINKS = {"tail", "stream_tail", "position"}
OF_AGGREGATES = {"state"}


class WatchingClient(Client):
    """Keeps the statements of each page."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.statements: dict[str, list[str]] = {}

    def get(self, path: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        with CaptureQueriesContext(connection) as captured:
            response = super().get(path, *arguments, **options)
            text_of(response)
        self.statements[path] = [each["sql"] for each in captured.captured_queries]
        return response


@pytest.fixture
def watching(failing: dict[str, Any]) -> WatchingClient:
    """A superuser, among orders of which some have failed."""
    client = WatchingClient()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_links_lead_to_every_page_and_none_asks_for_what_grows(watching: WatchingClient) -> None:
    names = {each.name for each in BrowserSite().get_urls() if getattr(each, "name", None)}

    found = crawl(watching, ADMIN)

    assert names - found.names <= WITHOUT_LINKS | OF_AGGREGATES
    faults = [
        (path, fault_of(statement), statement)
        for path, statements in watching.statements.items()
        for statement in statements
        if fault_of(statement)
    ]
    assert faults == []


def test_every_page_has_a_title_of_its_own(watching: WatchingClient) -> None:
    found = crawl(watching, ADMIN)
    titles: dict[str, set[str]] = {}
    for path, page in found.pages.items():
        if page.headers.get("Content-Type", "").startswith("text/html") and page.status_code == 200:
            [title] = re.findall(r"<title>(.*?)</title>", text_of(page), re.DOTALL)[:1]
            titles.setdefault(title.strip(), set()).add(re.split(r"[?#]", path)[0])

    assert {title: paths for title, paths in titles.items() if len(paths) > 1} == {}
