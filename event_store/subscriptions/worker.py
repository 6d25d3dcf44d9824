"""A worker: has subscriptions handle events as they come, until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, connections

from event_store.horizon import Horizon
from event_store.store import EventStore
from event_store.subscribers import Subscriber
from event_store.subscriptions.failures import describe, logger
from event_store.subscriptions.runner import Outcome, SubscriptionRunner

SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 1.0
"""Seconds between two looks: short after work was done, longer while there is none."""
PATIENCE = 5
"""Looks in a row without a database, before a run that is to end gives up."""


class Worker:
    """
    Args:
        report: called with a line for people, when something was handled or went wrong.
    """

    def __init__(self, store: EventStore, subscribers: Sequence[Subscriber], *, report: Callable[[str], Any]) -> None:
        self._store, self.using = store, store.backend.using
        horizon = Horizon(self.using)
        self._stop = threading.Event()
        self._report = report
        self._failing: set[str] = set()
        self._runners = [
            SubscriptionRunner(store, each, horizon=horizon, stopping=self._stop.is_set) for each in subscribers
        ]

    def stop(self, *_: Any) -> None:
        """Finish the event in hand, then end."""
        self._stop.set()

    def stop_on_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.stop)

    def run(self, *, once: bool = False, until_idle: bool = False) -> None:
        """
        Until `stop`; with `once` after one look at each; with `until_idle` when nothing is left that can be done now.

        Raises:
            NotMigrated: the tables are missing.
            OperationalError, InterfaceError: with `once` or `until_idle`, when the database does not come back.
        """
        self._store.events.exists()
        pause, lost = SHORTEST_PAUSE, 0
        while not self._stop.is_set():
            try:
                handled, is_busy = self._look()
            except (OperationalError, InterfaceError) as error:
                lost += 1
                if (once or until_idle) and lost > PATIENCE:
                    raise
                handled, is_busy = 0, True
                self._reconnect(error)
            else:
                lost = 0
                if once or (until_idle and not handled and not is_busy):
                    return
            pause = SHORTEST_PAUSE if handled else min(pause * 2, LONGEST_PAUSE)
            self._stop.wait(pause)

    def _look(self) -> tuple[int, bool]:
        handled, is_busy = 0, False
        for runner in self._runners:
            try:
                number, outcome = self._run(runner)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                # The others have their turn all the same.
                logger.exception("%s could not be run", runner.subscriber.name)
                self._report(f"{runner.subscriber.name} could not be run: {describe(error)}")
                continue
            handled += number
            is_busy = is_busy or outcome is Outcome.BUSY
        return handled, is_busy

    def _reconnect(self, error: Exception) -> None:
        # The pause grows until the database is back.
        self._report(f"The database does not answer: {describe(error)}. Trying again.")
        connections[self.using].close()

    def _run(self, runner: SubscriptionRunner) -> tuple[int, Outcome]:
        before, started = runner.handled, time.monotonic()
        outcome = runner.run()
        number = runner.handled - before
        name = runner.subscriber.name
        if number:
            self._report(f"{name}: {number} handled in {time.monotonic() - started:.2f} s")
        if outcome is Outcome.FAILED and not self._is_known_failing(runner, failed=True):
            self._report(f"{name}: {outcome.value}")
        elif outcome is not Outcome.FAILED:
            self._is_known_failing(runner, failed=False)
        return number, outcome

    def _is_known_failing(self, runner: SubscriptionRunner, *, failed: bool) -> bool:
        known = runner.subscriber.name in self._failing
        (self._failing.add if failed else self._failing.discard)(runner.subscriber.name)
        return known
