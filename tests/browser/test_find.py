"""Find, and narrowing a list down."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from event_store import NewEvent, event_store
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.event_store.sample import CustomerSaidYes, Noted


def test_find_goes_straight_to_what_is_named_exactly(client: Client, orders: Any) -> None:
    command = orders["confirmed"].causation_id
    for wanted, target in (
        (str(orders["customer"].id), f"events/{orders['customer'].id}/"),
        ("Order$41", "streams/Order$41/"),
        ("42", "processes/Agreement/42/"),
        (str(command), f"commands/{command}/"),
        ("sample.Noted", "events/?type=sample.Noted"),
        ("Noted", "events/?type=sample.Noted"),
        ("Agreement", "processes/Agreement/"),
        ("  Order$41 ", "streams/Order$41/"),
    ):
        assert client.get(f"{ADMIN}find/", {"q": wanted}).headers["Location"] == ADMIN + target


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ("CatererS", [f"{ADMIN}events/?type=sample.CatererSaidYes"]),
        ("sample.cat", [f"{ADMIN}events/?type=sample.CatererSaidYes"]),
        ("Agree", [f"{ADMIN}processes/Agreement/", f"{ADMIN}streams/Agreement$41/", f"{ADMIN}streams/Agreement$42/"]),
        ("Confirm", [f"{ADMIN}events/?type=sample.Confirmed", f"{ADMIN}commands/COMMAND/"]),
        ("sample.Confirm", [f"{ADMIN}events/?type=sample.Confirmed", f"{ADMIN}commands/COMMAND/"]),
        ("4", [f"{ADMIN}processes/Agreement/41/", f"{ADMIN}processes/Agreement/42/"]),
    ],
)
def test_find_lists_what_begins_so(client: Client, orders: Any, wanted: str, listed: list[str]) -> None:
    response = client.get(f"{ADMIN}find/", {"q": wanted})

    assert response.status_code == 200
    assert results_of(response.text) == [
        each.replace("COMMAND", str(orders["confirmed"].causation_id)) for each in listed
    ]


def results_of(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'<li>.*?<a href="([^"]*)"', page.partition('class="es-nav"')[2])]


def test_find_lists_all_that_share_a_name(client: Client) -> None:
    for number, name in enumerate(("a.Same", "b.Same", "c.Other")):
        event_store.append(CustomerSaidYes(order_id="Same"), stream=f"s{number}")
        with changes_allowed():
            StoredEvent.objects.filter(links__stream__name=f"s{number}").update(type=name)

    found = client.get(f"{ADMIN}find/", {"q": "Same"}).text
    filtered = client.get(f"{ADMIN}events/", {"type": "Same"})

    assert results_of(found) == [f"{ADMIN}events/?type=a.Same", f"{ADMIN}events/?type=b.Same"]
    assert results_of(filtered.text) == ["?type=a.Same", "?type=b.Same"]
    assert "No event has exactly the type “Same”" in filtered.text


def test_what_nothing_is_named_by_can_be_looked_for_in_the_data(
    client: Client, sign_in: Callable[..., Client], orders: Any, settings: Any
) -> None:
    url = f"{ADMIN}events/?where=just%20%26%20so"

    page = client.get(f"{ADMIN}find/", {"q": "just & so"})
    assert f'<a href="{url}">Search the data of events</a>' in page.text
    assert 'name="where" value="just &amp; so"' in client.get(url).text
    for others in (
        client.get(f"{ADMIN}find/", {"q": "Agree"}),
        client.get(f"{ADMIN}find/"),
        sign_in("view_storedevent", username="berta").get(f"{ADMIN}find/?q=so"),
    ):
        assert "Search the data" not in others.text
    settings.EVENT_BROWSER = {"POLICY": "tests.browser.test_search.WithoutText"}
    assert "Search the data" not in client.get(f"{ADMIN}find/?q=so").text


def test_find_says_that_it_shows_only_the_first(client: Client) -> None:
    for number in range(21):
        event_store.append(CustomerSaidYes(order_id=f"s{number}"), stream=f"s{number}")
        assert ("there are more" in client.get(f"{ADMIN}find/?q=s").text) == (number == 20)
    run_subscriptions()
    page = client.get(f"{ADMIN}find/?q=s").text

    assert page.count("The first 20; there are more.") == 2
    assert f'<a href="{ADMIN}streams/?prefix=s">All streams that begin so</a>' in page


def test_events_are_narrowed_down_by_a_short_type_as_pages_show_it(client: Client, orders: Any) -> None:
    response = client.get(f"{ADMIN}events/?type=Noted&size=100")

    assert response.headers["Location"] == "?type=sample.Noted&size=100"
    assert results_of(client.get(f"{ADMIN}events/?type=cust").text) == ["?type=sample.CustomerSaidYes"]
    assert "No event has this type." in client.get(f"{ADMIN}events/?type=Never").text


def test_a_conversation_is_listed(client: Client, orders: Any) -> None:
    conversation = orders["confirmed"].correlation_id
    url = f"{ADMIN}events/?correlation={conversation}"
    page = client.get(url)

    assert {row.event.correlation_id for row in page.context["page"].rows} == {conversation}
    assert str(orders["confirmed"].id) in page.text
    assert str(orders["waiting"].id) not in page.text
    assert str(orders["confirmed"].id) not in client.get(f"{url}&type=sample.Noted").text
    assert client.get(f"{ADMIN}find/", {"q": str(conversation)}).status_code == 302


def test_the_events_of_a_conversation_that_nobody_opened_are_found_by_its_id(client: Client) -> None:
    conversation = uuid4()
    event_store.append(NewEvent(Noted(), correlation_id=conversation), stream="s")

    assert (
        client.get(f"{ADMIN}find/", {"q": conversation}).headers["Location"].endswith(f"/correlations/{conversation}/")
    )


@pytest.mark.parametrize("bad", ["abc", "%00x", "1", "' or 1=1"])
def test_what_is_no_id_of_a_conversation_is_said_to_be_none(client: Client, orders: Any, bad: str) -> None:
    page = client.get(f"{ADMIN}events/?correlation={bad}")

    assert page.status_code == 200
    assert "is not the id of a conversation" in page.text
    assert list(page.context["page"].rows) == []


def test_the_id_of_a_command_stands_where_the_command_is_shown(client: Client, orders: Any) -> None:
    assert f"{orders['confirmed'].causation_id}</code>" in client.get(f"{ADMIN}processes/Agreement/41/").text


@pytest.mark.parametrize(
    "path", ["find/?q=%00", "find/?q=a%00b", "streams/?prefix=%00", "events/?type=%00", "find/?q=%FF"]
)
def test_bytes_that_no_database_takes_find_nothing(client: Client, path: str) -> None:
    assert client.get(ADMIN + path).status_code == 200


def test_a_type_with_signs_of_its_own_is_found(client: Client) -> None:
    [event] = event_store.publish(Noted(), stream="s")
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(type="a&b=c#d")

    page = client.get(f"{ADMIN}find/", {"q": "a&b=c#d"}, follow=True)

    assert page.context["type"] == "a&b=c#d"
    assert str(event.id) in page.text
