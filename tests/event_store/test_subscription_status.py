"""Status, waiting for a subscription, renaming and removing it."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

import event_store as public
from event_store import NotHandledInTime, RecordedEvent, event_store, subscriber
from event_store.durable import durable_subscribers
from event_store.exceptions import InvalidQuery, UnknownSubscription
from event_store.models import FailedEvent, Subscription
from tests.event_store.sample import Agreement, Counted, CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere

committing = pytest.mark.django_db(transaction=True)
pytestmark = committing


@pytest.fixture(autouse=True)
def only_these(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def reader(seen: list[str]) -> None:
    @subscriber(Noted, durable=True, name="reader", partitions=2)
    def read(event: RecordedEvent[Noted]) -> None:
        if event.data.text == "bad":
            raise ValueError("of no use")
        seen.append(event.data.text)


def run(command: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def work() -> None:
    run("run_subscriptions", "reader", until_idle=True)


def status(name: str = "reader") -> list[Any]:
    return [each for each in public.subscription_status() if each.name == name]


@pytest.mark.usefixtures("reader")
def test_one_that_has_never_run_is_shown_with_all_that_it_wants() -> None:
    event_store.append([Noted(), Counted(number=1), Noted()], stream="s")

    [only] = status()
    assert (only.status, only.behind, only.checkpoint, only.is_declared) == ("new", 2, 0, True)
    assert 0 <= only.behind_seconds < 60


@pytest.mark.usefixtures("reader")
def test_it_says_how_far_each_partition_is_and_what_has_failed() -> None:
    event_store.append([Noted(text="bad"), Noted(text="behind")], stream="s")
    event_store.append(Noted(text="a"), stream="t")
    work()
    [first, second] = status()

    assert (first.behind, second.behind, first.parked, first.behind_seconds) == (0, 0, 2, None)
    assert first.handled + second.handled == 1
    assert {first.status, second.status} == {"failing", "ok"}
    assert "ValueError: of no use" in first.last_error + second.last_error


@pytest.mark.usefixtures("reader")
def test_the_command_prints_a_table_or_json() -> None:
    event_store.append(Noted(text="a"), stream="s")
    work()
    table = run("subscription_status")

    assert table.splitlines()[0].split()[:3] == ["subscription", "status", "behind"]
    assert "reader 1/2" in table
    report = json.loads(run("subscription_status", json=True))
    assert {each["name"] for each in report["subscriptions"]} >= {"reader", "Agreement"}
    assert report["open_transactions"] == []


def test_what_no_code_declares_is_said() -> None:
    Subscription.objects.create(name="old reader", checkpoint=5)

    [old] = status("old reader")
    assert (old.is_declared, old.behind) == (False, None)
    assert "ok, not declared" in run("subscription_status")


@pytest.mark.postgresql
def test_a_transaction_that_has_published_and_stays_open_is_named() -> None:
    with Elsewhere() as other:
        other.do(lambda: transaction.set_autocommit(False))
        other.do(lambda: event_store.append(Noted(), stream="s"))
        [found] = public.open_transactions()
        now = timezone.now()
        table = run("subscription_status")
        other.do(transaction.rollback)
        other.do(lambda: transaction.set_autocommit(True))

    assert "event_store_append" in str(found.query)
    assert (found.state, found.is_open_for_long(now)) == ("idle in transaction", False)
    assert found.is_open_for_long(now + timedelta(seconds=6))
    assert "has published and not committed, open for 0." in table
    assert public.open_transactions() == []


# ---- reading one's own writes


@pytest.mark.usefixtures("reader")
def test_waiting_ends_when_the_event_is_handled(seen: list[str]) -> None:
    [event] = event_store.append(Noted(text="a"), stream="s")
    with pytest.raises(NotHandledInTime, match=r"not handled everything up to \d+ within 0.01 s: it has never run"):
        public.wait_for("reader", event, timeout=0.01)
    work()
    event_store.append(Counted(number=1), stream="s")

    public.wait_for("reader", [event], timeout=0)
    async_to_sync(public.await_for)("reader", event.global_position + 1, timeout=0)
    assert seen == ["a"]


@pytest.mark.usefixtures("reader")
def test_it_says_how_far_a_subscription_is_that_is_late() -> None:
    event_store.append(Noted(text="a"), stream="s")
    work()
    events = event_store.append([Noted(text="b")], stream="s")

    with pytest.raises(NotHandledInTime, match=r"reader [12]/2 is at \d+\."):
        public.wait_for("reader", events, timeout=0)


def test_a_handler_or_a_process_manager_names_its_subscription() -> None:
    [event] = event_store.append(CustomerSaidYes(order_id="42"), stream="s")
    run("run_subscriptions", "Agreement", until_idle=True)

    public.wait_for(Agreement, event, timeout=0)
    with pytest.raises(UnknownSubscription, match="No code declares a durable subscriber 'redaer'"):
        public.wait_for("redaer", event)
    with pytest.raises(InvalidQuery, match="takes a number or recorded events"):
        public.wait_for(Agreement, "42")  # type: ignore[arg-type]


def test_of_a_stream_one_waits_for_a_position_there() -> None:
    subscriber(Noted, durable=True, name="listener", stream="s")(lambda event: None)
    [here], [there] = event_store.append(Noted(), stream="s"), event_store.append(Noted(), stream="t")
    run("run_subscriptions", "listener", until_idle=True)

    public.wait_for("listener", here, timeout=0)
    with pytest.raises(InvalidQuery, match="give a position there"):
        public.wait_for("listener", there)


# ---- names


@pytest.mark.usefixtures("reader")
def test_a_renamed_subscription_keeps_its_checkpoints_and_what_is_parked(seen: list[str]) -> None:
    event_store.append([Noted(text="a"), Noted(text="bad")], stream="s")
    work()
    before = list(Subscription.objects.filter(name="reader").values_list("checkpoint", flat=True))

    assert "No code declares listener yet" in run("rename_subscription", "reader", "listener")
    assert list(Subscription.objects.filter(name="listener").values_list("checkpoint", flat=True)) == before
    assert FailedEvent.objects.get().subscription.name == "listener"
    with pytest.raises(CommandError, match="There is a subscription 'listener' already"):
        run("rename_subscription", "listener", "listener")
    with pytest.raises(CommandError, match="Nothing is kept of a subscription 'reader'. There are: .*listener"):
        run("rename_subscription", "reader", "other")
    with pytest.raises(ValueError, match="1 to 255 printable"):
        public.rename_subscription("listener", "a\nb")


@pytest.mark.usefixtures("reader")
def test_a_removed_subscription_begins_anew(seen: list[str]) -> None:
    event_store.append([Noted(text="a"), Noted(text="bad")], stream="s")
    work()

    assert "reader is removed, with 1 failed event.\nCode still declares it" in run("remove_subscription", "reader")
    assert not Subscription.objects.filter(name="reader").exists()
    work()
    assert seen == ["a", "a"]
    found = durable_subscribers.get("reader")
    assert found is not None
