"""The page of one stream: what it is narrowed down by, where it begins, what it says of the stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.policy import BrowserPolicy, Hidden
from event_store import event_store
from tests.browser.conftest import ADMIN
from tests.browser.test_export import EXPORT
from tests.browser.words import words
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db
STREAM = f"{ADMIN}streams/s/"
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def positions(client: Client, query: str = "") -> list[int]:
    page = client.get(STREAM + query, follow=True)
    assert page.status_code == 200
    return [row.event.position for row in page.context["page"].rows]


def append_hours(count: int) -> None:
    """An event each hour; every third is a note."""
    for hour in range(count):
        event = Noted(text=f"hour {hour}") if hour % 3 == 0 else Counted(number=hour)
        with event_store.clock(lambda hour=hour: BEGIN + timedelta(hours=hour)):
            event_store.append(event, stream="s")


def test_types_are_joined_and_left_out(client: Client) -> None:
    append_hours(7)

    assert positions(client, "?type=sample.Noted") == [6, 3, 0]
    assert positions(client, "?type=-Noted") == [5, 4, 2, 1]
    assert positions(client, "?type=Noted&type=sample.Counted") == list(range(6, -1, -1))
    assert positions(client, "?type=Never") == []
    assert client.get(f"{STREAM}?type=-Noted&size=100").headers["Location"] == "?type=-sample.Noted&size=100"
    assert "No event matches all of this." in words(client.get(f"{STREAM}?type=sample.Never"))
    assert '<option value="sample.Counted">' in client.get(STREAM).text


@pytest.mark.parametrize(
    ("begins", "newest"),
    [("4", 4), ("0", 0), ("99", 6), ("2026-03-01 14:00", 2), ("2026-03-01T14:59", 2), ("2026-03-01", 6),
     ("2026-03-01T16:30:00+02:00", 2), ("9999999999999999999999", 6)],
)  # fmt: skip
def test_a_page_begins_at_a_position_or_a_time_and_goes_on_to_both_sides(
    client: Client, begins: str, newest: int
) -> None:
    append_hours(7)
    page = client.get(STREAM, {"from": begins}, follow=True).context["page"]

    assert [row.event.position for row in page.rows] == list(range(newest, -1, -1))
    if newest < 6:
        assert positions(client, page.later) == list(range(6, newest, -1))


def test_a_position_and_types_hold_together(client: Client) -> None:
    append_hours(7)

    assert positions(client, "?from=5&type=sample.Noted") == [3, 0]
    assert positions(client, "?from=2026-03-01 16:00&type=Noted") == [3, 0]


@pytest.mark.parametrize(
    ("begins", "error"),
    [
        ("x", "“x” is no position, and neither a date nor a time"),
        ("-1", "is no position"),
        ("2026-02-30", "is no position"),
        ("²", "is no position"),
        ("2020-01-01", "The stream shows no event that is as old as 2020-01-01."),
    ],
)
def test_where_no_page_can_begin_is_said_beside_the_filled_form(client: Client, begins: str, error: str) -> None:
    append_hours(3)
    page = client.get(STREAM, {"from": begins})

    assert error in words(page)
    assert f'name="from" value="{begins}"' in page.text
    assert page.status_code == 200


def test_a_rare_type_is_looked_for_piece_by_piece(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.views.stream.STREAM_WINDOW", 10)
    event_store.append([Noted(), *(Counted(number=number) for number in range(34))], stream="s")
    page, seen, searched = "?type=sample.Noted", [], []
    while page:
        shown = client.get(STREAM + page)
        seen.append(len(shown.context["page"].rows))
        searched.append(shown.context["page"].searched)
        page = shown.context["page"].earlier

    assert seen == [0, 0, 0, 1]
    assert [(each.lowest, each.highest) for each in searched] == [(25, 34), (15, 24), (5, 14), (0, 4)]
    assert "Searched the newest 10 events. Search older" in words(client.get(f"{STREAM}?type=sample.Noted"))


def test_all_data_is_shown_in_each_row_when_asked(client: Client, sign_in: Callable[..., Client]) -> None:
    append_hours(4)
    page = client.get(f"{STREAM}?view=full&type=sample.Noted")

    assert page.text.count('class="es-json"') == 2
    assert "hour 3" in words(page)
    assert 'href="?type=sample.Noted">Show summaries</a>' in page.text
    assert 'href="?view=full">Show all data</a>' in client.get(STREAM).text
    without = sign_in("view_storedevent", username="bert").get(f"{STREAM}?view=full")
    assert "hour 3" not in without.text
    assert "Show all data" not in without.text


class Redacting(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "secret"

    def redact(self, request: Any, event: Any) -> Any:
        return {**event.data, "text": Hidden("personal data")}


def test_a_policy_holds_for_all_data_and_for_the_facts(client: Client, settings: Any) -> None:
    append_hours(1)
    with event_store.clock(lambda: BEGIN - timedelta(days=400)):
        event_store.append(Noted(text="old"), stream="secret", links=["t"])
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.Redacting"}
    page = client.get(f"{STREAM}?view=full")

    assert "hour 0" not in page.text
    assert "hidden: personal data" in words(page)
    assert "First 1 Mar" in words(page)
    assert "2025" not in words(client.get(f"{ADMIN}streams/t/"))


def test_the_facts_name_the_first_and_the_last_event(client: Client) -> None:
    append_hours(30)
    page = words(client.get(f"{STREAM}?from=3"))

    assert "Events 30" in page
    assert re.search(r"First 1 Mar( 2026)? 12:00", page)
    assert re.search(r"Last 2 Mar( 2026)? 17:00", page)


def test_downloads_take_the_types_and_are_for_those_who_may(client: Client, sign_in: Callable[..., Client]) -> None:
    append_hours(3)
    exporter = sign_in(*EXPORT, username="bert")

    assert f'href="{STREAM}export.jsonl?type=-sample.Noted"' in exporter.get(f"{STREAM}?type=-sample.Noted&from=2").text
    assert f'href="{STREAM}export.csv"' in exporter.get(STREAM).text
    assert "export.csv" not in client.get(STREAM).text


@pytest.mark.parametrize("path", ["streams/s/", "streams/s/?from=150", "streams/s/?type=sample.Counted", "streams/s/?view=full",
                                  "streams/Agreement$41/"])  # fmt: skip
def test_a_stream_asks_the_database_seven_times_at_most(client: Client, orders: Any, path: str) -> None:
    event_store.append([Counted(number=number) for number in range(210)], stream="s")

    def queries(size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(ADMIN + path, {**dict([path.partition("?")[2].split("=")] if "?" in path else []), "size": size})
        return len([each for each in captured if "SAVEPOINT" not in each["sql"]])

    client.get(ADMIN)
    assert queries(50) == queries(200) <= 7


def test_pages_of_one_moment_show_each_event_once_and_lead_back(client: Client) -> None:
    with event_store.clock(lambda: BEGIN):
        event_store.append([Counted(number=number) for number in range(900)], stream="s")
    pages, url = [], "?size=200&type=-sample.Noted"
    while url:
        page = client.get(STREAM + url).context["page"]
        pages.append([row.event.position for row in page.rows])
        with event_store.clock(lambda: BEGIN):
            event_store.append([Noted(), Noted()], stream="s")
        url = page.earlier
    back = [pages[-1]]
    while len(back) < len(pages):
        page = client.get(STREAM + page.later).context["page"]
        back.append([row.event.position for row in page.rows])

    assert [position for page in pages for position in page] == list(range(899, -1, -1))
    assert back == pages[::-1]


def test_more_types_than_are_looked_for_are_said(client: Client, orders: Any) -> None:
    few = client.get(f"{ADMIN}streams/Order$41/?" + "&".join(f"type=sample.T{number}" for number in range(20)))
    many = client.get(f"{ADMIN}streams/Order$41/?" + "&".join(f"type=sample.T{number}" for number in range(21)))

    assert (few.status_code, many.status_code) == (200, 200)
    assert "There are more than 20 filters." not in few.text
    assert "There are more than 20 filters." in many.text
