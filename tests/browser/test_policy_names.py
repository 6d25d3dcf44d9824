"""What a project's policy keeps from visitors cannot be guessed, letter by letter, from what pages say of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from browser.policy import BrowserPolicy
from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import FailedEvent, Process, StoredEvent, Subscription
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db


class WithoutSecrets(BrowserPolicy):
    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "secret" not in name and "42" not in name

    def may_see_process(self, request: HttpRequest, type: str, key: str) -> bool:
        return "secret" not in key and key != "42"


@pytest.fixture(autouse=True)
def policy(settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.{WithoutSecrets.__name__}"}


@pytest.fixture
def few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("browser.cursors.MOST_BATCHES", 2)


def said(client: Client, path: str, *guesses: str) -> str:
    """What a page says, without the words that were asked for and what is new with every answer."""
    text = client.get(ADMIN + path, follow=True).text
    for guess in guesses:
        text = text.replace(guess, "…")
    return re.sub(r"csrfmiddlewaretoken\" value=\"\w+|<time.*?</time>", "", text)


def pages(client: Client, path: str) -> Iterator[Any]:
    query = "".join(path.partition("?")[1:])
    while True:
        page = client.get(f"{ADMIN}{path.partition('?')[0]}{query}")
        yield page
        query = page.context["page"].later
        if not query:
            return


@pytest.mark.parametrize("number", [1, 60])
def test_the_names_of_hidden_streams_cannot_be_spelled_out(client: Client, number: int) -> None:
    for each in range(number):
        event_store.append(Noted(), stream=f"secret$x{each:03}")
    event_store.append(Noted(), stream="open")

    for path in (
        "streams/?prefix={}",
        "streams/?contains={}",
        "streams/?category={}",
        "find/?q={}",
        "flow/?category={}",
    ):
        assert said(client, path.format("secret"), "secret") == said(client, path.format("sekret"), "sekret"), path
    assert said(client, "streams/?from=secre", "secre") == said(client, "streams/?from=secrex", "secrex")


def test_a_filtered_list_passes_hidden_streams_over(client: Client) -> None:
    for each in range(130):
        event_store.append(Noted(), stream=f"a{each:03}{'' if each % 2 else ' secret'}")
    read = list(pages(client, "streams/?prefix=a"))

    assert [len(each.context["page"].rows) for each in read] == [50, 15]
    assert [row.stream.name for each in read for row in each.context["page"].rows] == [
        f"a{each:03}" for each in range(1, 130, 2)
    ]
    assert "left out" not in read[0].text + read[1].text


def test_a_filtered_list_ends_where_too_many_are_passed_over(client: Client, few_batches: None) -> None:
    for each in range(110):
        event_store.append(Noted(), stream=f"a secret{each:03}")
    event_store.append(Noted(), stream="a visible")

    assert not client.get(f"{ADMIN}streams/?prefix=a").context["page"].later
    assert "No stream has such a name." in client.get(f"{ADMIN}streams/?prefix=a secret").text
    assert "a visible" in [row.stream.name for each in pages(client, "streams/") for row in each.context["page"].rows]


def test_find_counts_no_hidden_ones(client: Client) -> None:
    for each in range(30):
        event_store.append(Noted(), stream=f"abc{each:02}{'' if each == 25 else ' secret'}")
    page = client.get(f"{ADMIN}find/?q=abc")

    assert [each.name for each in page.context["streams"].rows] == ["abc25"]
    assert not page.context["streams"].is_more


def test_the_keys_of_hidden_processes_cannot_be_spelled_out(client: Client) -> None:
    for key in ("secret-1", "open-1", "open-2 secret", "open-3"):
        _start(key)

    assert said(client, "processes/Agreement/?key=secret", "secret") == said(
        client, "processes/Agreement/?key=sekret", "sekret"
    )
    page = client.get(f"{ADMIN}processes/Agreement/?key=open")
    assert [each.key for each in page.context["page"].rows] == ["open-1", "open-3"]
    assert "left out" not in page.text


def test_the_sequences_of_hidden_failures_cannot_be_guessed(client: Client, orders: Any) -> None:
    _park(orders["waiting"], "secret9")

    assert said(client, "handlers/Agreement/?sequence=secret9", "secret9") == said(
        client, "handlers/Agreement/?sequence=absent9", "absent9"
    )


def test_where_a_list_of_processes_goes_on_names_no_hidden_one(client: Client, few_batches: None) -> None:
    waiting = {"status": "waiting", "waiting_for": "x", "waiting_since": timezone.now()}
    for each in range(110):
        _start(f"a secret{each:03}", **waiting)
    _start("visible", **waiting)
    read = list(pages(client, "processes/Agreement/?status=waiting"))

    assert [row.key for each in read for row in each.context["page"].rows] == ["visible"]
    assert read[0].context["page"].later.startswith("?status=waiting&from=%24")
    assert client.get(f"{ADMIN}processes/Agreement/?status=waiting&from=$0").status_code == 404


@pytest.mark.parametrize("hidden", [True, False])
def test_a_process_is_retried_only_by_who_may_see_all_that_failed_of_it(
    sign_in: Callable[..., Client], orders: Any, hidden: bool
) -> None:
    client = sign_in(*PERMISSIONS, "retry_process")
    Process.objects.filter(key="41").update(status="failed")
    parked = _park(orders["waiting" if hidden else "customer"], "41")
    url = f"{ADMIN}processes/Agreement/41/retry/"
    page = client.get(url)
    client.post(url, {"seen": page.context.get("seen", Process.objects.get(key="41").updated_at.isoformat())})

    assert page.status_code == (403 if hidden else 200)
    assert FailedEvent.objects.filter(pk=parked.pk, attempts=1).exists() == hidden


def test_hidden_types_are_offered_and_found_nowhere(client: Client) -> None:
    [hidden] = event_store.publish(Noted(), stream="secret")
    [shown] = event_store.publish(Noted(), stream="open")
    event_store.publish(Noted(), stream="secret")
    with changes_allowed():
        StoredEvent.objects.filter(event_id=hidden.id).update(type="gone.Hidden")
        StoredEvent.objects.filter(event_id=shown.id).update(type="gone.Shown")
    page = client.get(f"{ADMIN}events/")

    assert page.context["search"].known_types == ["gone.Shown", "sample.Noted"]
    assert client.get(f"{ADMIN}find/?q=gone").context["event_types"].rows == ["gone.Shown"]
    for path in ("find/?q={}", "events/?type={}", "streams/open/?type={}"):
        assert said(client, path.format("Hidden"), "Hidden") == said(client, path.format("Hodden"), "Hodden"), path


def test_the_position_of_a_hidden_event_leads_nowhere(client: Client) -> None:
    [hidden] = event_store.publish(Noted(), stream="secret", links=["open"])
    [shown] = event_store.publish(Noted(), stream="open")

    answer = client.get(f"{ADMIN}streams/open/0/")
    assert answer.status_code == 403
    assert str(hidden.id) not in answer.text
    assert str(shown.id) in client.get(f"{ADMIN}streams/open/1/").headers["Location"]


def test_a_time_leads_to_no_hidden_event(client: Client, few_batches: None) -> None:
    event_store.publish(Noted(), stream="open")
    for _each in range(3):
        event_store.publish(Noted(), stream="secret", links=["open", "hidden"])

    assert client.get(f"{ADMIN}streams/open/?from=2999-01-01").headers["Location"].endswith("?from=0")
    assert "no event that is as old" in client.get(f"{ADMIN}streams/hidden/?from=2999-01-01").text


def test_hidden_effects_are_not_counted(client: Client) -> None:
    [cause] = event_store.publish(Noted(), stream="open")
    with event_store.caused_by(cause):
        for each in range(27):
            event_store.publish(Noted(), stream="secret" if each > 22 else "open")
    text = client.get(f"{ADMIN}events/{cause.id}/").text

    assert "show more" in text
    assert not re.search(r"show \d+ more", text)


def test_find_does_not_tell_the_id_of_a_hidden_event_from_another(client: Client) -> None:
    # Its id is that of its conversation, too.
    [hidden] = event_store.publish(Noted(), stream="secret")
    page = client.get(f"{ADMIN}find/?q={hidden.id}")

    assert page.status_code == 200
    assert "Nothing is named so" in page.text
    [shown] = event_store.publish(Noted(), stream="open")
    assert client.get(f"{ADMIN}find/?q={shown.id}").status_code == 302


def _park(event: Any, sequence: str) -> FailedEvent:
    return FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence=sequence,
        attempts=1, parked_at=event.recorded_at, last_failed_at=event.recorded_at,
    )  # fmt: skip


def _start(key: str, **fields: Any) -> Process:
    now = timezone.now()
    return Process.objects.create(type="Agreement", key=key, started_at=now, updated_at=now, **fields)
