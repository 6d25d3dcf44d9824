"""The board and the overview: how many wait for what, what needs somebody, how the subscriptions are."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from browser.progress import Progress
from browser.subscription_summary import SubscriptionSummary
from browser.templatetags.event_store_browser import es_counted
from event_store import durable_subscribers, event_store, process_managers
from event_store.models import Process, Subscription, Worker
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.queries import queries
from tests.browser.shipments import Told, tell
from tests.browser.words import words
from tests.event_store.sample import Agreement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipments_declared")]


def subscription(name: str, behind: int, **fields: Any) -> Progress:
    return Progress(Subscription(name=name, **fields), behind, is_left=behind > 0)


def test_the_board_counts_groups_and_names_what_needs_somebody(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(days=1))
    late = timezone.now() - timedelta(days=3, hours=4, minutes=1)
    Process.objects.filter(key="42").update(waiting_since=late)
    tell("1", "wait")
    tell("2", "complete")
    page = client.get(f"{ADMIN}processes/")
    text = words(page)

    assert "2 waiting 1 of them stuck 0 failed 2 completed 0 cancelled" in text
    assert re.search(r"Agreement CatererSaidYes 1 1 3 d 4 h · \d+ \w+( \d+)? \d\d:\d\d –", text)
    assert re.search(r"Shipments Answered 1 0 \d+ s · .{5,20} in 5\d min · ", text)
    assert page.text.count('<b class="age-hot">3\u00a0d\u00a04\u00a0h</b>') == 2
    assert "Agreement 42 Stuck Has waited for CatererSaidYes longer than 1 d 3 d 4 h" in text
    # With several types the numbers lead to where the page goes into them, and each type has its lists.
    assert 'href="#es-attention"' in page.text
    assert f'href="{ADMIN}processes/Shipments/?status=completed"' in page.text


def test_where_a_deadline_is_overdue_one_note_says_that_no_worker_runs(client: Client, orders: Any) -> None:
    paths, now = ("", "processes/"), timezone.now()
    for path in paths:
        assert "No worker runs" not in client.get(ADMIN + path).text
    tell("1", "wait")
    tell("2", "wait")
    Process.objects.filter(status="waiting").update(next_deadline=now - timedelta(days=17))

    for path in paths:
        text = words(client.get(ADMIN + path))
        assert text.count("No worker runs: events are handled right after they are published") == 1
        assert len(re.findall(r"Its deadline passed 17 d ago, and nobody has handled it \d+ s", text)) == 3
    Worker.objects.create(name="w1", started_at=now, seen_at=now)
    for path in paths:
        assert "No worker runs" not in client.get(ADMIN + path).text


def test_large_numbers_are_read_in_threes() -> None:
    assert [es_counted(each) for each in (7, 1_204, 10_000, 10_001)] == [
        "7",
        "1\u00a0204",
        "10\u00a0000",
        "10\u00a0000+",
    ]


def test_the_overview_says_so_when_all_is_well(client: Client, orders: Any) -> None:
    text = words(client.get(ADMIN))

    assert "No process has failed, and none is stuck." in text
    assert re.search(r"Subscriptions \d+ up to date", text)


def test_subscriptions_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        subscription("a", 0),
        subscription("b", 3, partition=0, partitions=2),
        subscription("b", 1204, partition=1, partitions=2),
        subscription("c", 90, status="failing"),
        subscription("d", 0),
    ]
    monkeypatch.setattr("browser.subscription_summary.durable_names", lambda: {"a", "d", "new"})
    summary = SubscriptionSummary.of(rows)

    assert summary.words == "2 up to date · 1 behind by 1\u00a0204 · 1 failing · 1 not run yet"
    assert [each.subscription.name for each in summary.failing] == ["c"]
    assert SubscriptionSummary.of([*rows, subscription("e", 7)]).words.startswith("2 up to date · 2 behind by up to 1")
    monkeypatch.setattr("browser.subscription_summary.durable_names", set)
    assert SubscriptionSummary.of([]).words == "none"


def test_a_failing_subscription_is_named_on_the_overview(
    client: Client, sign_in: Callable[..., Client], orders: Any
) -> None:
    name = next(each.name for each in durable_subscribers.all() if each.name == "Agreement")
    Subscription.objects.filter(name=name).update(
        status="failing", last_error="RuntimeError: no", last_error_at=timezone.now()
    )
    page, other = client.get(ADMIN), sign_in("view_storedevent", username="bob").get(ADMIN)

    assert "1 failing" in words(page)
    assert re.search(r"Failing Agreement RuntimeError: no \d+ s", words(page))
    assert f'href="{ADMIN}handlers/Agreement/"' in page.text
    assert "RuntimeError" not in other.text


def test_the_number_of_queries_does_not_depend_on_what_there_is(client: Client, orders: Any) -> None:
    paths = {ADMIN: 10, f"{ADMIN}processes/": 8}
    client.get(ADMIN)
    before = [queries(client, path) for path in paths]
    event_store.append([Told(parcel=str(number), says=("wait",)) for number in range(60)], stream="s")
    run_subscriptions("Shipments")
    Subscription.objects.bulk_create(Subscription(name=f"s{number}", status="failing") for number in range(30))
    Process.objects.filter(type="Shipments", key__in=["1", "2"]).update(status="failed")

    assert [queries(client, path) for path in paths] == before
    assert all(count <= most for count, most in zip(before, paths.values(), strict=True))


def test_the_board_shows_types_that_no_code_declares(client: Client) -> None:
    tell("1")
    Process.objects.update(waiting_since=timezone.now() - timedelta(days=30))
    del process_managers["Shipments"]
    page = client.get(f"{ADMIN}processes/")

    assert re.search(r"Shipments Answered 1 0 30 d · ", words(page))
    assert "age-hot" not in page.text


def test_with_very_many_groups_all_that_wait_are_counted(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.processes.MOST_GROUPS", 1)
    tell("1")
    Process.objects.filter(key="1").update(waiting_since=timezone.now() - timedelta(days=30))

    assert "2 waiting 1 of them stuck 0 failed 1 completed" in words(client.get(f"{ADMIN}processes/"))
