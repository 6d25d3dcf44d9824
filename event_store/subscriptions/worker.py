"""A worker: has subscriptions handle events as they come, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from django.db import InterfaceError, OperationalError, connections

from event_store.durable import DurableSubscriber
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.store import EventStore
from event_store.subscriptions.database import database_time
from event_store.subscriptions.errors import describe
from event_store.subscriptions.feeds import feed_of
from event_store.subscriptions.layout import divided, is_whole
from event_store.subscriptions.leases import LEASE_SECONDS, Capability, Leases, is_free, new_worker_name, share_of
from event_store.subscriptions.partition_runner import Outcome, PartitionRunner
from event_store.subscriptions.retries import retry_due

logger = logging.getLogger("event_store.subscriptions")

Chore: TypeAlias = Callable[[EventStore, Callable[[], bool]], tuple[int, bool]]
"""Called with the store and whether it is to stop; says how much it has done, and whether some of it is still under way."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 1.0
"""Seconds between two looks: short after work was done, longer while there is none."""
TURN = 0.25
"""Seconds that one partition, or what is parked of one subscription, is at work before the next one has its turn."""
PATIENCE = 5
"""Looks in a row without a database, before a run that is to end gives up."""


class Worker:
    """
    Runs the partitions that it holds leases of, by turns.

    Args:
        partitions: their numbers, where it is to run only some.
        chores: called at each look, before events are handled.
        lease_seconds: how long a partition stays this worker's when nothing is heard of it; 1 or more.
        say: called with a line for people.
        note: called with a subscription's name and how many events it has just handled.
    """

    def __init__(
        self,
        store: EventStore,
        subscribers: Sequence[DurableSubscriber],
        *,
        partitions: Sequence[int] = (),
        chores: Sequence[Chore] = (),
        lease_seconds: float = LEASE_SECONDS,
        say: Callable[[str], Any],
        note: Callable[[str, int], Any] = lambda name, handled: None,
    ) -> None:
        self._store, self.using = store, store.backend.using
        self._subscribers = {each.name: each for each in subscribers}
        self._say, self._note, self._chores = say, note, chores
        self._stop, self._ends = threading.Event(), False
        self._horizon = Horizon(self.using)
        capability = Capability(frozenset(self._subscribers), frozenset(partitions))
        self._leases = Leases(new_worker_name(), capability, using=self.using, seconds=lease_seconds)
        self._beat, self._beaten_at = lease_seconds / 3, float("-inf")
        self._runners: dict[int, PartitionRunner] = {}
        self._share: set[int] = set()
        self._turn_ends_at: float | None = None
        self._counted: dict[int, tuple[float, int]] = {}

    @property
    def name(self) -> str:
        return self._leases.name

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
        self._ends = until_idle
        pause, lost = SHORTEST_PAUSE, 0
        try:
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
        finally:
            self._sign_off()

    def _look(self) -> tuple[int, bool]:
        """How many events were handled, and whether others are at some of them."""
        rows = self._rows()
        flat = [row for partitions in rows.values() for row in partitions]
        self._keep_leases(flat)
        (handled, is_busy), others = self._do_chores(), []
        # Once for all of them: what is final stays so.
        horizon = self._horizon.read()
        for name, partitions in rows.items():
            subscriber, head_id = self._subscribers[name], partitions[0].pk
            for row in partitions:
                if not self._leases.capability.includes(row):
                    continue
                if row.owner != self.name:
                    others.append((subscriber, row))
                    continue
                # A long look must not cost the leases.
                self._renew_when_due(flat)
                number, outcome = self._run(subscriber, row, head_id, horizon)
                handled += number
                is_busy = is_busy or outcome not in (Outcome.IDLE, Outcome.STOPPED)
            if partitions[0].owner == self.name and any(
                each.status == Subscription.Status.FAILING for each in partitions
            ):
                # Whoever has the first partition tries what is parked, of all of them.
                handled += self._guarded(name, partial(self._retry, subscriber, partitions[0])) or 0
        return handled, is_busy or any(self._is_anything_left(*each) for each in others if self._ends)

    def _is_anything_left(self, subscriber: DurableSubscriber, row: Subscription) -> bool:
        # A worker that was killed holds its leases for a while.
        feed = feed_of(self._store, subscriber, self._horizon)
        return bool(feed.read(after=row.checkpoint, end=feed.end(), limit=1))

    def _do_chores(self) -> tuple[int, bool]:
        done, is_busy = 0, False
        for chore in self._chores:
            name = getattr(chore, "__name__", type(chore).__name__)
            number, is_under_way = self._guarded(name, partial(chore, self._store, self._stop.is_set)) or (0, False)
            done, is_busy = done + number, is_busy or is_under_way
        return done, is_busy

    def _rows(self) -> dict[str, list[Subscription]]:
        """Every subscription's rows; made, or divided anew, where they are not as the code says."""
        found: dict[str, list[Subscription]] = {name: [] for name in self._subscribers}
        known = Subscription.objects.using(self.using).filter(name__in=found).order_by("name", "partition")
        for row in known:
            found[row.name].append(row)
        for name, rows in found.items():
            subscriber = self._subscribers[name]
            if not is_whole(rows, subscriber.partitions) or rows[0].stream != subscriber.stream:
                found[name] = (
                    self._guarded(name, partial(divided, self._store, subscriber, horizon=self._horizon)) or []
                )
        return {name: rows for name, rows in found.items() if rows}

    def _keep_leases(self, rows: Sequence[Subscription]) -> None:
        """Say that this worker is alive, and have the partitions that are its share: no more, and no fewer."""
        if self._is_beat_due():
            self._share = share_of(self.name, rows, self._leases.report())
            self._renew(rows)
            self._release([row for row in rows if row.owner == self.name and row.pk not in self._share])
        wanted = [row for row in rows if row.pk in self._share and row.owner != self.name]
        now = database_time(self.using) if wanted else None
        for row in wanted:
            if now is not None and is_free(row, now) and self._leases.acquire(row):
                row.refresh_from_db(using=self.using)

    def _renew_when_due(self, rows: Sequence[Subscription]) -> None:
        if self._is_beat_due():
            self._leases.report()
            self._renew(rows)

    def _is_beat_due(self) -> bool:
        return time.monotonic() - self._beaten_at >= self._beat

    def _renew(self, rows: Sequence[Subscription]) -> None:
        self._leases.renew({row.pk: self._rate(row) for row in rows if row.owner == self.name})
        self._beaten_at = time.monotonic()

    def _release(self, rows: Sequence[Subscription]) -> None:
        if rows:
            self._leases.release([row.pk for row in rows])
        for row in rows:
            row.owner = ""

    def _rate(self, row: Subscription) -> float:
        now = time.monotonic()
        at, handled = self._counted.get(row.pk, (now, row.handled))
        self._counted[row.pk] = (now, row.handled)
        return (row.handled - handled) / (now - at) if now > at else 0.0

    def _run(self, subscriber: DurableSubscriber, row: Subscription, head_id: int, horizon: int) -> tuple[int, Outcome]:
        runner = self._runners.get(row.pk)
        if runner is None:
            runner = self._runners[row.pk] = PartitionRunner(
                self._store, subscriber, horizon=self._horizon, owner=self.name, may_go_on=self._may_go_on
            )
        before = runner.handled
        self._turn_ends_at = None
        outcome = (
            self._guarded(subscriber.name, lambda: runner.run(row, head_id=head_id, horizon=horizon)) or Outcome.IDLE
        )
        number = runner.handled - before
        if number:
            self._note(subscriber.name, number)
        return number, outcome

    def _may_go_on(self) -> Outcome | None:
        if self._stop.is_set():
            return Outcome.STOPPED
        now = time.monotonic()
        if self._turn_ends_at is None:
            # It counts from the first event on, however long it took to read it: every turn gets something done.
            self._turn_ends_at = now + TURN
            return None
        return Outcome.PAUSED if now >= self._turn_ends_at else None

    def _retry(self, subscriber: DurableSubscriber, head: Subscription) -> int:
        self._turn_ends_at = None
        number = retry_due(self._store, subscriber, head, stopping=lambda: self._may_go_on() is not None)
        if number:
            self._note(subscriber.name, number)
        return number

    def _guarded(self, name: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # The others have their turn all the same.
            logger.exception("%s could not be run", name)
            self._say(f"{name} could not be run: {describe(error)}")

    def _reconnect(self, error: Exception) -> None:
        # The pause grows until the database is back.
        self._say(f"The database does not answer: {describe(error)}. Trying again.")
        connections[self.using].close()

    def _sign_off(self) -> None:
        try:
            self._leases.sign_off()
        except (OperationalError, InterfaceError) as error:
            # They end by themselves.
            self._say(f"The leases could not be given back: {describe(error)}")
