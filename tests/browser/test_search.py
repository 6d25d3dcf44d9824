"""The page of all events as a search: its filters, its refusals, its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from browser.policy import BrowserPolicy, Hidden
from event_store import NewEvent, event_store
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from tests.browser.conftest import ADMIN
from tests.browser.words import words
from tests.event_store.sample import Counted, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db
EVENTS = f"{ADMIN}events/"


def found(client: Client, **filters: Any) -> list[Any]:
    """What the page lists, oldest first."""
    page = client.get(EVENTS, filters, follow=True)
    assert page.status_code == 200
    return [row.event for row in page.context["page"].rows][::-1]


def numbers(client: Client, **filters: Any) -> list[int]:
    return [int(re.sub(r"\D", "", each.data)) for each in found(client, **filters)]


# ---- filters


def test_types_are_joined_and_left_out(client: Client, orders: Any) -> None:
    def types(*terms: str) -> list[str]:
        return sorted({each.type.removeprefix("sample.") for each in found(client, type=terms)})

    everything = types()
    assert types("sample.Noted", "Confirmed") == ["Confirmed", "Noted"]
    assert types("-Noted") == types("-sample.Noted") == [each for each in everything if each != "Noted"]
    assert types("sample.Noted", "-sample.Noted") == []
    redirect = client.get(EVENTS, {"type": ["-Noted", "Confirmed"], "size": "100"})
    assert redirect.headers["Location"] == "?type=-sample.Noted&type=sample.Confirmed&size=100"


def test_an_exclusion_of_a_name_that_several_share_leaves_all_of_them_out(client: Client) -> None:
    for name in ("a.Same", "b.Same", "c.Other"):
        [event] = event_store.append(Noted(), stream="s")
        with changes_allowed():
            StoredEvent.objects.filter(pk=event.global_position).update(type=name)

    assert [each.type for each in found(client, type="-Same")] == ["c.Other"]


def test_a_stream_shows_what_is_linked_into_it_too(client: Client, orders: Any) -> None:
    assert [each.id for each in found(client, stream="Customer$7")] == [orders["customer"].id]
    assert found(client, stream="never") == []
    assert "$x" in words(client.get(EVENTS, {"stream": "$x"}))


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ({"since": "2026-03-02"}, [2, 3, 4]),
        ({"until": "2026-03-02"}, [1, 2]),
        ({"since": "2026-03-02", "until": "2026-03-03"}, [2, 3]),
        ({"since": "2026-03-02 12:00"}, [2, 3, 4]),
        ({"since": "2026-03-02 12:01"}, [3, 4]),
        ({"until": "2026-03-02T12:00"}, [1, 2]),
        ({"until": "2026-03-02 11:59:59"}, [1]),
        ({"since": "2026-03-02T12:00:00Z"}, [2, 3, 4]),
        ({"since": "2026-03-02T14:30:00+02:00"}, [3, 4]),
    ],
)
def test_dates_and_times_are_those_of_the_visitors_zone(client: Client, filters: Any, days: list[int]) -> None:
    for day in range(1, 5):
        with event_store.clock(lambda day=day: datetime(2026, 3, day, 12, tzinfo=UTC)):
            event_store.append(Counted(number=day), stream="s")

    assert numbers(client, **filters) == days


def test_a_date_begins_at_the_visitors_midnight(client: Client) -> None:
    with event_store.clock(lambda: datetime(2026, 3, 1, 23, 30, tzinfo=UTC)):
        event_store.append(Counted(number=1), stream="s")

    with timezone.override("Europe/Warsaw"):
        assert numbers(client, since="2026-03-02") == [1]
    assert numbers(client, since="2026-03-02") == []


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30", "2026-03-02 25:00", "0001-01-01", "9999-12-31", "9" * 50])
def test_what_is_no_time_is_said_beside_the_filled_form(client: Client, orders: Any, wrong: str) -> None:
    page = client.get(EVENTS, {"since": wrong, "type": "sample.Noted"})

    assert page.status_code == 200
    assert "is neither a date nor a time" in words(page)
    assert f'name="since" value="{wrong}"' in page.text
    assert 'name="type" value="sample.Noted"' in page.text
    assert not page.context["page"].rows


def test_an_event_is_found_by_its_id(client: Client, orders: Any) -> None:
    assert [each.id for each in found(client, id=orders["caterer"].id)] == [orders["caterer"].id]
    assert "is not the id of an event" in words(client.get(EVENTS, {"id": "x"}))
    assert found(client, id=orders["caterer"].id, type="sample.Noted") == []


def test_a_chip_removes_its_filter_and_keeps_the_others(client: Client, orders: Any) -> None:
    page = client.get(
        EVENTS, {"type": "sample.Noted", "stream": "notes", "where": ['text:"just so"', "text?"], "size": 100}
    )
    chips = {chip.value: chip.without for chip in page.context["search"].chips}

    assert list(chips) == ["sample.Noted", "notes", 'text:"just so"', "text?"]
    assert chips["notes"] == "?type=sample.Noted&where=text%3A%22just+so%22&where=text%3F&size=100"
    assert chips["text?"] == "?type=sample.Noted&stream=notes&where=text%3A%22just+so%22&size=100"
    assert unescape(page.text).count(f'href="{chips["notes"]}"') == 1


def test_more_filters_than_anybody_needs_are_refused(client: Client) -> None:
    page = client.get(EVENTS, {"where": [f"a{number}?" for number in range(50)]})

    assert "There are more than 20 filters." in words(page)


@pytest.mark.parametrize("name", ["type", "where"])
@pytest.mark.parametrize("path", ["events/", "streams/notes/", "swimlane/"])
def test_no_more_filters_than_are_refused_are_shown_again(
    sign_in: Callable[..., Client], orders: Any, path: str, name: str
) -> None:
    client = sign_in("view_storedevent")
    few, many = (
        client.get(ADMIN + path, {name if path != "swimlane/" else "s": [f"a.B{each}x" for each in range(count)]})
        for count in (21, 900)
    )

    assert many.status_code == 200
    assert "a.B20x" in many.text or path == "streams/notes/"
    assert "a.B21x" not in many.text
    assert len(many.content) == pytest.approx(len(few.content), abs=200)


@pytest.mark.parametrize("path", ["events/export.jsonl", "streams/notes/export.jsonl"])
def test_an_export_refuses_as_many_filters(sign_in: Callable[..., Client], orders: Any, path: str) -> None:
    client = sign_in("view_storedevent", "export_storedevent")
    page = client.get(ADMIN + path, {"type": [f"a.B{each}x" for each in range(900)]})

    assert page.status_code == 400
    assert "There are more than 20 filters." in words(page)
    assert len(page.content) < 100_000


def test_boxes_that_were_left_empty_do_not_stay_in_the_address(client: Client, orders: Any) -> None:
    for path, query in (("events/", "stream=notes"), ("streams/notes/", "from=0")):
        page = client.get(f"{ADMIN}{path}?type=&{query}&where=&size=")
        assert page.headers["Location"] == f"?{query}"


# ---- where


@pytest.mark.parametrize(
    ("terms", "values"),
    [
        (["number:3"], [3]),
        (["number=3"], [3]),
        (["number!=3"], [0, 1, 2, 4]),
        (["number>=3"], [3, 4]),
        (["number>1", "number<4"], [2, 3]),
        (["number?"], [0, 1, 2, 3, 4]),
        (['number:"3"'], []),
        (["other?"], []),
    ],
)
def test_where_looks_into_the_data(client: Client, terms: list[str], values: list[int]) -> None:
    event_store.append([Counted(number=number) for number in range(5)], stream="s")

    assert numbers(client, where=terms) == values
    assert numbers(client, where=terms, type="sample.Counted") == values
    assert numbers(client, where=terms, stream="s") == values


def test_texts_and_nested_values_are_found(client: Client) -> None:
    event_store.append([NewEvent(Noted(text=text)) for text in ("Kraków", "Lublin", '"', "true")], stream="s")

    assert len(found(client, where='text:"Kraków"')) == 1
    assert len(found(client, where='text:"\\""')) == 1
    assert len(found(client, where='text>="L"')) == 2
    assert found(client, where="text:true") == []
    assert found(client, where='text.city:"Kraków"') == []


@pytest.mark.parametrize(
    "wrong", ["text", "text:>=Kraków", "a..b:1", "text>true", "number:9223372036854775808", 'a:"\\u0000"']
)
def test_a_wrong_term_is_explained_and_stays_in_its_box(client: Client, orders: Any, wrong: str) -> None:
    page = client.get(EVENTS, {"where": ["text?", wrong], "stream": "notes"})

    assert page.status_code == 200
    assert len(page.context["search"].errors) == 1
    assert page.context["search"].errors[0] in unescape(page.text)
    assert f'name="where" value="{wrong}"' in unescape(page.text)
    assert not page.context["page"].rows


def test_a_text_without_quotes_is_found_and_the_address_gets_the_quotes(client: Client, orders: Any) -> None:
    asked = {"type": "Noted", "where": ["text:just so", "text?"], "stream": "notes", "size": "100"}
    address = client.get(EVENTS, asked).headers["Location"]
    page = client.get(EVENTS + address)

    assert address == "?type=sample.Noted&where=text%3A%22just+so%22&where=text%3F&stream=notes&size=100"
    assert [chip.value for chip in page.context["search"].chips][2:] == ['text:"just so"', "text?"]
    assert [json.loads(each.data) for each in found(client, **asked)] == [{"text": "just so"}]
    assert found(client, where="text!=just so", type="Noted") == []


def test_a_value_alone_is_answered_with_the_fields_that_it_may_be_meant_for(client: Client, settings: Any) -> None:
    event_store.append([Noted(text="Zoe and Max"), CustomerSaidYes(order_id="7"), Counted(number=3)], stream="notes")
    page = client.get(EVENTS, {"where": "zoe and Max", "stream": "notes"})
    typed = client.get(EVENTS, {"where": "3", "type": "sample.Counted"})

    assert page.context["search"].errors == ['Name the field, too: field:"zoe and Max"']
    assert 'Name the field, too: field:"zoe and Max"' in words(page)
    assert fields_of(page) == {
        "text": "?stream=notes&where=text%3A%22zoe+and+Max%22",
        "order_id": "?stream=notes&where=order_id%3A%22zoe+and+Max%22",
    }
    assert list(fields_of(page)) == ["text", "order_id"]
    assert fields_of(typed) == {"number": "?type=sample.Counted&where=number%3A3"}
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}
    assert fields_of(client.get(EVENTS, {"where": "zoe and Max"})) == {}


def test_no_field_is_named_to_whoever_may_not_ask_about_values(
    client: Client, sign_in: Callable[..., Client], orders: Any, settings: Any
) -> None:
    without = sign_in("view_storedevent", username="berta").get(EVENTS, {"where": "just so"})
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutText"}
    redacted = client.get(EVENTS, {"where": "just so"})

    for page in (without, redacted):
        assert "“where” is refused" in words(page)
        assert "field:" not in page.text
        assert fields_of(page) == {}


def fields_of(page: Any) -> dict[str, str]:
    line = page.text.partition("Look for it in a field of the newest events:")[2].partition("</p>")[0]
    return {name: unescape(url) for url, name in re.findall(r'<a href="([^"]*)"><bdi>(.*?)</bdi></a>', line)}


def test_whoever_may_not_see_values_cannot_ask_about_them(sign_in: Callable[..., Client], orders: Any) -> None:
    client = sign_in("view_storedevent")
    page = client.get(EVENTS, {"where": 'text:"just so"'})

    assert "“where” is refused" in words(page)
    assert "event_store.view_payload" in words(page)
    assert not page.context["page"].rows
    assert 'id="es-where"' not in client.get(EVENTS).text


class WithoutText(BrowserPolicy):
    def redact(self, request: Any, event: Any) -> Any:
        return {**event.data, "text": Hidden("personal data")}


class NoNotes(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "notes"


def test_where_is_refused_where_a_policy_keeps_values_back(client: Client, orders: Any, settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutText"}
    page = client.get(EVENTS, {"where": 'text:"just so"'})

    assert "the policy of this site keeps values of events from you" in words(page)
    assert not page.context["page"].rows


def test_a_search_by_a_hidden_stream_is_refused_and_its_events_stay_hidden(
    client: Client, orders: Any, settings: Any
) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}

    assert "keeps the stream notes from you" in words(client.get(EVENTS, {"stream": "notes"}))
    assert found(client, where='text:"just so"') == []
    assert found(client, type="sample.Noted") == []


def test_where_does_not_tell_that_hidden_events_have_such_values(client: Client, settings: Any) -> None:
    for number in range(130):
        event_store.append(Noted(text=f"{number:03}"), stream="notes" if number % 2 else "open")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}
    hidden, none, both = (client.get(EVENTS, {"where": each}) for each in ('text:"129"', 'text:"none"', "text?"))
    further = client.get(EVENTS + both.context["page"].earlier).context["page"]

    for page in (hidden, both):
        assert "left out" not in page.text
    assert words(hidden).count("No event matches all of this.") == 1
    assert len(both.context["page"].rows) == 50
    assert hidden.context["page"].earlier == none.context["page"].earlier.replace("none", "129")
    assert [row.event.stream for row in further.rows] == ["open"] * 15


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}?window=1", f"{EVENTS}?after=0", f"{EVENTS}tail/?after=0"])
def test_where_costs_the_same_whether_hidden_events_match_or_not(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("browser.views.search.LIMITED_WINDOW", 400)
    event_store.append([Noted(text="hidden") for _each in range(300)], stream="notes")
    event_store.append([Noted(text="open")], stream="open")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}

    def queries(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(
                path, {**QueryDict(path.partition("?")[2]).dict(), "where": f'text:"{text}"'}
            ).status_code in (200, 204)
        return len(captured)

    queries("none")
    assert queries("hidden") == queries("none") <= 16


@pytest.mark.parametrize("backward", [True, False])
def test_a_limited_search_goes_through_its_window_in_rounds(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, backward: bool
) -> None:
    monkeypatch.setattr("browser.views.search.LIMITED_WINDOW", 20)
    monkeypatch.setattr("browser.views.search.LIMITED_ROUND", 7)
    first, *_ = event_store.append([Counted(number=number) for number in range(35)], stream="open")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}
    start = first.global_position
    newest = client.get(EVENTS, {"where": "number?"} | ({} if backward else {"after": start - 1}))
    shown = [row.event.position for row in newest.context["page"].rows]

    assert shown == list(range(34, 14, -1) if backward else range(19, -1, -1))
    further = newest.context["page"].earlier if backward else newest.context["page"].later
    shown = [row.event.position for row in client.get(EVENTS + further).context["page"].rows]
    assert shown == list(range(14, -1, -1) if backward else range(34, 19, -1))


def test_a_limited_search_that_takes_too_long_is_stopped(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_store.append([Noted(text="open")], stream="open")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoNotes"}
    passed = iter(range(0, 100, 3))
    monkeypatch.setattr("browser.views.search.monotonic", lambda: next(passed))

    assert "The search was stopped after 2 s" in words(client.get(EVENTS, {"where": "text?"}))


# ---- limits


def test_a_comparison_looks_through_the_newest_events_and_goes_on_when_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.search.WINDOW", 10)
    first, *_ = event_store.append([Counted(number=number) for number in range(35)], stream="s")
    seen, url, pages = [], f"{EVENTS}?where=number<12", 0
    while url and len(seen) < 12:
        page = client.get(url)
        seen += [row.event.position for row in page.context["page"].rows]
        url, pages = page.context["page"].earlier and EVENTS + page.context["page"].earlier, pages + 1
        assert ("Searched the newest 10 events. Search older" in words(page)) == (pages == 1)

    assert seen == list(range(11, -1, -1))
    assert pages >= 4
    newer = client.get(f"{EVENTS}?where=number<12&after={first.global_position}").context["page"]
    assert [row.event.position for row in newer.rows] == list(range(10, 0, -1))
    assert newer.later == f"?where=number%3C12&after={first.global_position + 10}"
    assert numbers(client, where="number<12", type="sample.Counted") == list(range(12))


def test_an_asked_for_window_bounds_any_search(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.views.search.WINDOW", 10)
    event_store.append([Counted(number=number) for number in range(35)], stream="s")

    assert numbers(client, type="sample.Counted", window="1") == list(range(25, 35))


@pytest.mark.parametrize(
    "position", ["before=0", "before=-1", "after=9223372036854775807", "before=9223372036854775807"]
)
def test_the_ends_of_all_numbers_are_no_error(client: Client, orders: Any, position: str) -> None:
    assert client.get(f"{EVENTS}?where=text?&{position}").status_code == 200
    assert client.get(f"{EVENTS}?{position}").status_code == 200


def test_a_search_that_takes_too_long_is_stopped_and_explained(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.views.search.SECONDS", 0.001)
    monkeypatch.setattr("browser.time_limit._STEPS_BETWEEN_LOOKS", 100)
    for _ in range(5):
        event_store.append([Counted(number=number) for number in range(4000)], stream="s")
    page = client.get(EVENTS, {"where": "number<0", "stream": "s"})

    assert page.status_code == 200
    assert "The search was stopped" in words(page)
    assert "No index helps with: number<0" in words(page)
    assert 'name="where" value="number&lt;0"' in page.text
    assert "search the newest 100,000 events only" in words(page)
    # The connection works on, without a limit.
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
        cursor.execute(
            "SELECT COUNT(*) FROM event_store_storedevent a, (SELECT type FROM event_store_storedevent LIMIT 500) b"
            " WHERE a.type < b.type"
        )
    assert event_store.events.count() == 20_000


@pytest.mark.parametrize(
    "filters",
    [{}, {"type": "sample.Counted"}, {"type": ["sample.Counted", "-sample.Noted"], "stream": "s", "since": "2020-01-01"},
     {"where": "number:3"}, {"where": "number>3"}, {"where": "three"}, {"where": "number>3", "stream": "s"}],
)  # fmt: skip
def test_a_search_asks_the_database_seven_times_at_most(client: Client, filters: Any) -> None:
    def queries(size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            page = client.get(EVENTS, {**filters, "size": size})
        assert len(page.context["page"].rows) == (size if "where" not in filters else len(page.context["page"].rows))
        return len([each for each in captured if "SAVEPOINT" not in each["sql"]])

    event_store.append([Counted(number=number) for number in range(210)], stream="s")

    assert queries(50) == queries(200) <= 7


def test_every_event_of_a_moment_is_visited_once_while_others_write(client: Client) -> None:
    with event_store.clock(lambda: datetime(2026, 3, 1, tzinfo=UTC)):
        event_store.append([Counted(number=number) for number in range(5000)], stream="s")
    seen, pages, url = [], [], f"{EVENTS}?size=200"
    while url:
        page = client.get(url).context["page"]
        pages.append([row.event.global_position for row in page.rows])
        seen += [row.event.position for row in page.rows]
        with event_store.clock(lambda: datetime(2026, 3, 1, tzinfo=UTC)):
            event_store.append([Counted(number=0)] * 3, stream="later")
        url = page.earlier and EVENTS + page.earlier
    back = [pages[-1]]
    while len(back) < len(pages):
        page = client.get(EVENTS + page.later).context["page"]
        back.append([row.event.global_position for row in page.rows])

    assert seen == list(range(4999, -1, -1))
    assert back == pages[::-1]
