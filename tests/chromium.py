"""What tests in Chromium do over and over."""

from __future__ import annotations

from playwright.sync_api import Locator


def follow(control: Locator) -> None:
    """Click what leads to another page, and wait for the whole of it: a click alone returns when its first bytes are here."""
    with control.page.expect_navigation():
        control.click()
