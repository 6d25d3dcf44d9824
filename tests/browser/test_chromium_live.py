"""The module in a real browser: live lists, keys, copying, and that pages are complete without it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from event_store import event_store
from event_store.models import FailedEvent, StoredEvent, Subscription
from tests.browser.conftest import ADMIN
from tests.browser.policy import POLICY
from tests.browser.test_chromium import PATHS
from tests.browser.test_live import Writers
from tests.chromium import follow
from tests.event_store.sample import Noted
from tests.event_store.test_events import everything

pytestmark = pytest.mark.django_db(transaction=True)
LOOK = 2_100
STATE = """() => [document.querySelector('[data-es-said]').textContent, document.activeElement.outerHTML,
                  [...document.querySelectorAll('[data-es-rows] [data-es-at]')].map(each => Number(each.dataset.esAt))]"""


def note(count: int = 1, text: str = "new") -> list[int]:
    return [each.global_position for each in event_store.append([Noted(text=text)] * count, stream="notes")]


# Counts the module's questions that have no answer yet, or one that it has not used to the end.
COUNT_QUESTIONS = """
window.questions = 0;
const answered = () => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.questions -= 1; };
    port2.postMessage("after what waits for the answer");
};
const ask = window.fetch, read = Response.prototype.text;
window.fetch = (...question) => {
    window.questions += 1;
    const answer = ask(...question);
    answer.then(({status}) => [200, 204].includes(status) || answered(), answered);
    return answer;
};
Response.prototype.text = function () {
    const words = read.call(this);
    words.then(answered, answered);
    return words;
};
"""


def let_time_go_by(page: Page, milliseconds: int) -> None:
    """And the module use every answer to what it has asked meanwhile."""
    page.clock.run_for(milliseconds)
    deadline = time.monotonic() + 20
    # wait_for_function() evaluates inside of the page, which its policy forbids.
    while page.evaluate("window.questions"):
        assert time.monotonic() < deadline
        page.wait_for_timeout(5)


def look(page: Page) -> None:
    """Let the module ask once, and say what is new."""
    with page.expect_response(lambda answer: "/tail/" in answer.url):
        let_time_go_by(page, LOOK)
    page.clock.run_for(300)


@pytest.fixture
def live(signed_in: Callable[..., Page], published: Any) -> Callable[..., Page]:
    """`live("events/")`: a live page whose time stands still until `look(page)`."""

    def live(path: str, **appearance: Any) -> Page:
        page = signed_in("/es/help/", **appearance)
        page.add_init_script(COUNT_QUESTIONS)
        page.clock.install()
        page.goto(f"{ADMIN}{path}?live=1")
        return page

    return live


def test_new_events_come_on_top_are_said_and_move_nothing(live: Callable[..., Page]) -> None:
    page = live("events/")
    before = page.evaluate(STATE)
    page.locator("[data-es-rows] a").nth(2).focus()
    focused = page.evaluate(STATE)[1]
    evil = note(text="<img data-x src=x onerror=alert(1)>")
    three = note(2)
    look(page)
    said, active, positions = page.evaluate(STATE)

    assert said == "3 new events"
    # A status is announced politely.
    assert page.locator("[data-es-said]").get_attribute("role") == "status"
    assert active == focused
    assert positions == [*reversed(three), *evil, *before[2]]
    assert page.locator("[data-es-rows] .es-new").count() == 3
    assert page.locator("[data-x]").count() == 0
    assert "text=<img data-x src=x onerror=alert(1)>" in page.locator("[data-es-rows]").inner_text()
    look(page)
    assert page.evaluate(STATE)[2] == positions
    page.reload()
    assert page.evaluate(STATE)[2] == positions


def test_who_has_scrolled_down_is_told_and_goes_up_when_they_like(live: Callable[..., Page]) -> None:
    note(60)
    page = live("events/")
    before = page.evaluate(STATE)[2]
    page.evaluate("scrollTo(0, 900)")
    height = page.evaluate("scrollY")
    first, second = note(2), note(1)
    look(page)
    unmoved, place = page.evaluate(STATE)[2], page.evaluate("scrollY")
    pill = page.get_by_role("link", name="3 new events")
    assert pill.is_visible()
    pill.click()

    assert (unmoved, place) == (before, height)
    assert page.evaluate(STATE)[2] == [*second, *reversed(first), *before]
    assert page.evaluate("document.querySelector('[data-es-rows]').getBoundingClientRect().top") >= 0
    expect(page.locator("[data-es-pill]")).to_be_hidden()
    follow(page.locator(".es-pager").get_by_role("link", name="Older"))
    older = page.evaluate(STATE)[2]
    note()
    look(page)
    assert page.evaluate(STATE)[2] == older
    follow(page.get_by_role("link", name="1 new event"))
    assert max(page.evaluate(STATE)[2]) > second[0]


def test_a_list_keeps_its_newest_rows_and_older_ones_follow_without_a_gap(live: Callable[..., Page]) -> None:
    note(60)
    page = live("events/")
    page.evaluate("""() => {
        window.said = [];
        new MutationObserver(() => said.push([Date.now(), document.querySelector('[data-es-said]').textContent]))
            .observe(document.querySelector('[data-es-said]'), {childList: true});
    }""")
    note(520)
    look(page)
    deadline = time.monotonic() + 20
    while sum(_counts(said := page.evaluate("said"))) < 520 and time.monotonic() < deadline:
        let_time_go_by(page, 100)
    kept = page.evaluate(STATE)[2]
    follow(page.locator(".es-pager").get_by_role("link", name="Older"))
    stored = list(StoredEvent.objects.order_by("-pk").values_list("pk", flat=True))

    assert kept == stored[:500]
    assert all(later[0] - earlier[0] >= 250 for earlier, later in pairwise(said))
    assert sum(_counts(said)) == 520
    assert page.evaluate(STATE)[2] == stored[500:550]


def _counts(said: list[tuple[int, str]]) -> list[int]:
    return [int(words.split()[0]) for _time, words in said]


def test_the_overview_and_a_stream_are_live_too(live: Callable[..., Page]) -> None:
    page = live("")
    page.evaluate("document.querySelector('[data-es-rows]').scrollIntoView()")
    note(25, "seen")
    look(page)
    assert "text=seen" in page.locator("[data-es-rows] tr").first.inner_text()
    assert page.locator("[data-es-rows] tr").count() == 20
    event_store.delete_stream("notes")
    page.goto(f"{ADMIN}streams/notes/?live=1")
    assert "This stream shows no events" in page.locator("[data-es-rows]").inner_text()
    note(2, "again")
    look(page)

    assert page.evaluate(STATE)[2] == [1, 0]
    assert page.locator("[data-es-rows] tr").count() == 2
    follow(page.locator(".es-live a", has_text="Live: on"))
    assert page.get_by_role("link", name="Live: off").is_visible()


def test_ages_grow_in_a_live_list_as_the_server_words_them(live: Callable[..., Page]) -> None:
    for age in (20, 90, 3_630, 3_690, 36_030, 90_030, 86_430, 2_000_000):
        with event_store.clock(lambda age=age: timezone.now() - timedelta(seconds=age)):
            note()
    page = live("events/")
    words = "[...document.querySelectorAll('[data-es-rows] [data-es-ago]')].map(each => each.textContent)"
    before = page.evaluate(words)
    page.evaluate("document.querySelectorAll('[data-es-ago]').forEach(each => { each.textContent = 'stale'; })")
    look(page)

    assert _without_seconds(page.evaluate(words)) == _without_seconds(before)
    assert {"·\u00a01\u00a0h\u00a01\u00a0min ago", "·\u00a01\u00a0d\u00a01\u00a0h ago", "·\u00a023\u00a0d ago"} < set(
        before
    )


def _without_seconds(ages: list[str]) -> list[str]:
    """Some pass between two looks."""
    return [re.sub(r"\d+(?=\u00a0s )", "", each) for each in ages]


@pytest.mark.parametrize("kind", ["error", "forbidden", "signed out", "no network"])
def test_when_updates_stop_the_page_says_so_and_stays_usable(live: Callable[..., Page], kind: str) -> None:
    page = live("events/")
    before = page.evaluate(STATE)[2]
    session = page.context.cookies()

    def refuse(route: Route) -> None:
        route.abort() if kind == "no network" else route.fulfill(status=500 if kind == "error" else 403)

    if kind == "signed out":
        page.context.clear_cookies()
    else:
        page.route("**/tail/**", refuse)
    page.clock.run_for(LOOK)
    stopped = page.get_by_text(re.compile(r"Live updates stopped at \d+:\d+:\d+\D.*UTC\."))
    expect(stopped).to_be_visible()
    assert page.evaluate(STATE)[2] == before
    page.context.add_cookies(session)  # type: ignore[arg-type]
    page.unroute_all()
    [position] = note()
    page.clock.run_for(1_000)
    assert page.evaluate(STATE)[2] == before
    with page.expect_response(lambda answer: answer.status == 200):
        page.get_by_role("button", name="Try again").click()

    expect(stopped).to_be_hidden()
    assert page.evaluate(STATE)[2] == [position, *before]


def test_errors_are_asked_about_less_and_less_often_and_hidden_pages_ask_nothing(live: Callable[..., Page]) -> None:
    page, asked = live("events/"), []
    page.route("**/tail/**", lambda route: (asked.append(1), route.fulfill(status=500)))
    for _ in range(31):
        let_time_go_by(page, 2_000)
    assert len(asked) == 5
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    asked.clear()
    page.clock.run_for(60_000)

    assert asked == []


def test_keys_move_through_pages_unless_somebody_types_or_has_switched_them_off(
    signed_in: Callable[..., Page], published: Any
) -> None:
    note(60)
    page = signed_in(f"{ADMIN}events/")
    keys = page.keyboard
    keys.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    keys.type("gs?]l")
    assert page.url.endswith("/events/")
    assert page.get_by_label("Find an id").input_value() == "gs?]l"
    page.evaluate("document.activeElement.blur()")
    for chord in ("Control+]", "Alt+]", "Meta+]", "Control+l"):
        page.evaluate("k => document.dispatchEvent(new KeyboardEvent('keydown', {key: k.at(-1), bubbles: true, "
                      "ctrlKey: k[0] == 'C', altKey: k[0] == 'A', metaKey: k[0] == 'M'}))", chord)  # fmt: skip
    assert page.url.endswith("/events/")
    _press_and_arrive(page, "]", "before=")
    _press_and_arrive(page, "[", "after=")
    keys.press("j")
    keys.press("j")
    keys.press("j")
    keys.press("k")
    row = "[...document.querySelectorAll('[data-es-rows] tr')].indexOf(document.activeElement.closest('tr'))"
    assert page.evaluate(row) == 1
    _press_and_arrive(page, "Enter", re.compile(r"/events/[0-9a-f-]{36}/"))
    for key, path in {
        "s": "streams/",
        "e": "events/",
        "p": "processes/",
        "h": "handlers/",
        "t": "types/",
        "o": "",
    }.items():
        keys.press("g")
        _press_and_arrive(page, key, ADMIN + path)
    _press_and_arrive(page, "l", "live=1")
    _press_and_arrive(page, "?", "help/#es-keyboard")
    page.get_by_label("Single keys").select_option("do nothing")
    follow(page.get_by_role("button", name="Save"))
    page.goto(f"{ADMIN}events/")
    for key in ("g", "s", "]", "l", "?", "j"):
        keys.press(key)

    assert page.url.endswith("/events/")
    assert page.evaluate("document.activeElement === document.body")


def _press_and_arrive(page: Page, key: str, url: str | re.Pattern[str]) -> None:
    with page.expect_navigation(
        url=lambda there: re.search(url if isinstance(url, re.Pattern) else re.escape(url), there)
    ):
        page.keyboard.press(key)


def test_a_step_follows_the_scrubber_and_the_arrows(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}processes/Agreement/41/")
    _press_and_arrive(page, "ArrowLeft", "?at=1")
    slider = page.locator("#es-at")
    slider.focus()
    _press_and_arrive(page, "ArrowRight", "?at=2")

    assert page.evaluate("document.activeElement.id") == "es-at"


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_link_is_copied_with_and_without_a_clipboard(
    signed_in: Callable[..., Page], published: Any, has_clipboard: bool
) -> None:
    page = signed_in(f"{ADMIN}events/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not has_clipboard:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.get_by_role("button", name="Copy link").focus()
    page.keyboard.press("y")

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.locator("[data-es-said]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert page.evaluate("document.activeElement.dataset.esKey") == "y"


def test_ids_and_data_are_copied_and_trees_opened(signed_in: Callable[..., Page], published: Any) -> None:
    [event] = event_store.append(everything(), stream="s")
    page = signed_in(f"{ADMIN}events/{event.id}/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = page.locator(".es-facts").get_by_role("button", name=f"Copy {event.id}")
    copy.click()
    expect(copy).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Copy JSON").click()
    expect(page.locator(".es-actions button")).to_have_text("Copied")
    tree = page.locator("[data-es-tree]").first
    opened = []
    for name in ("Close all", "Open all"):
        tree.get_by_role("button", name=name).click()
        opened.append(tree.locator("details[open]").count())

    assert copied == str(event.id)
    assert page.evaluate("navigator.clipboard.readText()").startswith('{"data": {')
    assert opened == [0, tree.locator("details").count()]


def test_the_browsers_own_zone_can_be_chosen(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}help/", timezone_id="Asia/Tokyo")
    page.get_by_label("Times in").select_option("this browser's zone: Asia/Tokyo")
    follow(page.get_by_role("button", name="Save"))

    assert "Times in JST." in page.locator(".es-foot").inner_text()
    assert page.get_by_text("Saved in cookies of this browser.").is_visible()


def test_every_page_is_the_same_without_scripts_keeps_the_policy_and_stays_at_home(
    signed_in: Callable[..., Page], published: Any, live_server: Any
) -> None:
    scripted, plain = signed_in(f"{ADMIN}help/"), signed_in(f"{ADMIN}help/", java_script_enabled=False)
    outside: list[str] = []
    scripted.on("request", lambda asked: None if asked.url.startswith(live_server.url) else outside.append(asked.url))
    scripted.add_init_script("window.broken = []; addEventListener('securitypolicyviolation', each => "
                             "broken.push(each.violatedDirective + ' ' + each.blockedURI))")  # fmt: skip
    for path in [*PATHS, "?live=1", "streams/notes/?live=1", *_paths_of(published)]:
        with_scripts, without = _words_of_both(scripted, plain, path)
        if with_scripts != without:  # time goes by between the two
            with_scripts, without = _words_of_both(scripted, plain, path)
        assert with_scripts == without, path

    assert outside == []
    assert {each["name"] for each in scripted.context.cookies()} <= {"sessionid", "csrftoken", "messages"}


def _paths_of(published: dict[str, Any]) -> list[str]:
    """Pages that have an id in their address."""
    event, command = published["caterer"], published["confirmed"].causation_id
    now = timezone.now()
    failure = FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence="x", attempts=1,
        parked_at=now, last_failed_at=now, next_attempt_at=now, error="Error: no", traceback="Traceback: no",
    ).pk  # fmt: skip
    return [f"events/{event.id}/", f"correlations/{event.correlation_id}/", f"commands/{command}/",
            f"handlers/Agreement/failures/{failure}/", f"handlers/Agreement/failures/{failure}/skip/"]  # fmt: skip


def _words_of_both(scripted: Page, plain: Page, path: str) -> tuple[list[str], list[str]]:
    scripted.goto(ADMIN + path)
    answer = plain.goto(ADMIN + path)
    # What only scripts can do is no part of what the page says.
    broken, styled = scripted.evaluate(
        """() => {
            document.querySelectorAll('[data-es-js], [data-es-own-zone]').forEach(each => each.remove());
            return [window.broken, [...document.querySelectorAll('#es [style]')].map(each => each.outerHTML)];
        }"""
    )
    assert (broken, styled) == ([], []), path
    assert answer is not None
    assert answer.headers["content-security-policy"] == POLICY
    assert " style=" not in answer.text().partition('id="es"')[2], path
    return _words(scripted), _words(plain)


def _words(page: Page) -> list[str]:
    return re.sub(r"\d+\s(s|min)\b", "", page.locator("#es").inner_text()).split()


def test_beside_writers_the_module_shows_every_event_once(signed_in: Callable[..., Page], published: Any) -> None:
    page = signed_in(f"{ADMIN}events/?live=1")
    before = page.evaluate(STATE)[2]
    with Writers(3) as writers:
        while writers.are_writing():
            page.wait_for_timeout(200)
    stored = StoredEvent.objects.order_by("-pk")
    deadline = time.monotonic() + 20
    while page.evaluate(STATE)[2][:1] != list(stored[:1].values_list("pk", flat=True)):
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)

    assert page.evaluate(STATE)[2] == list(stored.values_list("pk", flat=True)[:500])
    assert len(before) < stored.count()
