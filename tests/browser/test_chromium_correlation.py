"""Conversations and streams side by side in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import combinations
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page

from event_store import NewEvent, event_store
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from tests.browser.conftest import ADMIN
from tests.browser.contrast import contrast
from tests.browser.test_chromium import NARROW
from tests.chromium import follow
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db(transaction=True)

Box = dict[str, float]
TEXTS = """() => [...document.querySelectorAll('.es-sl text')].filter(each => each.getClientRects().length)
    .map(each => each.getBoundingClientRect()).map(({left, right, top, bottom}) => ({left, right, top, bottom}))"""


def converse(*streams: str, apart: timedelta = timedelta(0), deadline: bool = False) -> UUID:
    conversation, cause = uuid4(), None
    for stream in streams:
        event = NewEvent(Noted(), correlation_id=conversation, causation_id=cause)
        cause = event_store.append(event, stream=stream)[0].id
    stored = list(StoredEvent.objects.filter(correlation_id=conversation).order_by("pk"))
    for number, each in enumerate(stored):
        each.recorded_at = stored[0].recorded_at + number * apart
        each.type = "event_store.DeadlineReached" if deadline and number == 1 else each.type
    with changes_allowed():
        StoredEvent.objects.bulk_update(stored, ["recorded_at", "type"])
    return conversation


def overlap(one: Box, other: Box) -> bool:
    beside = one["right"] <= other["left"] or other["right"] <= one["left"]
    return not (beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"])


@pytest.mark.parametrize("phone", [False, True])
def test_conversations_of_every_size_fit_their_window(
    signed_in: Callable[..., Page], published: Any, phone: bool
) -> None:
    page = signed_in(ADMIN, phone=phone, **({"viewport": NARROW} if phone else {}))
    for conversation in (
        converse("alone"),
        converse("a", "b", apart=timedelta(days=3)),
        converse(*"abcdefghijklmn"[:12], "a", "b", apart=timedelta(minutes=7)),
        converse(*["one stream with quite a long name"] * 14),
        converse(*(f"s{number % 30}" for number in range(60)), apart=timedelta(seconds=40)),
    ):
        page.goto(f"{ADMIN}correlations/{conversation}/")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        texts = page.evaluate(TEXTS)
        assert texts
        assert [pair for pair in combinations(texts, 2) if overlap(*pair)] == []
        names, lanes = page.evaluate(
            """() => [[...document.querySelectorAll('.es-lanes li')].map(each => each.getBoundingClientRect().bottom),
                [...document.querySelectorAll('.es-sl .lane')].map(each => each.getBoundingClientRect().bottom)]"""
        )
        assert [abs(name - lane) <= 1 for name, lane in zip(names, lanes, strict=True)] == [True] * len(lanes)


def test_a_lanes_name_keeps_to_its_line(signed_in: Callable[..., Page], published: Any) -> None:
    event_store.append(
        NewEvent(Noted(), correlation_id=published["confirmed"].correlation_id),
        stream="event_store.Something$of a process",
    )
    page = signed_in(
        f"{ADMIN}correlations/{published['confirmed'].correlation_id}/",
        phone=True,
        viewport={"width": 320, "height": 640},
    )
    below = page.evaluate(
        """() => [...document.querySelectorAll('.es-lanes li')].map(lane => [lane.innerText,
            [...lane.querySelectorAll('bdi, svg')].flatMap(each => [...each.getClientRects()])
                .filter(box => box.width && box.top >= lane.getBoundingClientRect().bottom - 3).length])"""
    )

    assert {name for name, _number in below} >= {"Agreement 41", "event_store.Something$of a process"}
    assert [name for name, number in below if number] == []


def test_tab_walks_the_marks_and_shows_what_led_to_each(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}correlations/{published['confirmed'].correlation_id}/")
    page.locator(".es-lanes a").last.focus()
    walked = []
    for _mark in range(3):
        page.keyboard.press("Tab")
        walked.append(
            page.evaluate(
                """() => { const hot = document.activeElement.closest('g').querySelector('.hot');
                    return [document.activeElement.getAttribute('aria-label').split(',')[0], hot ? getComputedStyle(hot).display : '',
                            getComputedStyle(document.activeElement).outlineStyle]; }"""
            )
        )

    assert walked == [
        ["event sample.CatererSaidYes in Caterer$7", "", "solid"],
        ["command sample.Confirm of Agreement$41", "inline", "solid"],
        ["event sample.Confirmed in Order$41", "inline", "solid"],
    ]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/events/{published['confirmed'].id}/")


@pytest.mark.parametrize("dark", [False, True])
def test_marks_lines_and_words_of_a_conversation_stand_out(
    signed_in: Callable[..., Page], published: Any, dark: bool
) -> None:
    page = signed_in(f"{ADMIN}correlations/{published['confirmed'].correlation_id}/", dark=dark)
    seen = """wanted => wanted.map(([selector, property]) => getComputedStyle(document.querySelector(selector))[property])"""
    words = page.evaluate(seen, [[".es-sl text:not(.q)", "fill"], [".es-sl .q", "fill"], [".es-lanes a", "color"]])
    marks = page.evaluate(
        seen, [[".es-sl .event", "fill"], [".es-sl .command", "fill"], [".es-sl .edges", "stroke"], [".es-sl .axis", "stroke"]]
    )  # fmt: skip
    page.goto(f"{ADMIN}correlations/{converse('a', 'b', apart=timedelta(days=1), deadline=True)}/")
    marks += page.evaluate(seen, [[".es-sl .deadline", "stroke"], [".es-sl .fold path", "stroke"]])
    grounds = page.evaluate(seen, [["body", "backgroundColor"], [".es-sl .fold rect", "fill"]])

    for ground in grounds:
        assert [each for each in words if contrast(each, ground) < 4.5] == []
        assert [each for each in marks if contrast(each, ground) < 3] == []


def test_a_cause_is_one_click_away_and_the_scale_another(signed_in: Callable[..., Page], published: Any) -> None:
    conversation = converse("a", "b", apart=timedelta(days=1))
    page = signed_in(f"{ADMIN}correlations/{conversation}/", java_script_enabled=False)
    follow(page.get_by_role("link", name="True scale"))
    follow(page.get_by_role("link", name="Fold idle time"))
    page.locator(".es-conversation a[href^='#es-']").click()

    assert page.url.split("#")[0].endswith(f"{conversation}/?")
    assert "#es-" in page.url


def test_the_time_stays_where_it_is_while_streams_are_scrolled(signed_in: Callable[..., Page], published: Any) -> None:
    names = [f"a stream with a long name {number}" for number in range(5)]
    event_store.append(Noted(), stream="first", links=names)
    page = signed_in(f"{ADMIN}swimlane/?s=first", phone=True, viewport=NARROW)
    for name in names:
        page.get_by_label("Add a stream").fill(name)
        follow(page.get_by_role("button", name="Add", exact=True))
    before = page.locator(".es-beside tbody th").first.bounding_box()
    page.evaluate("document.querySelector('.es-beside').parentElement.scrollLeft = 400")

    assert page.locator(".es-beside tbody th").first.bounding_box() == before
    assert before is not None
    assert before["width"] < NARROW["width"] / 2
    assert page.evaluate("document.querySelector('.es-beside').parentElement.scrollLeft") == 400
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator(".es-shown").count() == 6
    follow(page.get_by_role("button", name="Remove first"))
    assert page.locator(".es-shown").count() == 5
