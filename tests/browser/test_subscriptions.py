"""How far subscriptions are, what they could not handle, and what holds them back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from event_store import event_store
from event_store.models import FailedEvent, StoredEvent, Subscription
from tests.browser.conftest import ADMIN
from tests.event_store.sample import CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere


def test_a_subscription_with_nothing_left_to_handle_is_up_to_date(client: Client, orders: Any) -> None:
    def behind() -> str:
        [cell] = re.findall(r'<td data-l="Behind">(.*?)</td>', client.get(f"{ADMIN}handlers/").text)
        return re.sub(r"<[^>]+>", "", cell)

    Subscription.objects.exclude(name="Agreement").delete()
    agreement = Subscription.objects.get()
    assert agreement.checkpoint < StoredEvent.objects.latest("pk").pk
    assert behind() == "up to date"
    [unhandled] = event_store.append(CustomerSaidYes(order_id="7"), stream="Order$7")
    event_store.append(Noted(), stream="notes")
    assert behind() == f"{unhandled.global_position + 1 - agreement.checkpoint} positions"
    agreement.name = "gone"
    agreement.save()
    assert behind().endswith("positions, perhaps with nothing for it: no code that is loaded here declares it")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_holds_everybody_back_is_named_on_the_overview(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has published and not committed" not in client.get(ADMIN).text
    monkeypatch.setattr("event_store.subscriptions.status.OPEN_FOR_LONG", timedelta(0))
    with Elsewhere() as other:
        other.do(lambda: transaction.set_autocommit(False))
        other.do(lambda: event_store.append(Noted(), stream="s"))
        page = client.get(ADMIN).text
        other.do(transaction.rollback)
        other.do(lambda: transaction.set_autocommit(True))

    assert re.search(r"Session \d+.* has published and not committed", page)


def test_a_subscription_to_a_stream_is_behind_in_its_positions(client: Client, orders: Any) -> None:
    Subscription.objects.create(name="of a stream", stream="Order$42", checkpoint=-1, partitions=2, partition=1)
    version = event_store.events.in_stream("Order$42").last().position
    page = " ".join(client.get(f"{ADMIN}handlers/").text.split())

    assert "<bdi>of a stream 2/2</bdi>" in page
    assert f"{version + 1} position" in page


def test_failures_are_listed(client: Client, orders: Any) -> None:
    now = timezone.now()
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=orders["customer"].global_position,
        sequence="42", attempts=1, parked_at=now, last_failed_at=now, next_attempt_at=now, error="ValueError: secret",
    )  # fmt: skip
    page = client.get(f"{ADMIN}handlers/").text

    assert "wait for their next attempt" in page
    assert "<bdi>42</bdi>" in page
    assert "ValueError: secret" in page
