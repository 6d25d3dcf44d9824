"""Deadlines: set once by name, reached once, cancelled by what comes in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from event_store import (
    CancelDeadline,
    Complete,
    Deadline,
    DeadlineReached,
    Event,
    ProcessManager,
    event_store,
    reach_due_deadlines,
)
from event_store.exceptions import InvalidProcessManager
from event_store.models import Process, ProcessDeadline, ProcessStep
from event_store.testing import run_subscriptions
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Said(Event, type="deadlines.Said"):
    text: str
    process: str = "1"


class Patient(ProcessManager):
    """Does what it is told: each text is what `act` yields."""

    reacts_to = (Said,)

    @dataclass(frozen=True)
    class State:
        reached: tuple[str, ...] = ()

    def process_id(self, event: Any) -> str:
        return str(event.data.process)

    def apply(self, state: State, event: Any) -> State:
        if isinstance(event.data, DeadlineReached):
            return replace(state, reached=(*state.reached, event.data.name))
        return state

    def act(self, state: State, event: Any) -> Any:
        if isinstance(event.data, DeadlineReached):
            return
        kind, _, rest = event.data.text.partition(" ")
        if kind == "after":
            yield Deadline("answer", after=timedelta(hours=int(rest))).because("it takes time")
        elif kind == "at":
            yield Deadline("answer", at=datetime.fromisoformat(rest))
        elif kind == "cancel":
            yield CancelDeadline("answer")
        elif kind == "anew":
            yield CancelDeadline("answer")
            yield Deadline("answer", after=timedelta(hours=int(rest)))
        elif kind == "complete":
            yield Complete()


@pytest.fixture
def clock() -> Any:
    now = [NOON]
    with event_store.clock(lambda: now[0]):
        yield now


@pytest.fixture
def say(clock: list[datetime]) -> Callable[..., None]:
    def say(text: str, *, hours: float = 0, process: str = "1") -> None:
        clock[0] = NOON + timedelta(hours=hours)
        event_store.publish(Said(text=text, process=process), stream="s")
        run_subscriptions("Patient")

    return say


def reached() -> list[str]:
    return [each.type for each in event_store.events.in_stream("Patient$1").of_type(DeadlineReached)]


def due() -> list[tuple[str, float]]:
    return [(each.status, (each.due_at - NOON) / timedelta(hours=1)) for each in ProcessDeadline.objects.order_by("pk")]


def test_a_deadline_arrives_as_an_event_once_it_is_due(say: Any, clock: list[datetime]) -> None:
    say("after 2")
    clock[0] += timedelta(hours=1, minutes=59)
    run_subscriptions()
    assert reached() == []
    assert Process.objects.get().next_deadline == NOON + timedelta(hours=2)

    clock[0] += timedelta(minutes=1)
    run_subscriptions()
    run_subscriptions()

    said, event = event_store.events.in_stream("Patient$1")
    assert event.data == DeadlineReached(
        process_type="Patient", process_id="1", name="answer", due_at=NOON + timedelta(hours=2)
    )
    assert (event.causation_id, event.correlation_id) == (said.id, said.correlation_id)
    deadline = ProcessDeadline.objects.get()
    assert (deadline.status, deadline.reason, deadline.event_id) == ("reached", "it takes time", event.id)
    assert deadline.ended_by == ProcessStep.objects.get(number=1)
    assert (Process.objects.get().next_deadline, Process.objects.get().step_count) == (None, 2)
    assert [at.stream for at in event_store.streams_of(event)] == ["event_store.DeadlineReached$Patient", "Patient$1"]


def test_the_same_again_changes_nothing_also_when_it_was_reached(say: Any) -> None:
    say("after 2")
    say("after 2", hours=1)
    assert due() == [("waiting", 2)]
    say("after 2", hours=3)

    assert due() == [("reached", 2)]
    assert len(reached()) == 1


def test_another_time_sets_it_anew(say: Any) -> None:
    say("after 2")
    say("after 5", hours=1)
    say("at 2026-03-01T13:30:00+00:00", hours=1)
    say("at 2026-03-01T13:30:00+00:00", hours=1)

    assert due() == [("cancelled", 2), ("cancelled", 6), ("waiting", 1.5)]
    assert Process.objects.get().next_deadline == NOON + timedelta(hours=1.5)


def test_a_cancelled_one_is_not_reached_and_can_be_set_again(say: Any) -> None:
    say("cancel")
    say("after 2")
    say("cancel", hours=1)
    assert (due(), Process.objects.get().next_deadline) == ([("cancelled", 2)], None)
    say("nothing", hours=5)
    assert reached() == []
    say("after 2", hours=6)
    say("anew 2", hours=7)

    assert due() == [("cancelled", 2), ("cancelled", 8), ("waiting", 9)]


def test_one_that_was_reached_can_be_set_again_after_it_is_cancelled(say: Any) -> None:
    say("after 2")
    say("nothing", hours=2)
    say("anew 2", hours=3)
    say("nothing", hours=5)

    assert len(reached()) == 2
    assert [status for status, _ in due()] == ["cancelled", "reached"]


def test_the_end_of_a_process_is_the_end_of_its_deadlines(say: Any) -> None:
    say("after 2")
    say("complete", hours=1)
    say("after 1", hours=3)

    assert (due(), reached()) == ([("cancelled", 2)], [])
    assert Process.objects.get().next_deadline is None


def test_one_in_the_past_is_reached_at_once(say: Any) -> None:
    say("at 2026-01-01T00:00:00+00:00")

    assert len(reached()) == 1


def test_what_was_published_in_time_and_is_handled_late_still_cancels_it(say: Any, clock: list[datetime]) -> None:
    say("after 2")
    clock[0] = NOON + timedelta(hours=1)
    event_store.publish(Said(text="cancel"), stream="s")
    # No worker has run until long after it was due.
    clock[0] = NOON + timedelta(days=3)
    assert reach_due_deadlines() == 1
    run_subscriptions()

    assert (reached(), due()) == ([], [("cancelled", 2)])
    assert Process.objects.get().step_count == 2


def test_a_clock_that_jumps_back_reaches_nothing_twice(say: Any, clock: list[datetime]) -> None:
    say("after 2")
    clock[0] = NOON + timedelta(hours=2)
    run_subscriptions()
    clock[0] = NOON
    run_subscriptions()
    clock[0] = NOON + timedelta(hours=3)
    run_subscriptions()

    assert len(reached()) == 1


def test_a_failed_process_gets_its_deadline_behind_what_it_failed_at(
    say: Any, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    say("after 2")
    original = Patient.act
    with monkeypatch.context() as patch:
        patch.setattr(Patient, "act", lambda *_: 1 / 0)
        with pytest.raises(AssertionError):
            say("nothing", hours=1)
        clock[0] = NOON + timedelta(hours=2)
        with pytest.raises(AssertionError):
            run_subscriptions()
        assert reached() == []
    assert Patient.act is original
    run_subscriptions()

    types = [each.type for each in event_store.events.in_stream("Patient$1")]
    assert types == ["deadlines.Said", "deadlines.Said", "event_store.DeadlineReached"]


def test_a_deadline_of_one_process_does_not_reach_another(say: Any) -> None:
    say("after 2")
    say("after 3", process="2")
    say("nothing", hours=2, process="3")

    assert len(reached()) == 1
    assert not event_store.events.in_stream("Patient$2").of_type(DeadlineReached).exists()


def test_asked_to_stop_nothing_is_reached(say: Any, clock: list[datetime]) -> None:
    say("after 2")
    clock[0] += timedelta(hours=2)

    assert reach_due_deadlines(stopping=lambda: True) == 0
    assert due() == [("waiting", 2)]


def test_a_crash_before_the_commit_leaves_it_to_the_next_one(say: Any, clock: list[datetime]) -> None:
    say("after 2")
    clock[0] += timedelta(hours=2)
    with pytest.raises(RuntimeError), transaction.atomic():
        assert reach_due_deadlines() == 1
        raise RuntimeError
    assert due() == [("waiting", 2)]
    run_subscriptions()

    assert len(reached()) == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_workers_reach_each_deadline_once() -> None:
    event_store.publish([Said(text="at 2026-01-01T00:00:00+00:00", process=str(n)) for n in range(40)], stream="s")
    from event_store.models import Subscription

    # Woken by the commit: what they have set is not reached before a worker looks.
    assert (Subscription.objects.get(name="Patient").handled, ProcessDeadline.objects.count()) == (40, 40)
    counts = at_once([reach_due_deadlines] * 6)

    assert sum(counts) == 40
    run_subscriptions()
    assert event_store.events.of_type(DeadlineReached).count() == 40
    assert ProcessDeadline.objects.filter(status="reached", ended_by__isnull=False).count() == 40


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Deadline("a"), "either after=timedelta"),
        (lambda: Deadline("a", after=timedelta(1), at=NOON), "either after=timedelta"),
        (lambda: Deadline("a", after=timedelta(0)), "more than nothing"),
        (lambda: Deadline("a", after=48), "more than nothing"),  # type: ignore[arg-type]
        (lambda: Deadline("a", at=datetime(2026, 1, 1)), "with a time zone"),
        (lambda: Deadline("", after=timedelta(1)), "1 to 255 characters"),
        (lambda: Deadline("x" * 256, after=timedelta(1)), "1 to 255 characters"),
        (lambda: CancelDeadline("\0"), "1 to 255 characters"),
        (lambda: Deadline("a", at=NOON).because(7), "because: takes a text"),  # type: ignore[arg-type]
        (lambda: Deadline("a", after=timedelta.max).due_at(NOON), "no date any more"),
    ],
)
def test_what_is_no_deadline_is_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidProcessManager, match=message):
        wrong()
