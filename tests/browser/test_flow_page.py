"""The flow map of a category."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.policy import BrowserPolicy
from event_store import Event, event_store
from event_store.testing import isolated_registries, run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.forbidden_sql import fault_of
from tests.browser.words import words_of
from tests.event_store.sample import HOSTILE_NAMES, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db
FLOW = f"{ADMIN}flow/"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    with isolated_registries():
        yield


def event(type_name: str) -> Event:
    return type("Anything", (Event,), {"__module__": "nowhere"}, type=type_name)()


def store(stream: str, *types: str, every: timedelta = timedelta(minutes=130)) -> None:
    for number, each in enumerate(types):
        with event_store.clock(lambda at=START + number * every: at):  # type: ignore[misc]
            event_store.append(event(each), stream=stream)


def words(page: Any) -> str:
    return words_of(re.sub(r"<title>.*?</title>", " ", page.text))


def labels(page: Any) -> list[str]:
    """What every box and arrow of the map is called."""
    drawing = page.text.partition('<svg class="es-flow"')[2].partition("</svg>")[0]
    return [unescape(each) for each in re.findall(r'<a [^>]*aria-label="([^"]*)"', drawing)]


@pytest.fixture
def orders(db: None) -> None:
    for number in range(3):
        store(f"Order${number}", "shop.Placed", "shop.Paid", "shop.Sent")
    store("Order$9", "shop.Placed", "shop.Cancelled")


def test_a_map_says_what_follows_what_how_often_and_when(client: Client, orders: None) -> None:
    page = client.get(f"{FLOW}?category=Order")

    assert "All 4 streams of this category, 11 events, read" in words(page)
    assert labels(page) == [
        "Begins with shop.Placed: 100\u00a0%, 4 times",
        "shop.Placed, 4 events",
        "shop.Placed, then shop.Paid: 75\u00a0%, 3 times, median 2\u00a0h\u00a010\u00a0min",
        "shop.Placed, then shop.Cancelled: 25\u00a0%, 1 time, median 2\u00a0h\u00a010\u00a0min",
        "shop.Paid, 3 events",
        "shop.Paid, then shop.Sent: 100\u00a0%, 3 times, median 2\u00a0h\u00a010\u00a0min",
        "shop.Cancelled, 1 event",
        "Ends with shop.Cancelled: 100\u00a0%, 1 time",
        "shop.Sent, 3 events",
        "Ends with shop.Sent: 100\u00a0%, 3 times",
    ]
    assert "“Ends here”: a stream has not gone on so far." in words(page)
    assert words(page).count("so far") == 1
    assert f'href="{ADMIN}types/shop.Paid/"' in page.text
    assert f'href="{ADMIN}streams/?category=Order"' in page.text


def test_the_table_says_the_same_as_the_map(client: Client, orders: None) -> None:
    page = client.get(f"{FLOW}?category=Order")
    table = page.text.partition('class="es-cards es-flow-table"')[2]
    named = [unescape(each) for each in re.findall(r'aria-label="([^"]*)"', table)]

    assert sorted(named) == sorted(each for each in labels(page) if not re.search(r", \d+ events?$", each))
    assert "Placed Paid 75 % 3 2 h 10 min" in words(page)
    assert "the beginning Placed 100 % 4 –" in words(page)
    assert "Cancelled – the stream ends here 100 % 1 –" in words(page)


def test_an_arrow_leads_to_streams_in_which_it_happens(client: Client, orders: None) -> None:
    page = client.get(f"{FLOW}?category=Order")
    [query] = {unescape(each) for each in re.findall(r'href="(\?[^"]*from=shop.Placed&amp;to=shop.Paid)#', page.text)}
    chosen = client.get(FLOW + query)

    assert re.findall(r'href="[^"]*/streams/([^"?]+)/"', chosen.text) == ["Order$2", "Order$1", "Order$0"]
    assert 'class="arrow usual chosen"' in chosen.text
    assert client.get(f"{FLOW}?category=Order&to=shop.Placed").context["chosen"].examples[0] == "Order$9"
    assert client.get(f"{FLOW}?category=Order&from=shop.Sent").context["chosen"].count == 3
    assert client.get(f"{FLOW}?category=Order&from=never&to=heard").context["chosen"] is None


def test_rare_arrows_are_folded_behind_a_link(client: Client) -> None:
    store("Order$1", *["a.A", "a.B"] * 60)
    store("Order$2", "a.A", "a.Rare", "a.B")
    page = client.get(f"{FLOW}?category=Order")
    [link] = re.findall(r'href="(\?[^"]*)">Show 2 rare arrows, too', page.text)

    assert "with 1 type that only they lead to" in words(page)
    assert "a.Rare" not in "".join(labels(page))
    assert "a.Rare, 1 event" in labels(client.get(FLOW + unescape(link)))
    assert "Fold rare arrows" in client.get(FLOW + unescape(link)).text


def test_a_share_below_one_percent_is_not_none_and_a_map_without_an_end_has_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.flow.LINKS_OF_A_STREAM", 250)
    store("Order$1", *["a.A"] * 200, "a.B", *["a.A"] * 60)
    page = client.get(f"{FLOW}?category=Order&rare=1")

    assert [each for each in labels(page) if "then a.B: <\u00a01\u00a0%, 1 time" in each]
    assert "ends here" not in words(page)


def test_linked_events_count_as_well(client: Client) -> None:
    for number in range(2):
        event_store.publish(CustomerSaidYes(order_id=str(number)), stream=f"Order${number}")
    run_subscriptions()

    assert "sample.CustomerSaidYes, 2 events" in labels(client.get(f"{FLOW}?category=Agreement"))


def test_a_category_is_chosen_from_a_list(client: Client, orders: None) -> None:
    store("Other$1", "a.A")
    page = client.get(FLOW)

    assert "Order 4 streams" in words(page)
    assert "Other 1 stream " in words(page)
    assert 'href="?category=Order"' in page.text
    assert "No category comes after this name." in client.get(f"{FLOW}?from=zzz").text
    assert f'href="{FLOW}"' in client.get(f"{FLOW}?category=Order").text


def test_the_map_is_linked_from_where_one_would_look_for_it(client: Client) -> None:
    event_store.publish(CustomerSaidYes(order_id="7"), stream="Order$7")
    run_subscriptions()
    paths = {"types/": "", "types/sample.CustomerSaidYes/": "?category=Order", "streams/Order$7/": "?category=Order",
             "streams/?category=Order": "?category=Order", "processes/Agreement/": "?category=Agreement"}  # fmt: skip

    for path, query in paths.items():
        assert f'href="{FLOW}{query}"' in client.get(ADMIN + path).text, path


def test_the_list_is_empty_where_nothing_is_stored(client: Client) -> None:
    assert "Their categories appear as soon as an event is published." in client.get(FLOW).text


@pytest.mark.parametrize("category", ["never", "%00", "a" * 300, "%ED%A0%80", "<b>"])
def test_a_category_without_events_says_what_would_make_a_map_appear(client: Client, category: str) -> None:
    page = client.get(f"{FLOW}?category=x{category}")

    assert page.status_code == 200
    assert "a map appears with the first one" in page.text
    assert '<svg class="es-flow"' not in page.text
    assert "<b>" not in page.text.partition("es-title")[2][:300]


@pytest.mark.parametrize("types", [1, 2, 12, 40])
def test_a_map_has_a_box_for_each_type(client: Client, types: int) -> None:
    names = [f"a.Type{number}" for number in range(types)]
    store("Order$1", *names, *reversed(names))
    store("Order$2", names[0])
    page = client.get(f"{FLOW}?category=Order")

    assert {f"{name}, {3 if name == names[0] else 2} events" for name in names} <= set(labels(page))
    assert len(page.text) < 400_000


def test_arrows_beyond_the_most_frequent_ones_are_in_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.flow_map.MOST_ARROWS", 3)
    store("Order$1", "a.A", "a.B", "a.A", "a.B", "a.C")
    page = client.get(f"{FLOW}?category=Order")

    assert "2 arrows, the rarest ones, are in the table only." in page.text
    assert len(page.context["rows"]) == 5


def test_long_streams_count_with_their_first_events(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.views.flow.LINKS_OF_A_STREAM", 3)
    store("Order$1", "a.A", "a.B", "a.C", "a.D")
    page = client.get(f"{FLOW}?category=Order")

    assert "One of them is longer than 3 events: only its first ones count." in words(page)
    assert "a.D" not in page.text
    assert "ends here" not in words(page)


def test_a_sample_ends_with_its_links_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, orders: None
) -> None:
    monkeypatch.setattr("browser.views.flow.LINKS", 6)

    assert "The newest 2 streams of this category, 5 events, read" in words(client.get(f"{FLOW}?category=Order"))


@pytest.mark.parametrize(
    "name", [*HOSTILE_NAMES[:14], "x" * 200, "<img src=x onerror=alert(1)>", "</title>", "q.a\u200bb"]
)
def test_hostile_types_and_streams_are_drawn_and_linked(client: Client, name: str) -> None:
    type_name = name if name.isprintable() else "plain"
    [written] = event_store.append(event(type_name), stream=f"Order${name}"[:255])
    event_store.append(Noted(), stream=written.stream or "")
    page = client.get(f"{FLOW}?category=Order")
    queries = [
        parse_qs(urlsplit(unescape(each)).query) for each in re.findall(r'href="(\?[^"#]*)#es-examples"', page.text)
    ]

    assert [type_name] in [each.get("from") for each in queries]
    assert "<img src=x" not in page.text
    assert page.text.count("</title>") == page.text.count("<title")
    chosen = client.get(f"{FLOW}?category=Order&to={quote(type_name)}")
    assert chosen.context["chosen"].examples == [f"Order${name}"[:255]]


def test_a_map_costs_the_same_however_many_streams_there_are(client: Client, orders: None) -> None:
    def queries(path: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(FLOW + path).status_code == 200
        return [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]

    before = {path: queries(path) for path in ("", "?category=Order")}
    for number in range(40):
        store(f"Order$x{number}", "shop.Placed", "shop.Paid")

    for path, sent in before.items():
        assert len(queries(path)) == len(sent) <= 6
        assert [fault_of(each) for each in sent if fault_of(each)] == []


def test_a_map_needs_the_permission_to_view_events(sign_in: Callable[..., Client]) -> None:
    assert Client().get(FLOW).status_code == 302
    assert sign_in("view_process").get(FLOW).status_code == 403
    assert sign_in("view_storedevent", username="ben").get(FLOW).status_code == 200


class WithoutSecrets(BrowserPolicy):
    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "secret" not in name


def test_what_may_not_be_seen_is_left_out_and_the_page_says_so(client: Client, settings: Any, orders: None) -> None:
    store("Order$secret", "gone.Hidden")
    event_store.link([each.id for each in event_store.events.of_type("gone.Hidden")], stream="Order$1")
    with event_store.clock(lambda: START + timedelta(days=9)):
        event_store.append(event("shop.Returned"), stream="Order$1")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}
    page = client.get(f"{FLOW}?category=Order")

    assert "secret" not in page.text
    assert "gone.Hidden" not in page.text
    assert "Streams and events that you may not see are left out" in page.text
    assert "shop.Returned, 1 event" in labels(page)
    assert not [each for each in labels(page) if "then shop.Returned" in each]
    assert "All 4 streams" not in words(page)
    assert "The categories are not listed" in client.get(FLOW).text


def test_what_begins_with_something_hidden_has_no_beginning(client: Client, settings: Any) -> None:
    [hidden] = event_store.append(event("gone.Hidden"), stream="Order$secret")
    event_store.link([hidden.id], stream="Other$1")
    event_store.append([event("a.A"), event("a.B")], stream="Other$1")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}
    page = client.get(f"{FLOW}?category=Other")

    assert [each for each in labels(page) if "then" in each] == ["a.A, then a.B: 100\u00a0%, 1 time, median at once"]
    assert "begins" not in words(page)


def test_where_everything_is_hidden_the_page_says_so(client: Client, settings: Any) -> None:
    store("Order$secret", "gone.Hidden")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}

    assert "is not for you to see" in client.get(f"{FLOW}?category=Order").text


@pytest.mark.parametrize("place", ["%00", "x" * 256])
def test_a_place_that_no_category_can_have_is_missing(client: Client, place: str) -> None:
    page = client.get(f"{ADMIN}flow/?from={place}")

    assert page.status_code == 404
    assert "is no place in this list" in page.text
