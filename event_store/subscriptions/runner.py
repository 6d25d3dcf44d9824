"""One durable subscriber at work: each event in a transaction of its own, together with the checkpoint."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

from django.utils import timezone

from event_store.codec import typed
from event_store.context import handling_block
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.store import EventStore
from event_store.subscribers import Subscriber
from event_store.subscriptions import checkpoints, failures

BATCH_SIZE = 100
CONFLICTS_IN_A_ROW = 10


class Outcome(Enum):
    """Why a run came to its end."""

    IDLE = "everything up to the horizon is handled"
    BUSY = "somebody else is handling"
    FAILED = "an event failed and waits for its next attempt"
    STOPPED = "asked to stop"


class SubscriptionRunner:
    """
    Reads a subscription's events up to the horizon, in order, and has each handled once.

    Args:
        stopping: asked before each event; True ends the run.
    """

    def __init__(
        self,
        store: EventStore,
        subscriber: Subscriber,
        *,
        horizon: Horizon | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.store, self.subscriber, self.using = store, subscriber, store.backend.using
        self.horizon = horizon or Horizon(self.using)
        self.handled = 0
        self._stopping = stopping

    def run(self, *, ignore_pauses: bool = False) -> Outcome:
        """Handle all that is there now. Returns why it ended; never raises what a handler raised."""
        while True:
            subscription = checkpoints.load(self.subscriber.name, using=self.using)
            if not ignore_pauses and subscription.retry_at is not None and subscription.retry_at > timezone.now():
                return Outcome.FAILED
            # Before the events are read: what appears later than this number is not looked at.
            horizon = self.horizon.read()
            batch = self._read(subscription.checkpoint, horizon)
            if batch:
                outcome = self._handle_batch(subscription, batch)
                if outcome is not None:
                    return outcome
            elif horizon - subscription.checkpoint <= BATCH_SIZE:
                return Outcome.IDLE
            else:
                # Far behind although nothing matched: the next read would look through the same events again. Then
                # look once more, as after every move: whoever found the checkpoint locked meanwhile has left.
                checkpoints.move(subscription, to=horizon, using=self.using)

    def _read(self, checkpoint: int, horizon: int) -> list[RecordedEvent[str]]:
        if horizon <= checkpoint:
            return []
        types = sorted(self.subscriber.types())
        if not types:
            return []
        events = self.store.events.of_type(*types)
        return list(events.after(checkpoint).before(horizon + 1).as_json()[:BATCH_SIZE])

    def _handle_batch(self, subscription: Subscription, batch: list[RecordedEvent[str]]) -> Outcome | None:
        for event in batch:
            if self._stopping():
                return Outcome.STOPPED
            try:
                moved = self._handle_despite_conflicts(subscription, event)
            except Exception as error:
                return self._failed(subscription, event, error)
            if not moved:
                return Outcome.BUSY if self._is_unmoved(subscription) else None
            self.handled += 1
            subscription.checkpoint = event.global_position
        return None

    def _handle_despite_conflicts(self, subscription: Subscription, event: RecordedEvent[str]) -> bool:
        for attempt in range(CONFLICTS_IN_A_ROW):
            try:
                return self._handle(subscription, event)
            except Exception as error:
                if attempt == CONFLICTS_IN_A_ROW - 1 or not failures.is_conflict(error):
                    raise
                time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, hides nothing
        raise AssertionError("unreachable")

    def _handle(self, subscription: Subscription, event: RecordedEvent[str]) -> bool:
        with self.store.atomic():
            status = checkpoints.move(subscription, to=event.global_position, using=self.using)
            if status is None:
                return False
            decoded = typed(event)
            with handling_block(metadata=decoded.metadata, causation_id=event.id, correlation_id=event.correlation_id):
                self.subscriber.handle(decoded)
            if status == Subscription.Status.FAILING:
                failures.forget(subscription, event, using=self.using)
        return True

    def _failed(self, subscription: Subscription, event: RecordedEvent[Any], error: Exception) -> Outcome:
        recorded = failures.record(subscription, event, error, using=self.using)
        if recorded and self.subscriber.failed is not None:
            self._tell_subscriber(event, error)
        return Outcome.FAILED

    def _tell_subscriber(self, event: RecordedEvent[Any], error: Exception) -> None:
        try:
            with self.store.atomic():
                self.subscriber.failed(event, error)  # type: ignore[misc]
        except Exception:
            failures.logger.exception("%s could not be told that %s failed", self.subscriber.name, event.id)

    def _is_unmoved(self, subscription: Subscription) -> bool:
        return checkpoints.load(self.subscriber.name, using=self.using).checkpoint == subscription.checkpoint
