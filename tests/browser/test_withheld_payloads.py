"""Without the permission for the data of events, nothing that came from it is on any page, in any export, in any title."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import (
    CommandDelivery,
    FailedEvent,
    IssuedCommand,
    Process,
    ProcessDeadline,
    ProcessStep,
    Subscription,
)
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.crawling import crawl, text_of
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db
MARK = "s3cret"
ACTIONS = ("retry_failedevent", "skip_failedevent", "retry_process", "retry_commanddelivery", "skip_commanddelivery",
           "export_storedevent")  # fmt: skip
# What scripts ask for, or what somebody types.
NOT_LINKED = [
    "events/tail/?after=0", "streams/notes/tail/?after=-1", "streams/notes/0/", "events/?where=text:*data",
    'events/?where=text!="x"', 'events/tail/?after=0&where=text!="x"', "find/?q=data", "events/export.csv",
    "events/export.jsonl", "streams/Order$41/export.csv", "streams/Order$41/export.jsonl", "streams/Order$41/state/",
]  # fmt: skip
VIEWS = ("view_stream", "view_issuedcommand", "view_failedevent", "view_subscription", "view_processstep",
         "view_processdeadline", "view_commanddelivery")  # fmt: skip


@pytest.fixture
def marked(orders: dict[str, Any]) -> None:
    """The mark stands wherever something of an event can stand."""
    now, waiting = timezone.now(), orders["waiting"]
    with event_store.metadata(note=f"{MARK} metadata"):
        [noted] = event_store.publish(Noted(text=f"{MARK} data"), stream="Order$41")
    with event_store.caused_by(noted):
        event_store.publish(Noted(text=f"{MARK} effect"), stream="notes")
    Subscription.objects.update(status="failing", last_error=f"{MARK} error", last_error_at=now)
    Process.objects.filter(key="42").update(status="failed", last_error=f"{MARK} error of a process")
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=waiting.global_position, sequence="42",
        attempts=5, parked_at=now, last_failed_at=now, error=f"{MARK} failure", traceback=f"{MARK} traceback",
    )  # fmt: skip
    process = Process.objects.get(key="41")
    command = IssuedCommand.objects.get(process=process)
    with changes_allowed():
        IssuedCommand.objects.update(
            reason=f"{MARK} reason",
            rejection=f"{MARK} rejection",
            skip_reason=f"{MARK} skip",
            data={"order_id": f"{MARK} order"},
        )
        ProcessStep.objects.update(state_before={"customer": f"{MARK} state"}, end_reason=f"{MARK} end")
    ProcessDeadline.objects.create(
        process=process, name="answer", due_at=now, reason=f"{MARK} deadline", set_by=process.steps.first()
    )
    CommandDelivery.objects.create(
        command=command, process=process, attempts=3, error=f"{MARK} delivery", traceback=f"{MARK} traceback of it"
    )


@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
def test_nothing_of_an_events_data_is_anywhere(sign_in: Callable[..., Client], marked: None, mount: str) -> None:
    everything = crawl(sign_in(*PERMISSIONS, *ACTIONS, *VIEWS), mount, of_each_kind=3)
    shown = {url for url, response in everything.pages.items() if MARK in text_of(response)}
    client = sign_in("view_storedevent", "view_process", *ACTIONS, *VIEWS, username="berta")
    addresses = {
        *everything.pages,
        *(each for each in everything.outside if "/event_store/" in each),
        *(f"{mount}{each}" for each in NOT_LINKED),
    }
    answers = {url: client.get(url) for url in sorted(addresses) if MARK not in url}

    assert len(shown) >= 8
    assert [url for url, response in answers.items() if MARK in text_of(response)] == []
    assert [url for url, response in answers.items() if MARK in str(response.headers)] == []
    assert max(response.status_code for response in answers.values()) < 500
    assert crawl(client, mount).failures == []
    # A value in an address is what somebody has typed: the answer must not tell whether it is stored.
    asked = [url for url in addresses if MARK in url]
    assert asked
    for url in asked:
        told, guessed = (_without_tokens(client.get(each)) for each in (url, url.replace(MARK, "guess")))
        assert told.replace(MARK, "guess") == guessed, url


def _without_tokens(response: Any) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text_of(response))


def test_what_is_withheld_is_withheld_from_whoever_sees_processes_only(
    sign_in: Callable[..., Client], marked: None
) -> None:
    found = crawl(sign_in("view_process"), ADMIN)

    assert found.failures == []
    assert [url for url, response in found.pages.items() if MARK in text_of(response)] == []
    assert [url for url in found.pages if "/events/" in url or "/streams/" in url] == []
