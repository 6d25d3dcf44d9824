"""The page of an event in a real browser: two columns where there is room, rails that join what belongs together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from event_store import event_store
from tests.browser.conftest import ADMIN
from tests.browser.test_chromium import NARROW, TAGS
from tests.chromium import follow
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_is_read_on_a_desk_and_on_a_phone_and_leads_on(
    signed_in: Callable[..., Page],
    published: Any,
) -> None:
    with event_store.caused_by(published["confirmed"]), event_store.metadata(trace="abc"):
        [event] = event_store.publish([Noted(text="a")], stream="Order$41", links=["Day$1"])
    [sibling] = event_store.publish([Noted(text="b")], stream="Day$1")
    for each in (event, published["confirmed"]):
        with event_store.caused_by(each):
            event_store.publish([Noted(), Noted()], stream="notes")
    page = signed_in(f"{ADMIN}events/{event.id}/?in=Day$1", java_script_enabled=False)

    def places() -> list[dict[str, float]]:
        parts = (".es-event-data", ".es-event-why", ".es-event-streams")
        return [page.locator(each).bounding_box() or {} for each in parts]

    data, why, streams = places()
    assert why["x"] > data["x"] + data["width"] - 1
    assert streams["x"] == data["x"]
    page.set_viewport_size({"width": 1023, "height": 800})
    data, why, streams = places()
    assert data["x"] == why["x"] == streams["x"]
    assert data["y"] < why["y"] < streams["y"]
    assert not page.get_by_text("trace").is_visible()
    page.locator(".es-event-metadata > details > summary").click()
    assert page.get_by_text("trace").is_visible()
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    follow(page.locator(".es-neighbours a[rel=next]"))
    assert str(sibling.id) in page.url
    follow(page.locator(".es-neighbours a[rel=prev]"))
    assert page.url.endswith(f"{event.id}/?in=Day%241")
    follow(page.locator(".es-chain").get_by_role("link", name="CatererSaidYes"))
    assert str(published["caterer"].id) in page.url
    follow(page.locator(".es-effects").get_by_role("link", name="Noted").last)
    assert page.locator(".es-here, .es-chain li").last.inner_text().startswith("Noted this event")


def test_shapes_stand_on_their_rails_and_words_beside_them(
    signed_in: Callable[..., Page],
    published: Any,
) -> None:
    page = signed_in(f"{ADMIN}events/{published['confirmed'].id}/", phone=True, viewport=NARROW)
    shapes, lines = page.evaluate(
        """() => [...document.querySelectorAll('.es-chain .es-message')].map(row => {
            const text = document.createRange(), left = row.getBoundingClientRect().left;
            text.selectNodeContents(row);
            const lines = [...text.getClientRects()].filter(each => each.width).map(each => each.left - left);
            return [row.querySelector('svg').getBoundingClientRect().left - left, Math.min(...lines.filter(each => each > 1))];
        }).reduce(([shapes, lines], [shape, line]) => [[...shapes, shape], [...lines, line]], [[], []])"""
    )

    assert {round(each) for each in shapes} == {0}
    assert min(lines) >= 17
    with event_store.metadata(via={"a": {"b": [{"c": 1}]}}):
        [nested] = event_store.publish([Noted(text="word " * 100)], stream="notes")
    page.goto(f"{ADMIN}events/{nested.id}/")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert Axe().run(page, context=".es", options=TAGS).response["violations"] == []
    last = nested
    for _ in range(20):
        with event_store.caused_by(last):
            [last] = event_store.append([Noted()], stream="deep")
    page.goto(f"{ADMIN}events/{nested.id}/")
    widths = page.locator(".es-effects .es-message").evaluate_all("all => all.map(e => e.clientWidth)")
    assert len(widths) == 20
    assert min(widths) >= 190
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
