"""A wrong EVENT_BROWSER is named before a page is shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.checks.registry import registry

from browser.checks import check_event_browser
from tests.guides import ROOT


def problems() -> list[str]:
    return [each.msg for each in check_event_browser()]


def test_manage_py_check_asks_it() -> None:
    assert check_event_browser in registry.get_checks()


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ([], "EVENT_BROWSER is [], not a dict."),
        ({"POLICIES": "x"}, "unknown key 'POLICIES'"),
        ({"ENVIRONMENT": 1}, "EVENT_BROWSER['ENVIRONMENT'] is not a text."),
        ({"POLICY": "tests.never.Policy"}, "No module named 'tests.never'"),
        ({"POLICY": "tests.browser.test_policy.Never"}, "does not define"),
        ({"POLICY": "tests.guides.load"}, "does not extend browser.policy.BrowserPolicy."),
        ({"POLICY": 7}, "is 7, which cannot be used"),
        ({"POLICY": "policy"}, "doesn't look like a module path"),
    ],
)
def test_a_setting_that_cannot_work_is_an_error(settings: Any, setting: Any, problem: str) -> None:
    settings.EVENT_BROWSER = setting
    [found] = problems()

    assert problem in found


def test_no_setting_and_a_right_one_are_fine(settings: Any) -> None:
    assert problems() == []
    settings.EVENT_BROWSER = {"POLICY": "tests.browser.test_policy.Only41", "ENVIRONMENT": "PRODUCTION"}
    assert problems() == []
    del settings.EVENT_BROWSER
    assert problems() == []


def test_every_check_of_the_browser_is_documented() -> None:
    declared = set(re.findall(r'id="(browser\.[EW]\d+)"', (ROOT / "browser/checks.py").read_text()))

    assert declared == set(re.findall(r"`(browser\.[EW]\d+)`", (ROOT / "docs/browser.md").read_text()))
