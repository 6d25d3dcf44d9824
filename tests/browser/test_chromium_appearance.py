"""What remains readable: zoomed in, in forced colours, without colours at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from event_store import event_store
from event_store.models import IssuedCommand, Process, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.test_chromium import PATHS
from tests.event_store.sample import CustomerSaidYes

pytestmark = pytest.mark.django_db(transaction=True)


# The window that 1,280 pixels become at 200 %, and the narrowest one.
@pytest.mark.parametrize("width", [320, 640])
def test_nothing_is_lost_when_zoomed_in(signed_in: Callable[..., Page], published: Any, width: int) -> None:
    page = signed_in(ADMIN, viewport={"width": width, "height": 640})
    command = f"commands/{IssuedCommand.objects.get().command_id}/"
    conversation = f"correlations/{published['confirmed'].correlation_id}/"

    for path in [*PATHS, f"events/{published['caterer'].id}/", command, conversation]:
        page.goto(ADMIN + path)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        outside = page.evaluate(
            """() => [...document.querySelectorAll('#es :is(a, button, input, td, dd, p, h1, h2)')]
                .filter(each => !each.closest('.es-scroll, .es-json, pre, .visually-hidden, .es-skip'))
                .filter(each => each.getClientRects().length && each.getBoundingClientRect().right > innerWidth + 1)
                .map(each => each.outerHTML.slice(0, 120))"""
        )
        assert outside == [], path


def test_statuses_are_understood_without_their_colours(
    signed_in: Callable[..., Page],
    published: Any,
) -> None:
    event_store.publish(CustomerSaidYes(order_id="43"), stream="Order$43")
    run_subscriptions()
    Process.objects.filter(key="43").update(status="failed")
    page = signed_in(f"{ADMIN}processes/Agreement/", forced_colors="active")
    look = """() => [...document.querySelectorAll('.es-status')].map(each => [
        each.innerText.trim(), each.querySelector('use').getAttribute('href'),
        getComputedStyle(each).borderTopStyle, getComputedStyle(each).borderTopWidth])"""
    seen = page.evaluate(look)
    Subscription.objects.update(status="failing")
    page.goto(f"{ADMIN}handlers/")
    seen += page.evaluate(look)

    assert {(words, sign) for words, sign, _style, _width in seen} >= {
        ("Waiting", "#es-clock"),
        ("Completed", "#es-check"),
        ("Failed", "#es-cross"),
        ("Failing", "#es-cross"),
    }
    assert {(style, width) for _words, _sign, style, width in seen} == {("solid", "1px")}
