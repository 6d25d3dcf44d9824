"""The list of streams: by name, by what changed last, by a part of a name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.policy import BrowserPolicy
from event_store import event_store
from tests.browser.conftest import ADMIN
from tests.browser.words import words
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db
STREAMS = f"{ADMIN}streams/"


def names(client: Client, **filters: Any) -> list[str]:
    page = client.get(STREAMS, filters)
    assert page.status_code == 200
    return [row.stream.name for row in page.context["page"].rows]


def test_streams_are_listed_by_what_changed_last(client: Client) -> None:
    for name in ("a", "c", "b", "a"):
        event_store.append(Noted(), stream=name)
    event_store.link([event_store.events.last()], stream="z")

    assert names(client, recent="1") == ["a", "z", "b", "c"]
    assert names(client) == ["a", "b", "c", "z"]
    assert "The streams that show the newest 1,000 events" in words(client.get(f"{STREAMS}?recent=1"))


def test_a_row_names_the_last_event_of_its_stream(client: Client) -> None:
    [first] = event_store.append(Noted(), stream="a")
    event_store.append(Counted(number=1), stream="b")
    event_store.link([first], stream="b")
    rows = {row.stream.name: row for row in client.get(STREAMS).context["page"].rows}

    assert [rows[name].last_type for name in "ab"] == ["sample.Noted", "sample.Noted"]
    assert [rows[name].events for name in "ab"] == [1, 2]
    assert rows["b"].last_at > rows["a"].last_at


def test_categories_of_several_streams_are_links_with_their_number(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.streams.COUNTED_UP_TO", 3)
    for name in ("Order$1", "Order$2", "Caterer$1", "Caterer$2", "Caterer$3", "Caterer$4", "alone"):
        event_store.append(Noted(), stream=name)
    page = client.get(f"{STREAMS}?category=Order")

    assert "Categories Caterer 3+ Order 2 " in words(page)
    assert '<a href="?category=Order" aria-current="true">' in page.text
    assert names(client, category="Order") == ["Order$1", "Order$2"]


def test_a_part_of_a_name_is_looked_for_among_the_newest_streams(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        event_store.append(Noted(), stream=f"Order${number} of 100%_x")
    monkeypatch.setattr("browser.views.streams.LOOKED_THROUGH", 3)

    assert names(client, contains="ORDER$") == ["Order$2 of 100%_x", "Order$3 of 100%_x", "Order$4 of 100%_x"]
    assert names(client, contains="$4") == ["Order$4 of 100%_x"]
    assert names(client, contains="$0") == names(client, contains="0_") == names(client, contains="never") == []
    assert names(client, contains="%_x", prefix="Order$3") == ["Order$3 of 100%_x"]
    assert "Looked through the newest 3 streams." in words(client.get(f"{STREAMS}?contains=x"))


def test_a_part_of_a_name_that_takes_too_long_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*arguments: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000000)"
                " SELECT COUNT(*) FROM numbers"
            )

    monkeypatch.setattr("browser.views.streams.SECONDS", 0.01)
    monkeypatch.setattr("browser.views.streams.StreamListView._read", too_long)
    page = client.get(f"{STREAMS}?contains=x")

    assert page.status_code == 200
    assert "How a name begins is found at once." in words(page)
    assert 'name="contains" value="x"' in page.text
    assert event_store.events.count() == 0


class NoSecrets(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return "secret" not in name


def test_a_policy_holds_for_every_order_of_the_list(client: Client, settings: Any) -> None:
    for name in ("secret$1", "secret$2", "open$1", "open$2"):
        event_store.append(Noted(), stream=name)
    event_store.append(Counted(number=1), stream="secret$3", links=["open$1"])
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NoSecrets"}

    for query in ("", "?recent=1", "?contains=e", "?prefix=s", "?category=secret"):
        page = client.get(STREAMS + query)
        assert "secret$" not in page.text
        assert "Counted" not in page.text
        assert "Categories" not in words(page)


@pytest.mark.parametrize("digits", ["1", "9" * 19, "9" * 20, "9" * 4_400, "x", ""])
def test_a_page_goes_on_after_any_number_that_an_address_names(client: Client, digits: str) -> None:
    event_store.append(Noted(), stream="a")

    assert client.get(STREAMS, {"from": f"${digits}"}).status_code == 200


@pytest.mark.parametrize(
    "filters", [{}, {"recent": "1"}, {"prefix": "Order"}, {"category": "Order"}, {"contains": "r"}, {"from": "Order$1"}]
)
def test_a_list_asks_the_database_six_times_at_most(client: Client, filters: Any) -> None:
    def queries(size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(STREAMS, {**filters, "size": size})
        return len([each for each in captured if "SAVEPOINT" not in each["sql"]])

    for number in range(210):
        event_store.append(Noted(), stream=f"Order${number}")
    client.get(ADMIN)

    assert queries(50) == queries(200) <= 6


def test_sizes_are_offered_where_there_is_more(client: Client) -> None:
    for number in range(60):
        event_store.append(Noted(), stream=f"s{number}")

    assert "Show 50 100 200" in words(client.get(STREAMS))
    assert 'href="?prefix=s&amp;size=100"' in client.get(f"{STREAMS}?prefix=s").text
    assert "Show 50" not in words(client.get(f"{STREAMS}?prefix=s1"))


def test_a_key_goes_on_to_the_next_page_of_names(client: Client, db: None) -> None:
    for number in range(51):
        event_store.publish(Noted(), stream=f"s{number}")
    page = client.get(f"{ADMIN}streams/").text

    assert re.search(r'<a class="es-btn" rel="next" data-es-key="\]" href="\?from=s\d+">More</a>', page)
