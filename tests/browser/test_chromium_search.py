"""Looking for events, and taking them home, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ADMIN
from tests.chromium import follow

pytestmark = pytest.mark.django_db(transaction=True)


def rows(page: Page) -> int:
    return page.locator("#es tbody tr:not(:has(.es-empty))").count()


def test_events_are_searched_without_scripts(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}events/", java_script_enabled=False)
    page.locator("#es-where").fill("order_id?")
    page.locator("#es-stream").fill("Order$41")
    follow(page.get_by_role("button", name="Search"))
    assert rows(page) == 2
    page.locator("#es-where").fill("41")
    follow(page.get_by_role("button", name="Search"))
    assert "Name the field, too: field:41" in page.locator(".es-note").inner_text()
    assert page.locator("#es-where").input_value() == "41"
    assert page.locator("#es-stream").input_value() == "Order$41"
    page.locator("#es-where").fill('order_id:"41"')
    follow(page.get_by_role("button", name="Search"))
    follow(page.locator(".es-chips").get_by_role("link", name="stream"))

    assert page.locator("#es-stream").input_value() == ""
    assert page.locator("#es-where").input_value() == 'order_id:"41"'
    assert rows(page) == 3


def test_a_stream_is_filtered_and_shows_its_data(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}streams/Agreement$41/", java_script_enabled=False)
    page.get_by_text("By type, position or time").click()
    page.locator("#es-type").fill("-CatererSaidYes")
    follow(page.get_by_role("button", name="Apply"))
    assert rows(page) == 1
    follow(page.get_by_role("link", name="Show all data"))
    assert "41" in page.locator(".es-json").inner_text()
    page.locator("#es-from").fill("0")
    follow(page.get_by_role("button", name="Apply"))

    assert page.url.endswith("?type=-sample.CatererSaidYes&from=0&view=full")
    assert rows(page) == 1


def test_a_file_of_a_stream_is_downloaded(signed_in: Callable[..., Page], published: Any, tmp_path: Path) -> None:
    page = signed_in(f"{ADMIN}streams/Order$41/")
    with page.expect_download() as started:
        page.get_by_role("link", name="JSONL").click()
    started.value.save_as(tmp_path / "file")

    assert started.value.suggested_filename == "Order$41.jsonl"
    lines = (tmp_path / "file").read_text().splitlines()
    assert [json.loads(line)["position"] for line in lines] == [0, 1]
