"""Failures and what is done about them, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.admin.models import LogEntry
from playwright.sync_api import Page

from event_store import RecordedEvent, event_store, subscriber
from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process
from tests.browser.conftest import ADMIN
from tests.browser.test_chromium import NARROW, TAGS
from tests.chromium import follow
from tests.conftest import WIDE
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db(transaction=True)
HOSTILE = """<b data-x>!</b>"><img data-x src=x onerror="alert(1)"><script data-x>alert(1)</script>\u202e';alert(1)//"""


@pytest.fixture
def handled() -> list[str]:
    """The texts that the reader has read; at first it raises."""
    return ["nothing yet"]


@pytest.fixture
def failed(published: Any, handled: list[str]) -> list[FailedEvent]:
    """Three of one sequence, whose first has failed; and a command that was given up."""

    @subscriber(Noted, durable=True, name="reader", start="now")
    def read(event: RecordedEvent[Noted]) -> None:
        if handled == ["nothing yet"]:
            raise ValueError("not yet")
        handled.append(event.data.text)

    event_store.publish([Noted(text=text) for text in "abc"], stream="s")
    handled.clear()
    FailedEvent.objects.update(error=HOSTILE, traceback=f"{HOSTILE}\n{HOSTILE}")
    command = IssuedCommand.objects.get()
    CommandDelivery.objects.create(command=command, process=command.process, attempts=10, error=HOSTILE, traceback=HOSTILE)  # fmt: skip
    IssuedCommand.objects.update(outcome="failed", reason=HOSTILE)
    Process.objects.filter(key="41").update(status="failed", last_error=HOSTILE)
    return list(FailedEvent.objects.order_by("pk"))


def test_what_failed_is_retried_and_skipped_without_scripts(
    signed_in: Callable[..., Page], failed: list[FailedEvent], handled: list[str]
) -> None:
    page = signed_in(f"{ADMIN}handlers/", java_script_enabled=False)
    follow(page.get_by_role("link", name="3", exact=True))
    follow(page.locator("#es").get_by_role("link", name="Noted").first)
    assert "2 later events of its sequence." in page.locator("#es").inner_text()
    follow(page.get_by_role("link", name="Retry this"))
    assert page.locator("h1.es-title").inner_text() == "Retry this event?"
    follow(page.get_by_role("button", name="Retry it now"))
    assert "Handled: Noted." in page.locator(".es-note[role=status]").inner_text()
    assert handled == ["a"]

    follow(page.locator("#es").get_by_role("link", name="Noted").first)
    follow(page.get_by_role("link", name="Skip …"))
    page.get_by_role("button", name="Skip it for good").click()
    assert page.locator("h1.es-title").inner_text() == "Skip this event?"
    page.get_by_label("Why, for those who look later").fill(HOSTILE)
    follow(page.get_by_role("button", name="Skip it for good"))
    shown = page.locator("#es").inner_text()
    assert "Skipped: Noted." in shown
    assert "Skipped by root" in shown
    assert HOSTILE.replace("\u202e", "‹U+202E›") in shown
    assert [each.user.username for each in LogEntry.objects.all()] == ["root", "root"]
    assert handled == ["a"]


@pytest.mark.parametrize(("dark", "phone"), [(False, True), (True, False)])
def test_pages_of_what_failed_are_accessible_fit_their_window_and_show_hostile_words(
    signed_in: Callable[..., Page], failed: list[FailedEvent], dark: bool, phone: bool
) -> None:
    page = signed_in(f"{ADMIN}help/", dark=dark, phone=phone, viewport=NARROW if phone else WIDE)
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
    command = f"commands/{IssuedCommand.objects.get().command_id}/"
    first, last = (f"handlers/reader/failures/{each.pk}/" for each in (failed[0], failed[2]))
    for path in ("handlers/", "handlers/reader/", first, f"{first}retry/", f"{first}skip/", last, f"{last}retry-up-to/",
                 command, f"{command}retry/", "processes/Agreement/41/", "processes/Agreement/41/retry/", "handlers/reader/?status=skipped"):  # fmt: skip
        page.goto(ADMIN + path)
        found = Axe().run(page, context=".es", options=TAGS).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        assert page.locator("[data-x]").count() == 0, path
        if not path.endswith("skipped"):
            assert "<b data-x>!</b>" in page.locator("#es").inner_text(), path
    assert dialogs == []
