"""A step that is broken off at any of its statements: nothing of it is kept, and it is taken once all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from event_store import durable_subscribers, event_store
from event_store.models import FailedEvent, ProcessDeadline
from event_store.processes.deadlines import reach_due_deadlines
from event_store.subscriptions.runner import SubscriptionRunner
from event_store.testing import run_subscriptions
from tests.event_store.children import in_a_child
from tests.event_store.errands import PATIENCE, Asked, broken, check_nothing_is_half_done, check_settled

pytestmark = [
    pytest.mark.stress,
    pytest.mark.django_db(transaction=True),
    # The child runs one subscription and ends; idle threads that earlier tests have left have nothing it needs.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Injected(DatabaseError):
    """What Django makes of a driver's error."""


class Deadlock(Exception):
    """What the drivers say of transactions that were in each other's way."""

    sqlstate, sqlite_errorname = "40P01", "SQLITE_BUSY"


class Points:
    """Counts the moments before and after each statement and each commit, and breaks off at one of them."""

    def __init__(self, at: int, break_off: Callable[[], None]) -> None:
        self.at, self.break_off, self.passed = at, break_off, 0
        self.place = ""

    @property
    def is_reached(self) -> bool:
        return self.passed > self.at

    def around(self, what: str, call: Callable[[], Any]) -> Any:
        self._pass(f"before {what}")
        answer = call()
        # No error comes out of a BEGIN that has worked, and Django would not know of its transaction then.
        if not what.startswith("BEGIN"):
            self._pass(f"after {what}")
        return answer

    def _pass(self, place: str) -> None:
        self.passed += 1
        if self.passed == self.at + 1:
            self.place = place
            self.break_off()


@contextmanager
def breaking_off(at: int, break_off: Callable[[], None]) -> Iterator[Points]:
    points = Points(at, break_off)
    commit = connection._commit

    def execute(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return points.around(sql[:60], lambda: execute(sql, params, many, context))

    # No statement of Django's: the driver is asked for it.
    connection._commit = lambda: points.around("COMMIT", commit)
    try:
        with connection.execute_wrapper(execute):
            yield points
    finally:
        del connection._commit


# ---- what is broken off


@pytest.fixture(autouse=True)
def nobody_else_is_woken(settings: Any) -> Iterator[None]:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}
    yield
    broken.clear()


def ask(key: str, *errands: str) -> None:
    event_store.append(Asked(process=key, errands=errands), stream=f"Asked${key}")


def run() -> None:
    subscriber = durable_subscribers.get("Errands")
    assert subscriber is not None
    SubscriptionRunner(event_store, subscriber).run(ignore_pauses=True)


def prepare_steps(key: str) -> None:
    """One event that is a step and, since a command is refused, a second one; then one that ends the process."""
    ask(key, "do a", "refuse b", "wait")
    ask(key, "do a", "complete")


def prepare_a_failure(key: str) -> None:
    """The command fails: the event is parked, and another one behind it."""
    ask(key, "do a")
    ask(key, "do b")
    broken.add("do a")


def prepare_a_retry(key: str) -> None:
    prepare_a_failure(key)
    run()
    assert FailedEvent.objects.count() == 2
    broken.clear()


def prepare_a_deadline(key: str) -> None:
    ask(key, "wait")
    run()
    ProcessDeadline.objects.update(due_at=timezone.now() - PATIENCE)
    reach_due_deadlines()


SITUATIONS = [prepare_steps, prepare_a_failure, prepare_a_retry, prepare_a_deadline]


def settle() -> None:
    broken.clear()
    # A connection that was lost is made anew.
    connection.close()
    run_subscriptions("Errands")


# ---- by what


def fail() -> None:
    raise Injected("broken off")


def conflict() -> None:
    raise Injected("broken off") from Deadlock()


def lose_the_connection() -> None:
    """As a restart of the server, or a network, would end it: this side learns of it at its next statement."""
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_to_a_kill(point: int) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'to be killed'")
    with breaking_off(point, kill):
        run()


def wait_until_its_connection_is_gone() -> None:
    """The server hears of a kill a little later, and the dead one's locks are held until then."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_stat_activity WHERE application_name = 'to be killed'")
            if cursor.fetchone() is None:
                return
        time.sleep(0.01)
    raise AssertionError("the killed process is still connected")


@pytest.mark.parametrize("prepare", SITUATIONS)
@pytest.mark.parametrize("fault", [fail, conflict, pytest.param(lose_the_connection, marks=pytest.mark.postgresql)])
def test_an_error_at_any_point_of_a_step_leaves_nothing_and_the_step_is_taken_once(
    fault: Callable[[], None], prepare: Callable[[str], None]
) -> None:
    for point in count():
        key = f"{prepare.__name__} {point}"
        prepare(key)
        # Outside of a handler's transaction a run has nobody to catch it; nor has a lost connection.
        with breaking_off(point, fault) as points, suppress(DatabaseError, InterfaceError):
            run()
        connection.close()
        check_nothing_is_half_done(key)
        settle()
        check_settled(key)
        if not points.is_reached:
            break

    assert point > 20


@pytest.mark.parametrize("prepare", SITUATIONS)
def test_a_kill_at_any_point_of_a_step_leaves_nothing_and_the_step_is_taken_once(
    prepare: Callable[[str], None],
) -> None:
    for point in count():
        key = f"{prepare.__name__} {point}"
        prepare(key)
        ended = in_a_child(partial(run_to_a_kill, point))
        if connection.vendor == "postgresql":
            wait_until_its_connection_is_gone()
        check_nothing_is_half_done(key)
        settle()
        check_settled(key)
        if ended != -signal.SIGKILL:
            break

    assert ended == 0
    assert point > 20
