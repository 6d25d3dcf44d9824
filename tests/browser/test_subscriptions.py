"""How far subscriptions are, what they could not handle, and what holds them back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone

from event_store import Event, event_store, subscriber
from event_store.models import FailedEvent, StoredEvent, Subscription, Worker
from tests.browser.conftest import ADMIN
from tests.browser.queries import queries
from tests.browser.words import words
from tests.event_store.sample import CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere

BACKEND = "event_store.backends.database.DatabaseBackend"


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

    assert "Where sequences stand still" in page
    assert "<bdi>42</bdi>" in page
    assert "ValueError: secret" in page


# ---- the list


def test_the_list_names_what_has_not_run_and_what_is_called_at_once(client: Client, orders: Any) -> None:
    @subscriber(Noted, durable=True, name="sleeper")
    def sleep(event: Any) -> None: ...

    @subscriber(Noted, name="at once")
    def note(event: Any) -> None: ...

    @subscriber(Event, name="everything")
    def see(event: Any) -> None: ...

    page = words(client.get(f"{ADMIN}handlers/"))
    assert "sleeper inline has not run yet: it begins with the first event that it wants" in page
    assert "at once immediate Noted" in page
    assert "everything immediate every event" in page
    assert "Agreement inline OK" in page
    assert client.get(f"{ADMIN}handlers/sleeper/").status_code == 200


def test_a_worker_tells_how_long_it_needs_to_catch_up(client: Client, orders: Any) -> None:
    now = timezone.now()
    event_store.append([CustomerSaidYes(order_id="7")] * 1 + [Noted()] * 30, stream="Order$7")
    row = Subscription.objects.get(name="Agreement")
    behind = StoredEvent.objects.latest("pk").pk - row.checkpoint
    Subscription.objects.update(owner="w1", rate=behind / 20, lease_until=now + timedelta(minutes=1))
    for path in ("handlers/", "handlers/Agreement/"):
        assert f"{behind} positions (about 20\u00a0s)" in client.get(ADMIN + path).text
    assert re.search(r"w1 · \d\.\d events a second", words(client.get(f"{ADMIN}handlers/Agreement/")))

    Subscription.objects.update(lease_until=now - timedelta(minutes=1))
    page = words(client.get(f"{ADMIN}handlers/Agreement/"))
    assert f"{behind} positions " in page
    assert "about" not in page.partition("How far it is")[2]
    assert "none holds it" in page


def test_it_is_said_that_no_worker_runs(client: Client, orders: Any) -> None:
    assert "No worker runs: events are handled right after they are published" in words(client.get(f"{ADMIN}handlers/"))
    now = timezone.now()
    worker = Worker.objects.create(name="w1", started_at=now, seen_at=now)
    assert "No worker runs" not in client.get(f"{ADMIN}handlers/").text
    Worker.objects.filter(pk=worker.pk).update(seen_at=now - timedelta(minutes=2))

    with override_settings(EVENT_STORES={"default": {"BACKEND": BACKEND, "OPTIONS": {"wake_up": "worker"}}}):
        page = words(client.get(f"{ADMIN}handlers/Agreement/"))
    assert "nothing is handled until manage.py run_subscriptions runs" in page
    assert "Mode worker" in page


def test_parked_events_are_counted_up_to_a_bound_and_lead_to_their_list(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Subscription.objects.create(name="reader")
    park(reader, orders["customer"], *"abc")
    FailedEvent.objects.filter(sequence="c").update(status="skipped")
    link = f'href="{ADMIN}handlers/reader/#failures">'
    assert f"{link}2<" in client.get(f"{ADMIN}handlers/").text
    monkeypatch.setattr("browser.progress.MOST_PARKED", 1)
    monkeypatch.setattr("browser.views.subscriptions.MOST_PARKED", 1)

    assert f"{link}1+<" in client.get(f"{ADMIN}handlers/").text


# ---- the page of one


def park(subscription: Subscription, event: Any, *sequences: str, **fields: Any) -> None:
    now = timezone.now()
    FailedEvent.objects.bulk_create(
        FailedEvent(subscription=subscription, event_id=event.global_position, sequence=each, parked_at=now, **fields)
        for each in sequences
    )


def test_a_subscriptions_page_says_what_it_reads_and_from_where(client: Client, orders: Any) -> None:
    @subscriber(Noted, durable=True, name="of a stream", stream="notes", start="now", batch_size=7, max_attempts=9)
    def read(events: Any) -> None:
        """
        Reads <notes>.

        And more.
        """

    @subscriber(Event, durable=True, name="of a category", category="Order", start=7)
    def look(event: Any) -> None: ...

    page = client.get(f"{ADMIN}handlers/of~20a~20stream/")
    assert "Reads <notes>. No worker runs" in words(page)
    assert "Kind durable subscriber Mode inline Reads notes" in words(page)
    assert "Starts, when new, at the moment at which it is new Batch size 7 Most attempts 9 Partitions 1" in words(page)
    assert f'href="{ADMIN}streams/notes/"' in page.text
    assert "Events Noted" in words(page)
    assert "It has not run yet" in words(page)
    page = client.get(f"{ADMIN}handlers/of~20a~20category/")
    assert "Reads streams of the category Order Starts, when new, at 7" in words(page)
    assert "Events every event" in words(page)


def test_a_process_manager_leads_to_its_processes(client: Client, orders: Any) -> None:
    page = client.get(f"{ADMIN}handlers/Agreement/")

    assert "Confirms an order once both sides have said yes." in words(page)
    assert f'href="{ADMIN}processes/Agreement/"' in page.text
    assert "Reads the whole store Starts, when new, at the beginning" in words(page)
    assert "Declared in tests.event_store.sample.Agreement" in words(page)


def test_partitions_have_a_row_each(client: Client, orders: Any) -> None:
    for partition in range(3):
        Subscription.objects.create(name="shared", partition=partition, partitions=3, checkpoint=partition)
    page = words(client.get(f"{ADMIN}handlers/shared/"))

    assert re.search(r"1/3 OK 0 .* 2/3 OK 1 .* 3/3 OK 2 ", page)
    assert "No code that is loaded here declares it" in page


def test_failed_events_are_listed_page_by_page_and_by_status(client: Client, orders: Any) -> None:
    reader = Subscription.objects.create(name="reader")
    park(reader, orders["customer"], *(f"s{number:03}" for number in range(120)))
    park(reader, orders["customer"], "g1", status="given_up", attempts=20, error="ValueError: no")
    park(reader, orders["customer"], "k1", status="skipped", skipped_by="ann")
    park(Subscription.objects.get(name="Agreement"), orders["customer"], "other")
    path, seen = f"{ADMIN}handlers/reader/", []
    page = client.get(path)
    while True:
        seen += [each.sequence for each in page.context["page"].rows]
        if not page.context["page"].later:
            break
        page = client.get(path + page.context["page"].later)

    assert seen == [*(f"s{number:03}" for number in range(120)), "g1"]
    assert [each.sequence for each in client.get(f"{path}?status=given_up").context["page"].rows] == ["g1"]
    skipped = client.get(f"{path}?status=skipped")
    assert [each.sequence for each in skipped.context["page"].rows] == ["k1"]
    assert "skipped by ann" in words(skipped)
    of_one = client.get(path, {"sequence": "s007", "status": ""})
    assert [each.sequence for each in of_one.context["page"].rows] == ["s007"]
    assert "Of the sequence s007 show all" in words(of_one)
    assert client.get(path, {"sequence": "\0'\"<&%"}).status_code == 200
    assert "No further failed event." in client.get(f"{path}?from={10**17}").text


def test_the_number_of_queries_does_not_grow_with_failures_and_partitions(client: Client, orders: Any) -> None:
    reader = Subscription.objects.create(name="reader", partitions=2)
    park(reader, orders["customer"], "a")
    paths = ["handlers/", "handlers/reader/", "handlers/reader/?size=200"]
    before = [queries(client, ADMIN + path) for path in paths]
    park(reader, orders["customer"], *(f"s{number}" for number in range(60)))
    for number in range(1, 40):
        Subscription.objects.create(name="reader", partition=number, partitions=40)

    assert [queries(client, ADMIN + path) for path in paths] == before
