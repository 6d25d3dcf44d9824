"""Workers at the same processes at the same time: redelivery, conflicts, rejections, deadlines, in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_store import durable_subscribers, event_store
from event_store.models import IssuedCommand, Process, ProcessDeadline
from event_store.processes.deadlines import reach_due_deadlines
from event_store.processes.runner import handle
from event_store.subscriptions.handling import CONFLICTS_IN_A_ROW
from event_store.subscriptions.runner import SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.errands import Asked, Errands, check_nothing_is_half_done, check_settled
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = ("1", "2")
errands = st.sampled_from(["do a", "do b", "refuse c", "share d", "again e", "wait", "stop"])
asked = st.lists(st.tuples(st.sampled_from(KEYS), st.lists(errands, max_size=3).map(tuple)), min_size=1, max_size=8)


@pytest.fixture(autouse=True)
def nobody_else_is_woken(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}


def publish(key: str, wanted: tuple[str, ...]) -> None:
    event_store.append(Asked(process=key, errands=wanted), stream=f"Asked${key}")


def look() -> None:
    subscriber = durable_subscribers.get("Errands")
    assert subscriber is not None
    SubscriptionRunner(event_store, subscriber).run(ignore_pauses=True)


def redeliver(seed: int) -> None:
    """Some event, once more, to its process: past the checkpoint, as a restored backup of it would."""
    events = list(event_store.events.of_type(Asked).in_category("Asked"))
    if not events:
        return
    event = random.Random(seed).choice(events)
    process = Process.objects.filter(type="Errands", key=event.data.process).first()
    seen = event_store.events.in_stream(f"Errands${event.data.process}") if process else []
    if event.id not in [each.id for each in seen]:
        # Before those that stand before it, it is no redelivery.
        return
    with event_store.atomic():
        handle(Errands, event, event.data.process)


def let_time_pass() -> None:
    ProcessDeadline.objects.filter(status="waiting").update(due_at=timezone.now() - timedelta(seconds=1))
    reach_due_deadlines()


def settle() -> None:
    run_subscriptions("Errands")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=asked, seed=st.integers(0, 2**32))
def test_one_after_the_other_in_any_order(transactional_db: None, events: list[Any], seed: int) -> None:
    forget()
    rng, waiting = random.Random(seed), list(events)
    while waiting:
        match rng.randrange(4):
            case 0:
                publish(*waiting.pop(0))
            case 1:
                look()
            case 2:
                redeliver(rng.randrange(2**32))
            case 3:
                let_time_pass()
        for key in KEYS:
            check_nothing_is_half_done(key)
    settle()

    check(events)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=asked, seed=st.integers(0, 2**32))
def test_all_at_once(transactional_db: None, events: list[Any], seed: int) -> None:
    forget()
    rng = random.Random(seed)
    half = len(events) // 2
    for each in events[:half]:
        publish(*each)
    look()
    work: list[Callable[[], object]] = [look, look, let_time_pass]
    work += [partial(publish, *each) for each in events[half:]]
    work += [partial(redeliver, rng.randrange(2**32)) for _ in range(2)]
    rng.shuffle(work)

    errors = [each for each in at_once(work) if isinstance(each, Exception)]
    assert [each for each in errors if "WrongExpectedVersion" not in type(each).__name__] == []
    settle()
    check(events)


def test_two_that_bring_the_same_event_to_the_same_process_make_one_step() -> None:
    assert CONFLICTS_IN_A_ROW > 1
    for number in range(10):
        publish(str(number), ("do a", "refuse b", "wait"))
        [event] = event_store.events.in_stream(f"Asked${number}")

        def bring(event: Any = event, key: str = str(number)) -> None:
            with event_store.atomic():
                handle(Errands, event, key)

        at_once([bring] * 3)
        check_nothing_is_half_done(str(number))
        # The event and the rejection.
        assert Process.objects.get(key=str(number)).step_count == 2
    assert IssuedCommand.objects.filter(outcome="accepted", type="errands.Do").count() == 10


def check(events: list[Any]) -> None:
    for key in KEYS:
        number = sum(process == key for process, _ in events)
        if number:
            check_settled(key, asked=number)


def forget() -> None:
    """What the example before this one has left; hypothesis gives all of them one database."""
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0)
