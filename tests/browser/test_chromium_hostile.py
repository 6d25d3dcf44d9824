"""Hostile texts and names in a real browser: no dialog, no new element, and nobody's direction is turned round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from event_store import event_store
from tests.browser.hostile import HOSTILE_NAMES, MARKUP, publish_everywhere
from tests.chromium import follow
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db(transaction=True)
NEVER_MADE = "document.querySelectorAll('[data-x], #es script, #es style, #es [onerror], #es [onload]').length"


def test_no_text_opens_a_dialog_or_adds_an_element(signed_in: Callable[..., Page], published: Any) -> None:
    stored = publish_everywhere(*MARKUP)
    page = signed_in("/es/")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    lists = ["", "streams/", "events/", "processes/", "handlers/", "types/"]
    for path in lists:
        page.goto(f"/es/{path}")
        assert page.evaluate(NEVER_MADE) == 0, path
    for each in stored:
        for path in (
            f"events/{each.event_id}/",
            f"swimlane/?{urlencode({'s': each.text})}",
            f"find/?{urlencode({'q': each.text})}",
        ):
            page.goto(f"/es/{path}")
            assert page.evaluate(NEVER_MADE) == 0, path
            assert each.text in page.locator("#es").inner_text(), path
    for each in (stored[0], stored[1], stored[5]):
        page.goto(f"/es/events/{each.event_id}/")
        ways = page.locator("#es a", has_text=each.text).evaluate_all("links => [...new Set(links.map(a => a.href))]")
        assert any("/streams/" in way for way in ways)
        for way in [page.url, f"/es/commands/{each.command_id}/", *ways]:
            page.goto(way)
            assert page.evaluate(NEVER_MADE) == 0, way
            assert each.text in page.locator("#es").inner_text(), way
            assert page.title().endswith(" | Event store"), way

    assert dialogs == []


def test_a_name_that_turns_its_direction_leaves_its_neighbours_alone(
    signed_in: Callable[..., Page], published: Any
) -> None:
    turning = "\u202e321$tfel-ot-thgir\u2066"
    event_store.append(Noted(), stream=turning)
    page = signed_in("/es/streams/?prefix=%E2%80%AE")
    link = page.locator("#es tbody td").first.locator("a")
    order = page.evaluate(
        """() => {
            const [name, count] = document.querySelectorAll('#es tbody td');
            const box = document.createRange();
            box.selectNodeContents(name);
            return [box.getBoundingClientRect().right <= count.getBoundingClientRect().right,
                    getComputedStyle(name.querySelector('bdi')).direction];
        }"""
    )

    assert link.inner_text() == "U+202E321$tfel-ot-thgirU+2066"
    assert order == [True, "ltr"]
    follow(link)
    assert page.locator("h1.es-title").inner_text() == "U+202E321$tfel-ot-thgirU+2066"


def test_what_a_live_page_brings_is_text_as_well(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in("/es/events/?live=1")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for text in MARKUP:
        event_store.append(Noted(text=text), stream=f"live {text}")
    for text in MARKUP:
        page.locator("#es tbody td[data-l=Stream] a", has_text=f"live {text}").wait_for()
        assert f"text={text}" in page.locator("#es tbody").inner_text()

    assert page.evaluate(NEVER_MADE) == 0
    assert dialogs == []


def test_dots_and_slashes_in_names_survive_the_browsers_address_line(
    signed_in: Callable[..., Page], published: Any
) -> None:
    # What a browser changes in an address before it asks for it: dots, slashes, backslashes, spaces, controls.
    names = [each for each in HOSTILE_NAMES if set(each) & set("./\\ \n\t\r") and len(each) < 20]
    for number, name in enumerate(names):
        event_store.append(Noted(text=f"number {number}."), stream=name)
    page = signed_in("/es/events/?size=200")
    links = page.locator("#es td[data-l=Stream] a").evaluate_all("links => links.map(a => a.href)")
    read = {}
    for link in links[: len(names)]:
        page.goto(link)
        read[link] = page.locator("#es tbody").inner_text()

    assert len(read) == len(names)
    assert [f"number {number}." in text for number, text in enumerate(reversed(read.values()))] == [True] * len(names)
