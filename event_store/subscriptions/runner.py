"""Durable subscribers at work without a worker: after a commit, in tests, and before a number of partitions changes."""

from __future__ import annotations

from collections.abc import Callable

from event_store.durable import DurableSubscriber
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.store import EventStore
from event_store.subscriptions import checkpoints
from event_store.subscriptions.layout import divided
from event_store.subscriptions.partition_runner import Outcome, PartitionRunner
from event_store.subscriptions.retries import retry_due

__all__ = ["Outcome", "SubscriptionRunner"]


class SubscriptionRunner:
    """
    Runs all partitions of a subscription, one after the other, without a lease: the rows' locks keep others out.

    Args:
        stopping: asked before each transaction; True ends the run.
        now: the global position of the event with which a subscription that is new and starts "now" begins.
    """

    def __init__(
        self,
        store: EventStore,
        subscriber: DurableSubscriber,
        *,
        horizon: Horizon | None = None,
        stopping: Callable[[], bool] = lambda: False,
        now: int | None = None,
    ) -> None:
        self.store, self.subscriber = store, subscriber
        self.horizon = horizon or Horizon(store.backend.using)
        self.handled = 0
        self._stopping, self._now = stopping, now
        self._runners: dict[int, PartitionRunner] = {}

    def run(self, *, ignore_pauses: bool = False) -> Outcome:
        """Handle all that is there now. Returns why it ended; never raises what a handler raised."""
        rows = divided(self.store, self.subscriber, horizon=self.horizon, now=self._now)
        if rows is None:
            return Outcome.BUSY
        if any(row.status == Subscription.Status.FAILING for row in rows):
            self.handled += retry_due(
                self.store, self.subscriber, rows[0], ignore_pauses=ignore_pauses, stopping=self._stopping
            )
            rows = checkpoints.rows_of(self.subscriber.name, using=self.store.backend.using)
        outcomes = [self._run(row, head_id=rows[0].pk) for row in rows]
        return next((each for each in outcomes if each is not Outcome.IDLE), Outcome.IDLE)

    def _run(self, row: Subscription, *, head_id: int) -> Outcome:
        runner = self._runners.get(row.pk)
        if runner is None:
            runner = PartitionRunner(self.store, self.subscriber, horizon=self.horizon, may_go_on=self._may_go_on)
            self._runners[row.pk] = runner
        before = runner.handled
        outcome = runner.run(row, head_id=head_id)
        self.handled += runner.handled - before
        return outcome

    def _may_go_on(self) -> Outcome | None:
        return Outcome.STOPPED if self._stopping() else None
