"""Waking durable subscribers: right after the writer's commit, or from a worker. Waking is all it does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from django.db import connections, transaction

from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.signals import post_append
from event_store.store import EventStore
from event_store.subscribers import Subscriber, durable_subscribers
from event_store.subscriptions.runner import Outcome, SubscriptionRunner

logger = logging.getLogger("event_store.subscriptions")

LONGEST_WAIT = 0.25
"""Seconds that a writer waits for other writers, so that its own events become final."""
_POLL = 0.005


class InlineWakeUp:
    """What one transaction has published: the last position, and the subscribers that want to know."""

    def __init__(self, store: EventStore) -> None:
        self.store, self.using = store, store.backend.using
        self.last_position = 0
        self.subscribers: dict[str, Subscriber] = {}
        self.has_run = False

    def add(self, events: Iterable[RecordedEvent[Any]]) -> None:
        for event in events:
            self.last_position = max(self.last_position, event.global_position)
            wanting = durable_subscribers.wanting(type(event.data), store=self.store.alias)
            self.subscribers.update({each.name: each for each in wanting})

    def include(self, other: InlineWakeUp) -> None:
        """Wake for both."""
        self.last_position = max(self.last_position, other.last_position)
        self.subscribers.update(other.subscribers)

    def run(self) -> None:
        """The hook: raises nothing, whatever handlers and databases do."""
        if (elsewhere := _open_transaction_besides(self.using)) is not None:
            # What handlers write there could be undone with that transaction, while the checkpoint here stays moved.
            _run_after_commit(self, using=elsewhere)
            return
        self.has_run = True
        queue = _queues.by_alias.setdefault(self.using, [])
        queue.append(self)
        if len(queue) > 1:
            # A handler further up this thread has published: its loop takes this on when the handler is done.
            return
        try:
            horizon = Horizon(self.using)
            while queue:
                queue[0]._run_subscribers(horizon)
                queue.pop(0)
        finally:
            queue.clear()

    def _run_subscribers(self, horizon: Horizon) -> None:
        give_up_at = time.monotonic() + LONGEST_WAIT
        for subscriber in list(self.subscribers.values()):
            try:
                self._run(SubscriptionRunner(self.store, subscriber, horizon=horizon), give_up_at)
            except Exception:
                # The others have their turn all the same; the checkpoint is where it was.
                logger.exception("%s could not be run after the commit", subscriber.name)

    def _run(self, runner: SubscriptionRunner, give_up_at: float) -> None:
        while runner.run() is Outcome.IDLE and runner.horizon.may_rise_to(self.last_position):
            if time.monotonic() > give_up_at:
                return
            time.sleep(_POLL)


class _Queues(threading.local):
    def __init__(self) -> None:
        self.by_alias: dict[str, list[InlineWakeUp]] = {}


_queues = _Queues()


def wake_after_commit(*, sender: EventStore, events: list[RecordedEvent[Any]], **_: Any) -> None:
    """Receiver of `post_append`: run the durable subscribers of these events once the transaction has committed."""
    wake_up = InlineWakeUp(sender)
    wake_up.add(events)
    if sender.wake_up != "inline" or not sender.backend.keeps_checkpoints or not wake_up.subscribers:
        return
    using = sender.backend.using
    if _is_managed_by_hand(using):
        # Nobody tells us of that commit: the next wake-up or a worker takes these events.
        return
    _run_after_commit(wake_up, using=using)


def _run_after_commit(wake_up: InlineWakeUp, *, using: str) -> None:
    waiting = _registered(using, wake_up.store)
    if waiting is None:
        transaction.on_commit(wake_up.run, using=using, robust=True)
    else:
        waiting.include(wake_up)


def _open_transaction_besides(using: str) -> str | None:
    for connection in connections.all(initialized_only=True):
        # Those around a whole TestCase never commit.
        opened = [each for each in connection.atomic_blocks if not getattr(each, "_from_testcase", False)]
        if opened and connection.alias != using:
            return connection.alias
    return None


def _is_managed_by_hand(using: str) -> bool:
    connection = connections[using]
    return not connection.in_atomic_block and not connection.get_autocommit()


def _registered(using: str, store: EventStore) -> InlineWakeUp | None:
    connection = connections[using]
    enclosing = set(connection.savepoint_ids)
    for savepoints, hook, *_ in connection.run_on_commit:
        wake_up = getattr(hook, "__self__", None)
        if not isinstance(wake_up, InlineWakeUp) or wake_up.store.alias != store.alias:
            continue
        # One that hangs on a savepoint which may still be undone would be lost with it. One that has run is kept by
        # Django's captureOnCommitCallbacks.
        if savepoints <= enclosing and not wake_up.has_run:
            return wake_up
    return None


post_append.connect(wake_after_commit, dispatch_uid="event_store.wake_after_commit")
