"""Streams beside one another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.policy import BrowserPolicy
from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from tests.browser.conftest import ADMIN
from tests.browser.forbidden_sql import fault_of
from tests.browser.words import words
from tests.event_store.sample import HOSTILE_NAMES, Noted

pytestmark = pytest.mark.django_db


def beside(*streams: str, mount: str = ADMIN, **parameters: Any) -> str:
    return f"{mount}swimlane/?{urlencode([*(('s', each) for each in streams), *parameters.items()])}"


def cells(page: Any) -> list[list[str]]:
    """Of each row what each column shows: `Noted #0`, or `Noted #0 linked`."""
    return [
        [
            ", ".join(f"#{each.position}{'' if each.is_written_here else ' linked'}" for each in cell)
            for cell in row.cells
        ]
        for row in page.context["moments"]
    ]


def apart(seconds: float = 1) -> None:
    """Sets all events apart: tests are faster than a millisecond."""
    first = StoredEvent.objects.order_by("pk")[0]
    with changes_allowed():
        for each in StoredEvent.objects.all():
            moment = first.recorded_at + timedelta(seconds=seconds * (each.pk - first.pk))
            StoredEvent.objects.filter(pk=each.pk).update(recorded_at=moment)


def test_events_stand_in_the_column_of_each_stream_that_shows_them(client: Client) -> None:
    event_store.append(Noted(), stream="a")
    event_store.append(Noted(), stream="b", links=["a"])
    event_store.append(Noted(), stream="c")
    event_store.append(Noted(), stream="b")
    apart(3600)
    page = client.get(beside("a", "b"))

    assert cells(page) == [["#0", ""], ["#1 linked", "#0"], ["", "#1"]]
    assert "+1 h" in words(page)
    assert "#1 · linked" in words(page)
    assert [f"{ADMIN}streams/{name}/" in page.text for name in "abc"] == [True, True, False]


def test_events_of_one_millisecond_share_a_row(client: Client) -> None:
    event_store.append([Noted(), Noted()], stream="a")
    event_store.append(Noted(), stream="b")
    apart(0.0001)
    start = StoredEvent.objects.order_by("pk")[0].recorded_at.replace(microsecond=5000)
    with changes_allowed():
        StoredEvent.objects.update(recorded_at=start)

    assert cells(client.get(beside("a", "b"))) == [["#0, #1", "#0"]]


def test_columns_are_added_and_taken_away_by_plain_forms(client: Client, orders: Any) -> None:
    page = client.get(beside("Order$41", "Caterer$7")).text
    forms = [form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="s"' in form]
    kept = [re.findall(r'type="hidden" name="s" value="([^"]+)"', form) for form in forms]

    assert kept == [["Order$41", "Caterer$7"], ["Caterer$7"], ["Order$41"]]
    assert 'aria-label="Remove Order$41"' in forms[1]
    assert "method" not in "".join(forms)
    assert f'href="{ADMIN}swimlane/?s=Order%2441"' in client.get(f"{ADMIN}streams/Order$41/").text


def test_without_a_stream_one_is_asked_for(client: Client) -> None:
    page = client.get(f"{ADMIN}swimlane/")

    assert page.status_code == 200
    assert "Name a stream" in words(page)
    assert 'name="s"' in page.text
    assert client.get(f"{ADMIN}swimlane/?s=&s=%00").status_code == 200


def test_unknown_names_and_too_many_are_said_to_be_so(client: Client) -> None:
    for number in range(8):
        event_store.append(Noted(), stream=f"s{number}")
    some = client.get(beside("s1", "never\u202e<b>", "s1"))
    many = client.get(beside(*(f"s{number}" for number in range(8))))

    assert "There is no stream “never‹U+202E›<b>”." in words(some)
    assert [column.stream.name for column in some.context["columns"]] == ["s1"]
    assert "6 streams can be compared at a time. Left out: s6 , s7" in words(many)
    assert len(many.context["columns"]) == 6
    assert "Add a stream" not in words(many)


def test_streams_that_begin_as_an_unknown_name_are_one_click_away(client: Client, orders: Any, settings: Any) -> None:
    page = client.get(beside("notes", "Order$"))
    targets = re.findall(r'href="(\?s=[^"]+)"', page.text)

    assert [unescape(each) for each in targets] == ["?s=notes&s=Order%2441", "?s=notes&s=Order%2442"]
    settings.EVENT_BROWSER = {"POLICY": "tests.browser.test_policy.Only41"}
    assert "Order$42" not in client.get(beside("notes", "Order$")).text


@pytest.mark.parametrize("name", ["$type-x", "x" * 300, "\x00", "🍲" * 255, "a\nb"])
def test_what_can_be_no_stream_is_no_error(client: Client, name: str) -> None:
    assert client.get(beside(name)).status_code == 200


@pytest.mark.parametrize("query", ["after=x", "before=99999999999999999999", "after=-2"])
def test_a_bad_place_is_not_found(client: Client, orders: Any, query: str) -> None:
    assert client.get(f"{beside('Order$41')}&{query}").status_code == 404


def test_hostile_names_are_compared_without_a_loss(client: Client) -> None:
    for start in range(0, len(HOSTILE_NAMES), 6):
        names = HOSTILE_NAMES[start : start + 6]
        for name in names:
            event_store.append(Noted(), stream=name)
        page = client.get(beside(*names))
        assert [column.stream.name for column in page.context["columns"]] == names
        assert page.context["unknown"] == []


def test_pages_go_on_and_back_by_position(client: Client) -> None:
    for number in range(130):
        event_store.append(Noted(), stream="ab"[number % 2])
    apart()
    seen, url = [], beside("a", "b")
    while url:
        page = client.get(url)
        seen += cells(page)
        later = page.context["page"].later
        url = later and f"{ADMIN}swimlane/{later}"

    assert seen == [[f"#{number // 2}", ""] if number % 2 == 0 else ["", f"#{number // 2}"] for number in range(130)]
    assert "s=a&s=b" in page.context["page"].earlier
    earlier = client.get(f"{ADMIN}swimlane/{page.context['page'].earlier}")
    assert cells(earlier) == seen[50:100]
    assert cells(client.get(f"{ADMIN}swimlane/{earlier.context['page'].last}")) == seen[80:]
    assert cells(client.get(f"{ADMIN}swimlane/{earlier.context['page'].first}")) == seen[:50]
    assert "on this side of the position" in words(client.get(f"{beside('a')}&after=900000"))


def test_streams_whose_events_were_deleted_say_so(client: Client) -> None:
    event_store.append(Noted(), stream="a")
    event_store.delete_stream("a")

    assert "These streams show no events: they were deleted." in words(client.get(beside("a")))


def test_the_number_of_queries_is_small_and_does_not_grow(client: Client) -> None:
    def queries(*streams: str) -> int:
        client.get(f"{ADMIN}help/")
        with CaptureQueriesContext(connection) as captured:
            client.get(beside(*streams, size=200))
        assert [fault for each in captured.captured_queries if (fault := fault_of(each["sql"]))] == []
        return sum(1 for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE")))

    for number in range(120):
        event_store.append(Noted(), stream=f"s{number % 6}", links=["all"] if number else ["all", "one"])
    apart()

    assert queries("one") <= 8
    assert queries(*(f"s{number}" for number in range(5)), "all") == queries("one")


@pytest.mark.parametrize("long", [0, 50_000])
def test_links_in_another_order_than_that_of_the_store_are_put_in_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, long: int
) -> None:
    monkeypatch.setattr("browser.merged_links.LONG", long)
    written = event_store.append([Noted() for _ in range(60)], stream="a")
    for event in reversed(written):
        event_store.link(event, stream="b")
    apart()
    first = client.get(beside("b", "a"))
    last = client.get(f"{ADMIN}swimlane/{first.context['page'].last}")

    assert cells(first) == [[f"#{59 - number} linked", f"#{number}"] for number in range(50)]
    assert cells(client.get(f"{ADMIN}swimlane/{first.context['page'].later}"))[0] == ["#9 linked", "#50"]
    assert cells(last) == [[f"#{59 - number} linked", f"#{number}"] for number in range(10, 60)]


class WithoutSecrets(BrowserPolicy):
    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "secret" not in name


@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
def test_what_may_not_be_seen_is_in_no_column(client: Client, settings: Any, mount: str) -> None:
    event_store.append(Noted(), stream="open")
    [hidden] = event_store.append(Noted(), stream="secret", links=["open"])
    apart()
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}
    page = client.get(beside("open", "secret", "secret too", mount=mount))

    assert cells(page) == [["#0"]]
    assert str(hidden.id) not in page.text
    assert "There is no stream “secret” that you may see." in words(page)
    assert "There is no stream “secret too” that you may see." in words(page)
    assert "Rows that you may not see are left out." in words(page)


def test_streams_are_for_those_who_may_view_events(sign_in: Callable[..., Client], orders: Any) -> None:
    assert sign_in("view_process").get(beside("Order$41")).status_code == 403
    assert Client().get(beside("Order$41")).status_code == 302
