"""The flow map in a real browser: nothing overlaps, everything stands out and can be reached, a phone begins at the spine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from event_store import Event, event_store
from event_store.testing import isolated_registries
from tests.browser.conftest import ADMIN
from tests.browser.contrast import contrast
from tests.browser.test_chromium import NARROW, TAGS

pytestmark = pytest.mark.django_db(transaction=True)
PATH = f"{ADMIN}flow/?category=Order&from=shop.OrderPlacedByTelephone&to=shop.Paid"
STORIES = [
    "Placed Paid Sent", "Placed Paid Sent", "Placed Paid Paid Sent", "Placed Reminded Paid Sent", "Placed Reminded Reminded",
    "Placed Paid Returned Sent Returned Paid", "OrderPlacedByTelephone Paid 発送済み", "Placed Cancelled",
]  # fmt: skip
COLOURS = """() => {
    const style = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    const background = style('body', 'backgroundColor');
    return {
        text: [['.es-flow text:not(.q)', 'fill'], ['.es-flow .q', 'fill'], ['.es-flow .arrow.chosen text', 'fill']]
            .map(([selector, property]) => [style(selector, property), background])
            .concat([[style('.es-flow .terminal .q', 'fill'), style('.es-flow .terminal .frame', 'fill')]]),
        mark: [['.es-flow .line', 'stroke'], ['.es-flow .head', 'fill'], ['.es-flow .usual .line', 'stroke'],
               ['.es-flow .chosen .line', 'stroke'], ['.es-flow a.box .frame', 'stroke'], ['.es-flow .event', 'fill'],
               ['.es-flow .end:is(circle)', 'stroke']]
            .map(([selector, property]) => [style(selector, property), background]),
    };
}"""
TEXTS = """() => [...document.querySelectorAll('.es-flow text')].map(each => {
    const box = each.getBBox(), frame = each.parentNode.querySelector('.frame');
    const moved = each.transform.baseVal.length ? each.transform.baseVal[0].matrix.f : 0;
    const around = frame && frame.getBBox();
    return [each.textContent, box.x, box.y + moved, box.x + box.width, box.y + moved + box.height,
            !around || (box.x >= around.x && box.x + box.width <= around.x + around.width)];
})"""


@pytest.fixture
def stories(published: Any) -> None:
    with isolated_registries():
        for number, story in enumerate(STORIES):
            for each in story.split():
                placed = type("Any", (Event,), {"__module__": "nowhere"}, type=f"shop.{each}")()
                event_store.append(placed, stream=f"Order$told{number}")


@pytest.mark.parametrize("dark", [False, True])
def test_the_map_is_readable_and_accessible(signed_in: Callable[..., Page], stories: None, dark: bool) -> None:
    page = signed_in(PATH, dark=dark)
    colours, texts = page.evaluate(COLOURS), page.evaluate(TEXTS)
    found = Axe().run(page, context=".es", options=TAGS).response["violations"]

    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
    for kind, least in (("text", 4.5), ("mark", 3)):
        contrasts = [contrast(one, other) for one, other in colours[kind]]
        assert min(contrasts) >= least, (kind, contrasts)
    assert [text for text, *_place, fits in texts if not fits] == []
    assert [(one[0], other[0]) for one, other in combinations(texts, 2) if _overlap(one, other)] == []
    assert len(texts) > 40


def test_every_box_and_arrow_is_reached_by_tab_and_an_arrow_leads_to_its_streams(
    signed_in: Callable[..., Page], stories: None
) -> None:
    page = signed_in(PATH)
    names = [each.get_attribute("aria-label") for each in page.locator(".es-flow a").all()]
    page.locator(".es-flow-scroll").focus()
    reached = []
    for _name in names:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    page.locator(".es-flow a[aria-label^='shop.Returned, then shop.Sent']").focus()
    shown = page.evaluate("getComputedStyle(document.activeElement.querySelector('.over')).visibility")
    page.keyboard.press("Enter")
    page.wait_for_url("**from=shop.Returned**")

    assert reached == names
    assert len(set(names)) == len(names) > 15
    assert shown == "visible"
    assert page.url.endswith("to=shop.Sent#es-examples")
    assert page.locator(".es-examples").inner_text() == "Order$told5"


def test_a_phone_begins_at_the_spine_and_scrolls_inside_the_map(signed_in: Callable[..., Page], stories: None) -> None:
    page = signed_in(PATH, phone=True, viewport=NARROW)
    page.wait_for_timeout(400)
    usual, fits, free = page.evaluate(
        """() => {
            const usual = document.querySelector('.es-flow .box.usual .frame').getBoundingClientRect();
            const scroll = document.querySelector('.es-flow-scroll');
            scroll.scrollLeft = 0;
            return [[usual.left, usual.right], document.documentElement.scrollWidth <= 375,
                    [scroll.scrollLeft, scroll.scrollWidth > scroll.clientWidth]];
        }"""
    )

    assert usual[0] >= 0
    assert usual[1] <= 375
    assert fits
    assert free == [0, True]


def test_a_map_that_is_cut_off_says_that_it_scrolls(signed_in: Callable[..., Page], stories: None) -> None:
    page = signed_in(PATH)
    shown = []
    for width in (2400, 1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        shown.append(
            page.evaluate(
                """() => {
                    const box = each => document.querySelector(each).getBoundingClientRect();
                    const hint = box('.es-flow-hint'), words = box('.es-flow-hint .es-quiet');
                    const scroll = document.querySelector('.es-flow-scroll');
                    return [scroll.scrollWidth > scroll.clientWidth, hint.height > 0,
                            words.bottom > hint.top && words.top >= hint.top && words.right <= innerWidth];
                }"""
            )
        )

    assert {tuple(each) for each in shown} == {(False, False, False), (True, True, True)}


def _overlap(one: list[Any], other: list[Any]) -> bool:
    # Boxes of text are higher than their letters.
    return one[1] < other[3] and other[1] < one[3] and one[2] + 3 < other[4] - 3 and other[2] + 3 < one[4] - 3
