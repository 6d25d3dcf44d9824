"""The worker and its command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from event_store import RecordedEvent, event_store, subscriber
from event_store.exceptions import NotMigrated
from event_store.subscriptions.partition_runner import PartitionRunner
from event_store.subscriptions.worker import Worker
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def leave_it_to_the_worker(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}


@pytest.fixture(autouse=True)
def keep_signal_handlers() -> Any:
    kept = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in kept:
        signal.signal(number, handler)


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("run_subscriptions", *arguments, stdout=out, **options)
    return out.getvalue()


def test_until_idle_handles_all_that_is_there() -> None:
    seen: list[int] = []

    @subscriber(Counted, durable=True, name="reader")
    def count_down(event: RecordedEvent[Counted]) -> None:
        seen.append(event.data.number)
        if event.data.number:
            event_store.publish(Counted(number=event.data.number - 1), stream="s")

    event_store.publish(Counted(number=3), stream="s")
    output = run(until_idle=True)

    assert seen == [3, 2, 1, 0]
    assert "reader: 4 handled" in output


def test_once_looks_at_the_named_subscriptions_only() -> None:
    seen: list[str] = []
    subscriber(Noted, durable=True, name="one")(lambda event: seen.append("one"))
    subscriber(Noted, durable=True, name="two")(lambda event: seen.append("two"))
    event_store.publish(Noted(), stream="s")

    run("two", once=True)

    assert seen == ["two"]


def test_a_failure_does_not_end_the_run() -> None:
    seen: list[str] = []

    @subscriber(Noted, durable=True, name="broken")
    def read(event: RecordedEvent[Noted]) -> None:
        if event.stream == "one":
            raise ValueError
        seen.append(event.data.text)

    event_store.publish(Noted(text="a"), stream="one")
    event_store.publish(Noted(text="b"), stream="two")

    assert "broken: 1 handled" in run(until_idle=True)
    assert seen == ["b"]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        CommandError, match=r"No subscription of the store 'default' is named 'redaer'. There are: .*Agreement"
    ):
        run("redaer", once=True)


def test_it_stops_when_it_is_told_to() -> None:
    lines: list[str] = []
    worker = Worker(event_store, [], say=lines.append)  # type: ignore[arg-type]
    worker.stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)

    worker.run()

    assert lines == []


def test_a_lost_database_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [OperationalError("gone"), OperationalError("gone")]
    lines: list[str] = []
    subscriber(Noted, durable=True, name="reader")(lambda event: lines.append(event.data.text))
    event_store.publish(Noted(text="back"), stream="s")
    original = PartitionRunner.run

    def unreliable(self: PartitionRunner, *arguments: Any, **options: Any) -> Any:
        if answers:
            raise answers.pop()
        return original(self, *arguments, **options)

    monkeypatch.setattr(PartitionRunner, "run", unreliable)
    output = run("reader", until_idle=True)

    assert output.count("The database does not answer") == 2
    assert lines == ["back"]


def test_a_database_that_stays_away_ends_a_run_that_is_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: PartitionRunner, *arguments: Any, **options: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(PartitionRunner, "run", unreachable)
    with pytest.raises(OperationalError, match="gone"):
        run(until_idle=True)


def test_a_subscription_that_cannot_be_run_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    subscriber(Noted, durable=True, name="bad")(lambda event: None)
    subscriber(Noted, durable=True, name="good")(lambda event: seen.append("good"))
    event_store.publish(Noted(), stream="s")
    original = PartitionRunner.run

    def sometimes(self: PartitionRunner, *arguments: Any, **options: Any) -> Any:
        if self._subscriber.name == "bad":
            raise KeyError("bug")
        return original(self, *arguments, **options)

    monkeypatch.setattr(PartitionRunner, "run", sometimes)

    assert "bad could not be run: KeyError" in run(once=True)
    assert seen == ["good"]


def test_missing_tables_end_the_run_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Any, selection: Any) -> Any:
        raise NotMigrated("default")

    monkeypatch.setattr(type(event_store.backend), "read", missing)
    with pytest.raises(CommandError, match="manage.py migrate event_store"):
        run(once=True)


def test_a_process_of_its_own_ends_at_sigterm(child_environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_subscriptions"],
        env=child_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert first.startswith("Running ")
    assert (process.returncode, rest) == (0, "")
