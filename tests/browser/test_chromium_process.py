"""The timeline of a process in a real browser: marks one can see, reach and name, in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from event_store import event_store
from event_store.models import Process, ProcessDeadline
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.contrast import contrast
from tests.browser.shipments import tell
from tests.chromium import follow
from tests.event_store.sample import CustomerSaidYes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipments_declared")]
PAGE = f"{ADMIN}processes/Shipments/7/"
OVERLAPS = """() => {
    const texts = [...document.querySelectorAll('.es-tl text')].map(each => [each.textContent, each.getBoundingClientRect()]);
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
    return texts.flatMap(([one, a], index) => texts.slice(index + 1).filter(([_, b]) => meet(a, b)).map(([other]) => [one, other]));
}"""

ASTRAY = """() => {
    const across = (a, b) => a.left < b.right && b.left < a.right;
    const meet = (a, b) => across(a, b) && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
    const marks = [...document.querySelectorAll('.es-tl a:has(.event)')].map(each => {
        const box = part => each.querySelector(part)?.getBoundingClientRect();
        return {name: each.querySelector('text')?.textContent, mark: box('.event'), text: box('text'), leader: box('.leader')};
    });
    const isAstray = one => !one.text
        || !across(one.text, one.mark)
        || (one.leader && !(across(one.text, {left: one.leader.left - 1, right: one.leader.right + 1})
            && one.leader.top >= one.text.bottom - 6 && one.leader.bottom <= one.mark.top + 4))
        || marks.some(other => other !== one && (meet(one.text, other.mark) || (!one.leader && across(one.text, other.mark))
            || (other.leader && meet(one.text, {...other.leader.toJSON(), left: other.leader.left - 1, right: other.leader.right + 1}))));
    return [marks.length, marks.filter(isAstray).map(each => each.name ?? '')];
}"""
CARDS = """() => [...document.querySelectorAll('.es-cards td[data-l]')].filter(cell => {
    const label = getComputedStyle(cell, '::before');
    return parseFloat(label.height) > cell.clientHeight + 1 || parseFloat(label.width) > 112 || label.position === 'absolute';
}).length"""


@pytest.fixture
def parcel(published: Any, shipments_declared: None) -> None:
    """One deadline was handled, one cancelled, one is overdue, one not due; three commands were sent."""
    now = timezone.now()
    tell("7", "wait", "send", at=now - timedelta(hours=30), caterer=None)
    run_subscriptions("Shipments")
    tell("7", "stop", "wait", "send twice", at=now - timedelta(hours=3), run=False, caterer="asked")
    tell("7", "stop", at=now - timedelta(hours=3, minutes=-1), run=False)
    tell("7", "wait", at=now - timedelta(hours=2, minutes=30))
    tell("8", "wait", at=now - timedelta(minutes=5))
    late = ProcessDeadline.objects.filter(process__key="7").last()
    assert late is not None
    ProcessDeadline.objects.filter(pk=late.pk).update(status="waiting", event_id=None, ended_by=None)
    Process.objects.filter(key="7").update(next_deadline=late.due_at)


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_words_of_the_timeline_stand_out(signed_in: Callable[..., Page], parcel: None, dark: bool) -> None:
    page = signed_in(f"{PAGE}?at=2", dark=dark)
    texts, marks = page.evaluate(
        """() => {
            const svg = document.querySelector('.es-tl');
            const band = svg.querySelector('.sel').getBoundingClientRect();
            const behind = each => {
                const box = each.getBoundingClientRect();
                const isOnBand = box.right > band.left && box.left < band.right && !each.matches('.sel');
                return getComputedStyle(isOnBand ? svg.querySelector('.sel') : document.body)[isOnBand ? 'fill' : 'backgroundColor'];
            };
            const drawn = [...svg.querySelectorAll('rect:not(.sel), circle, path, line')].map(each => {
                const style = getComputedStyle(each), line = style.stroke !== 'none';
                return [each.getAttribute('class'), line ? style.stroke : style.fill, behind(each)];
            });
            return [[...svg.querySelectorAll('text')].map(each => [each.textContent, getComputedStyle(each).fill, behind(each)]), drawn];
        }"""
    )

    kinds = {each for name, _colour, _behind in marks for each in name.split()}
    assert kinds >= {"event", "command", "deadline", "handled", "cancelled", "overdue", "seen", "slash", "span", "wait", "now", "axis", "fold"}  # fmt: skip
    assert [each for each in texts if contrast(each[1], each[2]) < 4.5] == []
    assert [each for each in marks if contrast(each[1], each[2]) < 3] == []


def test_every_mark_is_reached_by_tab_in_the_order_one_sees_and_focus_is_visible(
    signed_in: Callable[..., Page], parcel: None
) -> None:
    page = signed_in(PAGE)
    names, shown = [], []
    page.locator(".es-timeline .es-scroll").focus()
    for _ in range(page.locator(".es-tl a").count()):
        page.keyboard.press("Tab")
        name, left, outline = page.evaluate(
            """() => {
                const at = document.activeElement, style = getComputedStyle(at);
                return [at.getAttribute('aria-label'), at.getBoundingClientRect().left, style.outlineStyle + style.outlineWidth];
            }"""
        )
        names.append(name)
        shown.append((name.split()[0], left, outline))
    page.keyboard.press("Tab")

    assert [
        each
        for each in names
        if not re.match(r"(Step \d, (event|commands?) (shipments|event_store)|Deadline the courier)", each)
    ] == []
    assert {outline for _kind, _left, outline in shown} == {"solid2px"}
    deadlines = [left for kind, left, _outline in shown if kind == "Deadline"]
    assert deadlines == sorted(deadlines)
    assert len(deadlines) == 3
    assert page.evaluate("document.activeElement.closest('.es-scrub') !== null")
    order = page.evaluate(
        """() => [...document.querySelectorAll('.es-scrub :is(a, input, button)')].map(each => {
            const box = each.getBoundingClientRect(), middle = (box.top + box.bottom) / 2;
            const top = each.closest('.es-scrub').getBoundingClientRect().top;
            return Math.floor((middle - top) / 30) * 10000 + box.left; })"""
    )
    assert order == sorted(order)
    page.locator(".es-tl a[aria-label*='overdue']").press("Enter")
    row = page.locator("tr:target")
    assert "nobody has handled it" in row.inner_text()


def test_what_the_timeline_shows_stands_in_lists_too(signed_in: Callable[..., Page], parcel: None) -> None:
    page = signed_in(PAGE)
    steps, deadlines = page.locator(".es-step").count(), page.locator(".es-deadlines tbody tr").count()

    assert page.locator(".es-tl .event").count() == steps
    assert page.locator(".es-tl .deadline").count() == deadlines
    assert page.locator(".es-step a[href*='/commands/']").count() == 3
    outside = page.evaluate(
        """() => { const svg = document.querySelector('.es-tl').getBoundingClientRect();
            return [...document.querySelectorAll('.es-tl text')].map(each => [each.textContent, each.getBoundingClientRect()])
                .filter(([_, box]) => box.left < svg.left - 1 || box.right > svg.right + 1).map(([text]) => text); }"""
    )
    assert outside == []
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(ASTRAY) == [steps, []]
    page.goto(f"{ADMIN}processes/Shipments/8/")
    assert page.evaluate(OVERLAPS) == []
    assert page.locator(".es-tl .deadline.open").count() == 1
    assert page.locator(".es-tl .now").bounding_box()["x"] < page.locator(".es-tl .deadline").bounding_box()["x"]  # type: ignore[index]


def test_each_of_eight_marks_has_a_label_of_its_own_and_labels_of_cards_do_not_overlap(
    signed_in: Callable[..., Page], published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    names = cycle(
        ["OrderPlaced", *["MenuSuggestedByCaterer"] * 4, "CustomerConfirmedMenu", "CatererConfirmedMenu", "Paid"]
    )
    monkeypatch.setattr("browser.svg.short_name", lambda event_type: next(names))
    for hours in (90, 70, 60, 50, 40, 30, 4):
        tell("7", at=now - timedelta(hours=hours), run=False)
    tell("7", "wait", at=now - timedelta(minutes=5), run=False)
    run_subscriptions("Shipments")
    page = signed_in(PAGE)

    assert page.evaluate(ASTRAY) == [8, []]
    assert page.evaluate(OVERLAPS) == []
    page.set_viewport_size({"width": 375, "height": 800})
    label = """() => { const cell = document.querySelector('.es-cards td[data-l^="What has"]');
        const style = getComputedStyle(cell, '::before'); return [parseFloat(style.height), cell.clientHeight]; }"""
    height, room = page.evaluate(label)
    assert height > 30
    assert room >= height
    assert page.evaluate(CARDS) == 0


def test_beside_the_sidebar_the_navigation_keeps_to_one_line_and_processes_fit(
    signed_in: Callable[..., Page], published: Any
) -> None:
    Process.objects.filter(key="42").update(next_deadline=timezone.now() - timedelta(days=9, hours=23, minutes=1))
    page = signed_in(f"{ADMIN}handlers/", viewport={"width": 1280, "height": 800})
    tops = page.evaluate("[...document.querySelectorAll('.es-nav > *')].map(each => each.getBoundingClientRect().top)")
    page.goto(f"{ADMIN}processes/Agreement/")
    widths = page.evaluate(
        "(each => [each.scrollWidth, each.clientWidth])(document.querySelector('.es-process-rows').parentNode)"
    )

    assert len(set(tops)) == 1
    assert widths[0] <= widths[1]


def test_two_clicks_from_the_admin_to_what_has_waited_longest(signed_in: Callable[..., Page], published: Any) -> None:
    now = timezone.now()
    for key, days in (("50", 1), ("51", 4)):
        event_store.publish(CustomerSaidYes(order_id=key), stream=f"Order${key}")
        run_subscriptions("Agreement")
        Process.objects.filter(key=key).update(waiting_since=now - timedelta(days=days, hours=3, minutes=1))
    page = signed_in("/admin/")
    follow(page.get_by_role("link", name="Streams, events and processes").first)
    waiting = page.get_by_role("row").filter(has=page.get_by_text("CatererSaidYes"))
    follow(waiting.get_by_role("link", name="3 processes", exact=True).first)

    rows = [" ".join(each.split()) for each in page.locator("#es tbody tr").all_inner_texts()]
    rows = [each for each in rows if each[:1].isdigit()]
    assert [each.split()[0] for each in rows] == ["51", "50", "42"]
    assert re.search(r"4 d 3 h · \d+ \w+( \d+)? \d\d:\d\d", rows[0])


@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
def test_the_skip_link_leads_past_what_every_page_has(signed_in: Callable[..., Page], parcel: None, mount: str) -> None:
    page = signed_in(f"{mount}processes/Shipments/7/")
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    assert link.inner_text().startswith("Skip to")
    box = link.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('#es') !== null")
