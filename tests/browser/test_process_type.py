"""The page of a kind of process: what it is, and its processes, filtered, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from browser.manager_source import Sayings, sayings_of
from browser.views.process_filters import age_asked
from event_store import Deadline, ProcessManager, event_store
from event_store.models import Process
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.queries import queries
from tests.browser.shipments import PATIENCE, Shipments, Told, tell
from tests.browser.words import words, words_of
from tests.event_store.sample import HOSTILE_NAMES, Agreement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipments_declared")]
PAGE = f"{ADMIN}processes/Shipments/"


def keys(page: Any) -> list[str]:
    return [each.key for each in page.context["page"].rows]


@pytest.fixture
def parcels(shipments_declared: None) -> None:
    """a1 to a3 wait, for 1, 2 and 4 days; b1 is done, b2 cancelled, b3 has failed."""
    now = timezone.now()
    for key, says in (("a1", ["wait"]), ("a2", []), ("a3", []), ("b1", ["complete"]), ("b2", ["cancel"]), ("b3", [])):
        tell(key, *says)
    for key, days in (("a1", 1), ("a2", 2), ("a3", 4)):
        Process.objects.filter(key=key).update(waiting_since=now - timedelta(days=days))
    Process.objects.filter(key="b3").update(status="failed", last_error="ZeroDivisionError")


def test_it_says_what_the_process_manager_is(client: Client, parcels: None) -> None:
    page = client.get(PAGE)

    assert "Sends parcels. Reacts to Told Answered Sends Send Deadlines the courier's answer" in words(page)
    assert "Ends as Cancelled Completed Stuck after 3 d" in words(page)
    assert "Code tests.browser.shipments.Shipments , version 1" in words(page)
    assert "facts dict[str, Any] dict() answers int 0" in words(page)
    assert "Only the first paragraph" not in page.text
    assert f'href="{ADMIN}types/shipments.Told/"' in page.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["b3", "b2", "b1", "a3", "a2", "a1"]),
        ("status=waiting", ["a3", "a2", "a1"]),
        ("status=stuck", ["a3"]),
        ("status=failed", ["b3"]),
        ("status=completed", ["b1"]),
        ("status=cancelled", ["b2"]),
        ("status=nonsense", ["b3", "b2", "b1", "a3", "a2", "a1"]),
        ("older=36h", ["a3", "a2"]),
        ("older=3d&status=failed", ["a3"]),
        ("older=30min&status=stuck", ["a3"]),
        ("older=nonsense&status=waiting", ["a3", "a2", "a1"]),
        ("older=999999d", ["b3", "b2", "b1", "a3", "a2", "a1"]),
        ("key=a", ["a1", "a2", "a3"]),
        ("key=b&status=failed", ["b3"]),
        ("key=a&older=36h", ["a2", "a3"]),
        ("key=%00a", ["a1", "a2", "a3"]),
        ("key=%F4%8F%BF%BF", []),
        ("key=never", []),
        ("waiting_for=shipments.Answered&status=waiting", ["a3", "a2", "a1"]),
        ("waiting_for=-&status=waiting", ["a3", "a2", "a1"]),
        ("waiting_for=never", []),
    ],
)
def test_processes_are_filtered(client: Client, parcels: None, query: str, expected: list[str]) -> None:
    page = client.get(f"{PAGE}?{query}")

    assert page.status_code == 200
    assert keys(page) == expected
    assert ("is no age such as 3d, 12h or 90min" in page.text) == ("nonsense&" in query or "999999" in query)


def test_a_row_tells_the_essence(client: Client, parcels: None) -> None:
    page = client.get(f"{PAGE}?status=waiting")
    rows = [unescape(each) for each in re.findall(r"<tr>\s*<td.*?</tr>", page.text, re.DOTALL)]
    late, punctual = (words_of(rows[index]) for index in (-3, -1))

    assert re.match(r"a3 Stuck Answered 4\sd · \d+ \w+( \d+)? \d\d:\d\d – 1 Told \d", late)
    assert re.match(r"a1 Waiting Answered 1\sd · \d+ \w+( \d+)? \d\d:\d\d in 59\smin · ", punctual)
    assert [rows[index].count("age-hot") for index in (-3, -2, -1)] == [1, 0, 0]


def test_filters_are_kept_from_tab_to_tab_and_page_to_page(client: Client) -> None:
    event_store.append([Told(parcel=f"{prefix}{number:03d}") for prefix in "ab" for number in range(60)], stream="s")
    run_subscriptions("Shipments")
    for query, first in (
        ("key=a", "a000"),
        ("status=waiting&waiting_for=shipments.Answered", "a000"),
        ("size=50", "b059"),
    ):
        page = client.get(f"{PAGE}?{query}")
        seen = keys(page)
        following = page.context["page"].later if "size" not in query else page.context["page"].earlier
        more = client.get(PAGE + following)
        assert seen[0] == first
        assert query in following
        assert not set(seen) & set(keys(more))
        assert keys(more)
    assert keys(client.get(PAGE + more.context["page"].later)) == seen
    [tab] = [query for status, _label, query in page.context["tabs"] if status == "failed"]
    assert tab == "?size=50&status=failed"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_keys_are_found_by_their_beginning(client: Client, name: str) -> None:
    tell(name[:200])
    page = client.get(f"{PAGE}?key={quote(name[:3])}")

    assert keys(page) == [name[:200]]


@pytest.mark.parametrize(
    "query", ["status=waiting&from=x", "status=waiting&from=2026-01-01T00:00:00_99999999999999999999", "before=x"]
)
def test_a_place_that_is_none_is_not_found(client: Client, parcels: None, query: str) -> None:
    assert client.get(f"{PAGE}?{query}").status_code == 404


def test_an_age_is_a_number_with_a_unit() -> None:
    assert age_asked("3d") == timedelta(days=3)
    assert age_asked(" 90 min ") == timedelta(minutes=90)
    assert [age_asked(each) for each in ("", "d", "3", "-3d", "3 weeks", "\u0663d", "999999d")] == [None] * 7


def test_the_number_of_queries_does_not_grow(client: Client, parcels: None) -> None:
    paths = [PAGE, f"{PAGE}?status=waiting&size=200", f"{PAGE}?key=a&size=200", f"{PAGE}?older=1d"]
    client.get(PAGE)
    before = [queries(client, path) for path in paths]
    event_store.append([Told(parcel=f"a{number:03d}") for number in range(150)], stream="s")
    run_subscriptions("Shipments")

    assert [queries(client, path) for path in paths] == before
    assert max(before) <= 8


def test_what_a_process_manager_says_is_read_from_its_source() -> None:
    names = "x"

    class Made(ProcessManager):
        def act(self, state: Any, event: Any) -> Any:
            yield Deadline(names, after=timedelta(1))
            yield Deadline(name="fixed", after=timedelta(1))

    @dataclass
    class Elsewhere:
        """No process manager at all."""

    assert sayings_of(Agreement) == Sayings(("sample.Confirm",), (), ("completed",))
    assert sayings_of(Shipments) == Sayings(("shipments.Send",), (PATIENCE,), ("cancelled", "completed"))
    assert sayings_of(Made) == Sayings((), ("", "fixed"), ())
    assert sayings_of(Elsewhere) == Sayings()
    assert sayings_of(type("Typed", (ProcessManager,), {})) == Sayings()


def test_who_may_see_processes_only_gets_no_links_to_types(sign_in: Callable[..., Client], parcels: None) -> None:
    page = sign_in("view_process").get(PAGE)

    assert page.status_code == 200
    assert f"{ADMIN}types/" not in page.text
    assert "ZeroDivisionError" not in page.text
