"""From page to page of a list: every row once, and what is said beyond the last one."""

from __future__ import annotations

import pytest
from django.test import Client

from event_store import AppendCondition, event_store
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.event_store.sample import Counted, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db


def test_walking_older_visits_every_event_once_and_newer_comes_back(client: Client) -> None:
    event_store.append([Counted(number=number) for number in range(230)], stream="s")
    seen, url, pages = [], f"{ADMIN}streams/s/", []
    while url:
        page = client.get(url).context["page"]
        pages.append([row.event.position for row in page.rows])
        seen += pages[-1]
        event_store.append(Counted(number=0), stream="s")
        url = page.earlier and f"{ADMIN}streams/s/{page.earlier}"
    back = client.get(f"{ADMIN}streams/s/{page.later}").context["page"]

    assert seen == list(range(229, -1, -1))
    assert [row.event.position for row in back.rows] == pages[-2]
    assert client.get(f"{ADMIN}streams/s/{page.last}").context["page"].rows[0].event.position > 229


def test_the_oldest_page_and_its_size(client: Client) -> None:
    event_store.append([Counted(number=number) for number in range(230)], stream="s")
    newest = client.get(f"{ADMIN}streams/s/?size=100").context["page"]
    oldest = client.get(f"{ADMIN}streams/s/{newest.first}").context["page"]

    assert len(newest.rows) == len(oldest.rows) == 100
    assert [row.event.position for row in oldest.rows][-1] == 0
    assert client.get(f"{ADMIN}streams/s/?size=7").context["page"].size == 50


def test_a_prefix_finds_every_name_that_begins_so(client: Client) -> None:
    for name in ("Order", "Order\U0010ffff", "Order\U0010ffffx", "Ordes"):
        event_store.append(Noted(), stream=name)

    rows = client.get(f"{ADMIN}streams/?prefix=Order").context["page"].rows

    assert [row.stream.name for row in rows] == ["Order", "Order\U0010ffff", "Order\U0010ffffx"]


def test_streams_without_events_are_not_listed(client: Client) -> None:
    event_store.append(Noted(), stream="kept", condition=AppendCondition({"only-read": -1}))
    event_store.append(Noted(), stream="deleted")
    event_store.delete_stream("deleted")

    rows = client.get(f"{ADMIN}streams/").context["page"].rows

    assert [row.stream.name for row in rows] == ["kept"]


def test_streams_go_on_after_the_last_name(client: Client) -> None:
    for number in range(120):
        event_store.append(Noted(), stream=f"s{number:03}")
    first = client.get(f"{ADMIN}streams/?prefix=s").context["page"]
    second = client.get(f"{ADMIN}streams/{first.later}").context["page"]

    assert [row.stream.name for row in (*first.rows, *second.rows)] == [f"s{number:03}" for number in range(100)]


@pytest.mark.parametrize(
    ("path", "claim", "words", "way_back"),
    [
        ("streams/?from=x", "There are no streams yet", "No stream comes after this name.", "First page"),
        ("events/?before=0", "The store is empty", "No event stands on this side of the position.", "Newest"),
        ("events/?after=999999", "The store is empty", "No event stands on this side of the position.", "Newest"),
        (
            "streams/s/?after=9",
            "This stream shows no events",
            "No event stands on this side of the position.",
            "Newest",
        ),
        ("processes/Agreement/?before=0", "No such process", "No further process.", "Newest"),
    ],
)
def test_beyond_its_end_a_list_does_not_claim_to_be_empty(
    client: Client, path: str, claim: str, words: str, way_back: str
) -> None:
    event_store.append(CustomerSaidYes(order_id="1"), stream="s")
    run_subscriptions()
    page = client.get(ADMIN + path).text

    assert claim not in page
    assert words in page
    assert f'href="?">{way_back}</a>' in page


def test_waiting_processes_go_on_by_how_long_they_wait(client: Client) -> None:
    event_store.append([CustomerSaidYes(order_id=str(number)) for number in range(70)], stream="s")
    run_subscriptions()
    url = f"{ADMIN}processes/Agreement/?status=waiting"
    first = client.get(url).context["page"]
    second = client.get(f"{ADMIN}processes/Agreement/{first.later}").context["page"]

    assert [row.key for row in (*first.rows, *second.rows)] == [str(number) for number in range(70)]
