"""Two states of a process, or of two processes, side by side."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from browser.converters import escape_name
from event_store import process_managers
from tests.browser.conftest import ADMIN
from tests.browser.shipments import tell
from tests.browser.test_policy import Only41

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipments_declared")]
PAGE = f"{ADMIN}processes/Shipments/7/compare/"


@pytest.fixture(autouse=True)
def parcels(shipments_declared: None) -> None:
    tell("7", kept=1, caterer=None, gone="x", exact=12345678901234567890)
    tell("7", kept=1, caterer="asked", menu="soup", exact=12345678901234567891)
    tell("8", kept=1, caterer="busy")


def rows(page: Any, kind: str) -> list[list[str]]:
    found = re.findall(rf'<tr class="es-diff-{kind}">(.*?)</tr>', page.text, re.DOTALL)
    cells = (re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in found)
    return [[" ".join(unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in row] for row in cells]


def test_each_row_says_in_words_what_has_become_of_a_value(client: Client) -> None:
    page = client.get(f"{PAGE}?a=1&b=2")

    assert rows(page, "changed") == [
        ["facts.caterer", "null", '"asked"', "≠ changed"],
        ["facts.exact", "12345678901234567890", "12345678901234567891", "≠ changed"],
    ]
    assert rows(page, "added") == [["facts.menu", "not there", '"soup"', "+ added"]]
    assert rows(page, "removed") == [["facts.gone", '"x"', "not there", "− removed"]]
    assert "4 differences" in page.text
    assert ["facts.kept", "1", "1", "same"] in rows(page, "same")
    assert re.search(r"<details[^>]*><summary>2 values are the same", page.text)
    assert "7: steps 1 and 2 compared Shipments" in page.text


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_step_does_not_differ_from_itself(client: Client, step: int) -> None:
    page = client.get(f"{PAGE}?a={step}&b={step}")

    assert "No difference" in page.text
    assert "Both states are the same, value by value." in page.text
    assert rows(page, "changed") == rows(page, "added") == rows(page, "removed") == []


def test_without_steps_the_last_one_is_compared_with_the_one_before(client: Client) -> None:
    page = client.get(PAGE)

    assert (page.context["a"], page.context["b"]) == (1, 2)


def test_two_processes_are_compared(client: Client) -> None:
    page = client.get(f"{PAGE}?with=8")

    assert ["facts.caterer", '"asked"', '"busy"', "≠ changed"] in rows(page, "changed")
    assert "7 compared with 8" in page.text
    assert (page.context["a"], page.context["b"]) == (2, 1)
    assert client.get(f"{PAGE}?with=8&b=2").status_code == 404
    assert client.get(f"{PAGE}?with=never").status_code == 404
    assert client.get(f"{PAGE}?with=%00").status_code == 200


def test_a_policy_keeps_the_other_process_too(client: Client, settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{Only41.__module__}.{Only41.__name__}"}
    tell("42", secret="yes")

    for path in (f"{PAGE}?with=42", f"{ADMIN}processes/Shipments/42/compare/", f"{PAGE}?with=7&with=42"):
        page = client.get(path)
        assert page.status_code == 403
        assert "secret" not in page.text
    assert client.get(f"{PAGE}?with=8").status_code == 200


def test_states_that_nobody_can_fold_are_not_compared(client: Client) -> None:
    del process_managers["Shipments"]
    page = client.get(PAGE)

    assert page.status_code == 200
    assert "No code that is loaded here declares this type" in page.text


def test_markup_in_keys_and_values_is_text(client: Client) -> None:
    evil = "\"><img src=x onerror=alert(1)>{{7*7}}</title>'"
    tell(evil, **{evil: "</td><img src=x>", "kept": 1})
    url = f"{ADMIN}processes/Shipments/{quote(escape_name(evil))}/"

    for path in (
        f"{PAGE}?with={quote(evil)}",
        f"{url}compare/?a=0&b=1",
        url,
        f"{ADMIN}processes/Shipments/?key={quote(evil)}",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert "<img" not in page.text
        assert page.text.count("</title>") == page.text.count("<title")
        assert "&lt;img src=x" in page.text
