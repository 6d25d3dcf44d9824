"""Waking: it may be lost, doubled or late, and nothing is left or done twice."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from event_store import RecordedEvent, event_store, event_stores, subscriber
from event_store.exceptions import InvalidStoreSettings
from event_store.models import Subscription
from event_store.subscriptions.wakeups import Wake
from tests.event_store.sample import CustomerSaidYes, Noted
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

wakes: list[Wake] = []


def keep(wake: Wake) -> None:
    wakes.append(wake)


def refuse(wake: Wake) -> None:
    raise KeyError("the queue is away")


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def reader(seen: list[str]) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def read(event: RecordedEvent[Noted]) -> None:
        # Seen twice or never shows here; a row would be undone with the handler.
        seen.append(event.data.text)


@pytest.mark.postgresql
@pytest.mark.usefixtures("reader")
def test_publishers_that_commit_at_once_leave_nothing_unhandled(seen: list[str]) -> None:
    def publish(text: str) -> Any:
        return lambda: event_store.publish(Noted(text=text), stream=text[0])

    for number in range(10):
        answers = at_once([publish(f"{name} {number}") for name in "abcd"])
        assert not [each for each in answers if isinstance(each, Exception)]

    assert sorted(seen) == sorted(f"{name} {number}" for name in "abcd" for number in range(10))


@pytest.mark.usefixtures("reader")
def test_a_wake_up_that_is_lost_is_made_good_by_the_next(seen: list[str], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": f"{__name__}.refuse"}}}
    event_store.publish(Noted(text="a"), stream="s")
    settings.EVENT_STORES = {"default": {}}

    event_store.publish(Noted(text="b"), stream="s")

    assert seen == ["a", "b"]


@pytest.mark.usefixtures("reader")
def test_a_queue_is_one_more_wake_up(seen: list[str], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": f"{__name__}.keep"}}}
    wakes.clear()
    with transaction.atomic():
        event_store.publish(Noted(text="a"), stream="s")
        [event] = event_store.publish(Noted(text="b"), stream="s")
    [wake] = wakes
    assert (seen, wake.store, wake.position, list(wake.subscribers)) == (
        [],
        "default",
        event.global_position,
        ["reader"],
    )

    # What a task would be given, as JSON has it; twice, since queues deliver at least once.
    for _ in range(2):
        Wake(wake.store, position=wake.position, subscribers=wake.subscribers).run()
    assert seen == ["a", "b"]


@pytest.mark.parametrize("wrong", ["celery", f"{__name__}.nobody", f"{__name__}.wakes", 5])
def test_a_wake_up_that_does_not_exist_is_refused(settings: Any, wrong: object) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": wrong}}}

    with pytest.raises(InvalidStoreSettings, match="dotted path of a function"):
        event_stores["default"].alias  # noqa: B018 - made when it is asked for


def test_a_link_wakes_who_reads_that_stream_and_nobody_else(seen: list[str]) -> None:
    subscriber(Noted, durable=True, name="feed", stream="feed")(lambda event: seen.append("feed"))
    [event] = event_store.publish(Noted(), stream="s")
    subscriber(Noted, durable=True, name="all")(lambda event: seen.append("all"))

    event_store.link(event, stream="feed")
    event_store.link(event, stream="elsewhere")

    assert seen == ["feed"]


WEB_PROCESS = """
import os, signal, sys
import django
django.setup()
from event_store import event_store, subscriber
from tests.event_store.sample import CustomerSaidYes

@subscriber(CustomerSaidYes, durable=True, name="fatal")
def die(event):
    from django.contrib.auth.models import Group
    Group.objects.create(name="half done")
    os.kill(os.getpid(), signal.SIGKILL)

event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
"""


def test_a_web_process_that_is_killed_in_a_handler_leaves_nothing_half_done_and_holds_no_lease(
    child_environment: dict[str, str], seen: list[str]
) -> None:
    done = subprocess.run([sys.executable, "-c", WEB_PROCESS], env=child_environment, check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    assert not Group.objects.filter(name="half done").exists()
    assert list(Subscription.objects.filter(name="fatal").values_list("owner", "checkpoint")) == [("", 0)]

    @subscriber(CustomerSaidYes, durable=True, name="fatal")
    def live(event: RecordedEvent[Any]) -> None:
        seen.append(event.data.order_id)

    # The dead one's session may take a moment to end.
    give_up = time.monotonic() + 30
    while not seen and time.monotonic() < give_up:
        event_store.publish(CustomerSaidYes(order_id="43"), stream="Order$43")
    assert seen[:2] == ["42", "43"]
