"""The pages in a real browser: readable, reachable, light and dark, wide and narrow, under a strict policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from event_store import event_store
from tests.browser.conftest import ADMIN
from tests.chromium import follow
from tests.conftest import WIDE
from tests.event_store.sample import HOSTILE_NAMES, Agreement, Noted

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = ["", "streams/", "streams/Agreement$41/", "events/", "processes/", "processes/Agreement/?status=waiting",
         "processes/Agreement/41/", "processes/Agreement/42/", "handlers/", "handlers/Agreement/", "types/", "types/sample.CustomerSaidYes/", "help/", "find/?q=Ord", "find/?q=Confirm", "events/?type=c", "events/?correlation=x", "events/?where=order_id:%2241%22&since=x", "events/?where=number>1&type=sample.Confirmed&since=2020-01-01", "streams/never/"]  # fmt: skip
PATHS += [
    "processes/Agreement/41/compare/",
    "processes/Agreement/41/?at=1",
    "processes/Agreement/42/compare/?with=41",
    "streams/Order$41/state/",
]
PATHS += ["streams/?recent=1", "streams/?contains=x", "streams/Agreement$41/?view=full&type=-sample.X&from=1"]
PATHS += ["events/?live=1"]
PATHS += ["swimlane/?s=Order$41&s=Agreement$41&s=never", "swimlane/"]
PATHS += ["flow/", "flow/?category=Agreement", "flow/?category=Order&rare=1&to=sample.CustomerSaidYes"]
NARROW = {"width": 375, "height": 812}
TAGS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


# On its own, only the frame is another one.
@pytest.mark.parametrize(
    ("mount", "dark", "phone"),
    [
        *((ADMIN, dark, phone) for dark in (False, True) for phone in (False, True)),
        ("/es/", False, False),
        ("/es/", True, True),
    ],
)
def test_every_page_is_accessible_and_fits_its_window(
    signed_in: Callable[..., Page], published: Any, mount: str, dark: bool, phone: bool
) -> None:
    page = signed_in(mount, dark=dark, phone=phone, viewport=NARROW if phone else WIDE)
    conversation = f"correlations/{published['caterer'].correlation_id}/"
    command = f"commands/{published['confirmed'].causation_id}/"
    for path in [*PATHS, f"events/{published['caterer'].id}/", conversation, command]:
        page.goto(mount + path)
        found = Axe().run(page, context=".es", options=TAGS).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_three_clicks_from_the_waiting_processes_to_the_other_stream(
    signed_in: Callable[..., Page], published: Any
) -> None:
    page = signed_in("/admin/")
    follow(page.get_by_role("link", name="Streams, events and processes").first)
    follow(page.get_by_role("link", name="1 process", exact=True))
    follow(page.locator("#es").get_by_role("link", name="42", exact=True))
    assert "Waiting for" in page.locator(".es-facts").inner_text()
    follow(page.locator(".es-step").get_by_role("link", name="CustomerSaidYes"))
    assert "shown in 2 streams" in page.locator("#es").inner_text()
    follow(page.locator(".es-event-streams").get_by_role("link", name="Order$42"))

    assert page.locator("h1.es-title").inner_text() == "Order$42"


def test_everything_works_without_scripts(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/41/", java_script_enabled=False)
    follow(page.locator(".es-scrub").get_by_role("link", name="‹ Step 1"))
    assert page.url.endswith("?at=1")
    page.locator("#es-at").fill("2")
    follow(page.get_by_role("button", name="Go"))
    assert page.url.endswith("?at=2")
    page.get_by_placeholder("Find id, stream, type or key").fill("Order$41")
    follow(page.get_by_role("button", name="Find"))

    assert page.locator("h1.es-title").inner_text() == "Order$41"
    page.get_by_placeholder("Find id, stream, type or key").fill(str(published["caterer"].id))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/events/{published['caterer'].id}/")


def test_lists_go_on_and_come_back_without_scripts_in_the_dark_too(
    signed_in: Callable[..., Page], published: Any
) -> None:
    event_store.append([Noted(text=str(number)) for number in range(60)], stream="long")
    page = signed_in(f"{ADMIN}streams/long/", java_script_enabled=False, dark=True)
    positions = page.locator("#es tbody td:first-child")
    newest = positions.all_inner_texts()
    follow(page.get_by_role("link", name="Older").first)
    oldest = positions.all_inner_texts()
    follow(page.get_by_role("link", name="Newer").first)

    assert [*newest, *oldest] == [str(number) for number in range(59, -1, -1)]
    assert positions.all_inner_texts() == newest
    # Chromium evaluates for its driver, whatever the page may.
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 18, 18)"


@pytest.mark.parametrize("path", ["", "events/", "processes/Agreement/41/"])
def test_tab_goes_through_a_page_in_its_order_shows_where_it_is_and_comes_out(
    signed_in: Callable[..., Page], published: Any, path: str
) -> None:
    page = signed_in(ADMIN + path)
    can_be_reached = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
            .filter(each => each.type !== 'hidden' && each.checkVisibility({visibilityProperty: true}))
            .map((each, index) => each.dataset.testStop = index).length"""
    )
    stops, hidden = [], []
    for _key in range(can_be_reached + 20):
        page.keyboard.press("Tab")
        stop, shown = page.evaluate(
            """() => { const each = document.activeElement, style = getComputedStyle(each);
                return [each.dataset.testStop ?? null, style.outlineStyle !== 'none' || style.boxShadow !== 'none'
                    || !each.closest('#es')]; }"""
        )
        if stop is None:
            if stops:
                break
            continue
        stops.append(int(stop))
        hidden += [] if shown else [stop]

    assert stop is None, "a trap"
    assert hidden == []
    assert stops == sorted(stops)
    assert len(stops) >= 0.9 * can_be_reached


def test_every_mark_of_the_timeline_can_be_reached_and_has_a_name(
    signed_in: Callable[..., Page], published: Any
) -> None:
    marks = signed_in(f"{ADMIN}processes/Agreement/41/").locator(".es-tl a")

    assert marks.count() == 3
    names = [str(marks.nth(index).get_attribute("aria-label")) for index in range(3)]
    assert [re.sub(r", \d.*", "", each) for each in names] == [
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
        follow(links.nth(index))
        assert page.locator("h1.es-title").inner_text() == names[-1]
        numbers.update(re.findall(r"number \d+", page.locator("#es tbody").inner_text()))
        page.go_back()
    page.goto(f"{ADMIN}streams/?size=100")

    assert numbers == {f"number {number}" for number in range(len(HOSTILE_NAMES))}
    assert len(set(names)) == len(HOSTILE_NAMES) + 1
    assert set(names) <= set(page.locator("#es tbody tr td:first-child a").all_inner_texts())
