"""What the aggregate of a stream amounted to after each of its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from browser.converters import escape_name
from event_store import Aggregate, applies, event_store
from tests.browser.conftest import ADMIN
from tests.browser.queries import queries
from tests.browser.test_policy import Only41
from tests.browser.words import words
from tests.event_store.sample import HOSTILE_NAMES, Counted

pytestmark = pytest.mark.django_db
PAGE = f"{ADMIN}streams/Tally$7/state/"


@pytest.fixture(autouse=True)
def tally(mounts: None) -> type[Aggregate]:
    class Tally(Aggregate):
        """Counts what it is given."""

        def __init__(self, aggregate_id: str) -> None:
            super().__init__(aggregate_id)
            self.total = 0
            self.text = "\ud800"

        @applies(Counted)
        def _count(self, event: Counted) -> None:
            self.total += 100 // event.number

    return Tally


def count(*numbers: int, stream: str = "Tally$7") -> None:
    event_store.append([Counted(number=each) for each in numbers], stream=stream)


def test_the_state_after_each_event_is_shown(client: Client) -> None:
    count(10, 50)
    page, first, before = client.get(PAGE), client.get(f"{PAGE}?at=1"), client.get(f"{PAGE}?at=0")

    assert "State after event 2" in words(page)
    assert "total : 0 → 10" in words(page)
    assert "total : 10 → 12" in words(page)
    assert "was 10" in words(page)
    assert "State after event 1" in words(first)
    assert "was 0" in words(first)
    assert "State before the first event" in words(before)
    assert "Counts what it is given." in page.text
    assert f'href="{PAGE}"' in client.get(f"{ADMIN}streams/Tally$7/").text


@pytest.mark.parametrize("at", ["3", "abc", "-1", "", "9" * 5000])
def test_an_event_that_there_is_not_is_not_found(client: Client, at: str) -> None:
    count(10, 50)

    assert client.get(f"{PAGE}?at={at}").status_code == 404


def test_a_stream_that_is_no_aggregates_has_no_state(client: Client, orders: Any) -> None:
    assert client.get(f"{ADMIN}streams/notes/state/").status_code == 404
    assert client.get(f"{ADMIN}streams/Tally$never/state/").status_code == 404
    assert "state/" not in client.get(f"{ADMIN}streams/notes/").text
    redirect = client.get(f"{ADMIN}streams/Agreement$41/state/?at=1")
    assert redirect.headers["Location"] == f"{ADMIN}processes/Agreement/41/?at=1"


def test_an_event_that_raises_is_shown_with_its_error(client: Client) -> None:
    count(10, 0, 10)
    page = client.get(PAGE)

    assert page.status_code == 200
    assert page.text.count("ZeroDivisionError") == 1
    assert "event 2 cannot be applied" in words(page)
    assert "There is none: event 2 raises." in words(page)
    assert words(page).count("not applied: an earlier event raises") == 1
    assert "total : 0 → 10" in words(page)


def test_it_needs_the_permission_to_see_data_and_all_its_events(
    client: Client, sign_in: Callable[..., Client], settings: Any
) -> None:
    count(10)
    assert "total" not in sign_in("view_storedevent", username="bob").get(PAGE).text
    event_store.append(Counted(number=3), stream="secret", links=["Tally$7"])
    settings.EVENT_BROWSER = {"POLICY": f"{Only41.__module__}.{Only41.__name__}"}
    page = client.get(PAGE)

    assert "Hidden: events that you may not see went into it." in page.text
    assert "total" not in page.text
    assert client.get(f"{ADMIN}streams/Tally$42/state/").status_code == 403


def test_an_event_that_is_hidden_hides_every_later_state(client: Client, settings: Any) -> None:
    event_store.append(Counted(number=3), stream="secret", links=["Tally$7"])
    count(*[10] * 60)
    settings.EVENT_BROWSER = {"POLICY": f"{Only41.__module__}.{Only41.__name__}"}

    for at in (1, 55, 61):
        page = client.get(f"{PAGE}?at={at}")
        assert "Hidden: events that you may not see went into it." in page.text
        assert "total" not in page.text


def test_many_events_come_in_pages_with_as_many_queries(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    count(10)
    client.get(PAGE)
    before = queries(client, PAGE)
    count(*range(1, 121))
    page = client.get(f"{PAGE}?at=60")

    assert queries(client, PAGE) == before <= 8
    assert [each.number for each in page.context["steps"]] == list(range(51, 101))
    assert 'href="?at=50"' in page.text
    assert 'href="?at=101"' in page.text
    monkeypatch.setattr("browser.views.state.MOST_REPLAYED", 40)
    assert "States are shown up to event 40 of 121." in words(client.get(PAGE))
    assert client.get(f"{PAGE}?at=41").status_code == 404


@pytest.mark.parametrize("key", HOSTILE_NAMES)
def test_hostile_names_have_a_state(client: Client, key: str) -> None:
    name = f"Tally${key[:200]}"
    count(10, stream=name)

    assert "total : 0 → 10" in words(client.get(f"{ADMIN}streams/{escape_name(name)}/state/"))
