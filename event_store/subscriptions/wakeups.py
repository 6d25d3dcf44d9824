"""
Waking durable subscribers after a commit. Waking is all it does: the checkpoint alone says what is to be handled.

`OPTIONS["wake_up"]` names how: "inline", "worker", or the dotted path of a function that is called with a `Wake` after
the commit, for instance to send a task to a queue that calls `wake.run()`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections, transaction
from django.utils.module_loading import import_string

from event_store.durable import durable_subscribers
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.signals import post_append, post_link
from event_store.store import EventStore
from event_store.stores import event_stores
from event_store.subscriptions.runner import Outcome, SubscriptionRunner

logger = logging.getLogger("event_store.subscriptions")

LONGEST_WAIT = 0.25
"""Seconds that a writer waits for other writers, so that its own events become final."""
_POLL = 0.005

afterwards: list[Callable[[EventStore], object]] = []
"""Called with the store when the subscribers of a wake-up are done, in no transaction."""


class Wake:
    """
    Who is to be woken for what one transaction has published.

    Attributes:
        store: its name in EVENT_STORES.
        position: the last global position that was published, 0 for links alone.
        subscribers: the names of the durable subscribers that want some of it, and the global position of the first
            event that each wants.
    """

    def __init__(self, store: str, *, position: int = 0, subscribers: dict[str, int] | None = None) -> None:
        self.store, self.position, self.subscribers = store, position, dict(subscribers or {})

    def run(self) -> None:
        """Have them handle what is there, in this thread. Never raises what a handler raised; logs everything else."""
        using = event_stores[self.store].backend.using
        queue = _queues.by_alias.setdefault(using, [])
        queue.append(self)
        if len(queue) > 1:
            # A handler further up this thread has published: its loop takes this on when the handler is done.
            return
        try:
            horizon = Horizon(using)
            while queue:
                queue[0]._run_subscribers(horizon)
                queue.pop(0)
        finally:
            queue.clear()
        for each in afterwards:
            each(event_stores[self.store])

    def _run_subscribers(self, horizon: Horizon) -> None:
        give_up_at = time.monotonic() + LONGEST_WAIT
        for name, now in list(self.subscribers.items()):
            subscriber = durable_subscribers.get(name)
            if subscriber is None:
                continue
            try:
                runner = SubscriptionRunner(event_stores[self.store], subscriber, horizon=horizon, now=now)
                self._run(runner, give_up_at)
            except Exception:
                # The others have their turn all the same; the checkpoint is where it was.
                logger.exception("%s could not be run after the commit", name)

    def _run(self, runner: SubscriptionRunner, give_up_at: float) -> None:
        # Links need no horizon.
        while runner.run() is Outcome.IDLE and not runner.subscriber.stream:
            if not runner.horizon.may_rise_to(self.position) or time.monotonic() > give_up_at:
                return
            time.sleep(_POLL)


class _Hook:
    """One for each transaction: what it has published by its commit."""

    def __init__(self, store: EventStore, wake_up: Callable[[Wake], object]) -> None:
        self.store, self._wake_up = store, wake_up
        self.wake = Wake(store.alias)
        self.has_run = False

    def run(self) -> None:
        """Called after the commit; raises nothing, whatever handlers and databases do."""
        if (elsewhere := _open_transaction_besides(self.store.backend.using)) is not None:
            # What handlers write there could be undone with that transaction, while the checkpoint here stays moved.
            _run_after_commit(self, using=elsewhere)
            return
        self.has_run = True
        try:
            self._wake_up(self.wake)
        except Exception:
            logger.exception("Durable subscribers could not be woken; the next wake-up or a worker takes their events")

    def include(self, wake: Wake) -> None:
        self.wake.position = max(self.wake.position, wake.position)
        self.wake.subscribers = wake.subscribers | self.wake.subscribers


class _Queues(threading.local):
    def __init__(self) -> None:
        self.by_alias: dict[str, list[Wake]] = {}


_queues = _Queues()


def wake_after_commit(
    *, sender: EventStore, events: list[RecordedEvent[Any]], streams: Iterable[str], signal: Any, **_: Any
) -> None:
    """Receiver of `post_append` and `post_link`: wake the durable subscribers of these events after the commit."""
    if sender.wake_up == "worker" or not sender.backend.keeps_checkpoints:
        return
    subscribers = _wanting(sender, events, frozenset(streams), only_streams=signal is post_link)
    using = sender.backend.using
    if not subscribers or _is_managed_by_hand(using):
        # Nobody tells us of that commit: the next wake-up or a worker takes these events.
        return
    hook = _Hook(sender, Wake.run if sender.wake_up == "inline" else import_string(sender.wake_up))
    position = 0 if signal is post_link else max(event.global_position for event in events)
    hook.include(Wake(sender.alias, position=position, subscribers=subscribers))
    _run_after_commit(hook, using=using)


def _wanting(
    store: EventStore, events: list[RecordedEvent[Any]], streams: frozenset[str], *, only_streams: bool
) -> dict[str, int]:
    subscribers: dict[str, int] = {}
    for event in events:
        for each in durable_subscribers.wanting(type(event.data), store=store.alias):
            if each.name in subscribers or (only_streams and not each.stream):
                continue
            if each.wants_shown_in(event, streams):
                subscribers[each.name] = event.global_position
    return subscribers


def _run_after_commit(hook: _Hook, *, using: str) -> None:
    waiting = _registered(using, hook.store)
    if waiting is None:
        transaction.on_commit(hook.run, using=using, robust=True)
    else:
        waiting.include(hook.wake)


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


def _registered(using: str, store: EventStore) -> _Hook | None:
    connection = connections[using]
    enclosing = set(connection.savepoint_ids)
    for savepoints, function, *_ in connection.run_on_commit:
        hook = getattr(function, "__self__", None)
        if not isinstance(hook, _Hook) or hook.store.alias != store.alias:
            continue
        # One that hangs on a savepoint which may still be undone would be lost with it. One that has run is kept by
        # Django's captureOnCommitCallbacks.
        if savepoints <= enclosing and not hook.has_run:
            return hook
    return None


post_append.connect(wake_after_commit, dispatch_uid="event_store.wake_after_commit")
post_link.connect(wake_after_commit, dispatch_uid="event_store.wake_after_link")
