"""The pages in a real browser: readable, reachable, light and dark, wide and narrow, under a strict policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page

from tests.browser.conftest import ADMIN, publish_orders
from tests.conftest import WIDE
from tests.event_store.sample import HOSTILE_NAMES, Agreement

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = ["", "streams/", "streams/Agreement$41/", "events/", "processes/", "processes/Agreement/?status=waiting",
         "processes/Agreement/41/", "processes/Agreement/42/", "handlers/", "help/", "find/?q=Ord", "find/?q=Confirm", "events/?type=c", "events/?correlation=x", "streams/never/"]  # fmt: skip
NARROW = {"width": 375, "height": 812}
TAGS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def published(settings: Any) -> dict[str, Any]:
    settings.MIDDLEWARE = [*django_settings.MIDDLEWARE, "tests.browser.policy.strict_policy"]
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


@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_every_page_is_accessible_and_fits_its_window(
    signed_in: Callable[..., Page], published: Any, mount: str, dark: bool, phone: bool
) -> None:
    page = signed_in(mount, dark=dark, phone=phone, viewport=NARROW if phone else WIDE)
    for path in [*PATHS, f"events/{published['caterer'].id}/"]:
        page.goto(mount + path)
        found = Axe().run(page, context=".es", options=TAGS).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_three_clicks_from_the_waiting_processes_to_the_other_stream(
    signed_in: Callable[..., Page], published: Any
) -> None:
    page = signed_in("/admin/")
    page.get_by_role("link", name="Streams, events and processes").first.click()
    page.get_by_role("link", name="1 process", exact=True).click()
    page.locator("#es").get_by_role("link", name="42", exact=True).click()
    assert "Waiting for" in page.locator(".es-facts").inner_text()
    page.locator(".es-step").get_by_role("link", name="CustomerSaidYes").click()
    assert "shown in 2 streams" in page.locator("#es").inner_text()
    page.get_by_role("link", name="Order$42").click()

    assert page.locator("h1.es-title").inner_text() == "Order$42"


def test_everything_works_without_scripts(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/41/", java_script_enabled=False)
    page.locator(".es-scrub").get_by_role("link", name="‹ Step 1").click()
    assert page.url.endswith("?at=1")
    page.locator("#es-at").fill("2")
    page.get_by_role("button", name="Go").click()
    assert page.url.endswith("?at=2")
    page.get_by_placeholder("Find id, stream, type or key").fill("Order$41")
    page.get_by_role("button", name="Find").click()

    assert page.locator("h1.es-title").inner_text() == "Order$41"


def test_every_mark_of_the_timeline_can_be_reached_and_has_a_name(
    signed_in: Callable[..., Page], published: Any
) -> None:
    marks = signed_in(f"{ADMIN}processes/Agreement/41/").locator(".es-tl a")

    assert marks.count() == 3
    assert [marks.nth(index).get_attribute("aria-label") for index in range(3)] == [
        "Step 1, event sample.CustomerSaidYes",
        "Step 2, event sample.CatererSaidYes",
        "Step 2, command sample.Confirm",
    ]


@pytest.mark.parametrize("key", ["41", "42"])
def test_a_process_fits_a_phone(signed_in: Callable[..., Page], published: Any, key: str) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/{key}/", phone=True, viewport=NARROW)
    outside, slider, sizes, newest = page.evaluate(
        """() => {
            const box = each => each.getBoundingClientRect();
            const all = selector => [...document.querySelectorAll(selector)];
            const middle = each => (box(each).top + box(each).bottom) / 2;
            return [all('.es-step').flatMap(step => [...step.querySelectorAll('*')]
                        .filter(each => box(each).right > box(step).right + 1).map(each => each.outerHTML)),
                    all('.es-slider > *').map(each => Math.round(middle(each))),
                    all('.es-scrub label, .es-facts dt, .es-facts dd').map(each => getComputedStyle(each).fontSize),
                    Math.max(...all('.es-tl a, .es-tl .now').map(each => box(each).right))];
        }"""
    )

    assert outside == []
    assert max(slider) - min(slider) <= 3
    assert set(sizes) == {"13px"}
    assert 0 < newest <= NARROW["width"]
    assert page.get_by_text("Scroll sideways for earlier steps").is_visible()
    assert " of " not in page.locator(".es-scrub").inner_text()


def test_a_window_that_shows_the_whole_timeline_has_no_hint(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/41/")

    assert not page.get_by_text("Scroll sideways for earlier steps").is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('.es-newest-first')].every(e => e.scrollWidth <= e.clientWidth)"
    )


def test_a_value_stands_beside_its_label_on_a_phone(
    signed_in: Callable[..., Page], published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(0))
    page = signed_in(f"{ADMIN}processes/", phone=True, viewport=NARROW)
    cells = page.evaluate(
        """() => [...document.querySelectorAll('.es-cards td[data-l]')].map(cell => {
            const text = document.createRange(), box = cell.getBoundingClientRect();
            text.selectNodeContents(cell);
            const first = [...text.getClientRects()].filter(each => each.width)[0];
            return [cell.dataset.l, Math.round(first.left - box.left), first.top - box.top];
        })"""
    )

    assert "Why" in [label for label, _left, _top in cells]
    assert {left for _label, left, _top in cells} == {120}
    assert [cell for cell in cells if cell[2] > 8] == []


def test_what_leads_somewhere_is_underlined_and_nothing_else(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(ADMIN)
    for path in ["", "processes/", "processes/Agreement/42/", "streams/Agreement$41/", "help/"]:
        page.goto(ADMIN + path)
        seen = page.evaluate(
            """() => {
                const underlined = each => getComputedStyle(each).textDecorationLine.includes('underline');
                const links = '#es :is(td, li, dd, p) a:not(.es-counts a, .es-tl a), .es-counts a span, #es a .es-kind';
                const texts = '#es :is(.es-kind, .es-quiet, b, time, th)';
                return [[...document.querySelectorAll(links)].filter(each => !underlined(each)),
                        [...document.querySelectorAll(texts)].filter(each => underlined(each) && !each.closest('a'))]
                    .map(found => found.map(each => each.outerHTML));
            }"""
        )
        assert seen == [[], []], path


def test_hostile_names_are_clicked_without_a_loss(signed_in: Callable[..., Page], published: Any) -> None:
    from event_store import event_store
    from tests.event_store.sample import Noted

    for number, name in enumerate(HOSTILE_NAMES):
        event_store.publish(Noted(text=f"number {number}"), stream=name)
    [everywhere] = event_store.publish(Noted(), stream="plain", links=HOSTILE_NAMES)
    page = signed_in(f"{ADMIN}events/{everywhere.id}/")
    links = page.locator("#es table a[href*='/streams/']")
    names, numbers = [], set()
    for index in range(links.count()):
        names.append(links.nth(index).inner_text())
        with page.expect_navigation():
            links.nth(index).click()
        assert page.locator("h1.es-title").inner_text() == names[-1]
        numbers.update(re.findall(r"number \d+", page.locator("#es tbody").inner_text()))
        page.go_back()
    page.goto(f"{ADMIN}streams/?size=100")

    assert numbers == {f"number {number}" for number in range(len(HOSTILE_NAMES))}
    assert len(set(names)) == len(HOSTILE_NAMES) + 1
    assert set(names) <= set(page.locator("#es tbody tr td:first-child a").all_inner_texts())


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_words_of_the_timeline_stand_out(signed_in: Callable[..., Page], published: Any, dark: bool) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/42/", dark=dark)
    colours = page.evaluate(
        """() => {
            const fill = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
            return [fill('.es-tl text', 'fill'), fill('.es-tl .event', 'fill'), fill('.es-tl .wait', 'stroke'),
                    getComputedStyle(document.body).backgroundColor];
        }"""
    )
    text, event, wait, background = [_luminance(each) for each in colours]

    assert _contrast(text, background) >= 4.5
    assert min(_contrast(event, background), _contrast(wait, background)) >= 3


def _luminance(colour: str) -> float:
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
