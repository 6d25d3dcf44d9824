"""Telling others that an event could not be handled: the subscriber itself, and receivers of signals."""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

from event_store.durable import DurableSubscriber
from event_store.events import RecordedEvent
from event_store.store import EventStore
from event_store.stores import event_stores

logger = logging.getLogger("event_store.subscriptions")


def tell_subscriber(
    store: EventStore, subscriber: DurableSubscriber, event: RecordedEvent[Any], *, sequence: str, error: Exception
) -> None:
    """Tell it that it has failed, in a transaction of its own; what that raises is logged."""
    if subscriber.failed is None:
        return
    try:
        with store.atomic():
            subscriber.failed(event, sequence, error)
    except Exception:
        logger.exception("%s could not be told that %s failed", subscriber.name, event.id)


def announce(
    signal: Signal,
    store: EventStore,
    subscriber: DurableSubscriber,
    event: RecordedEvent[Any],
    *,
    sequence: str,
    error: Exception,
) -> None:
    """Send `event_parked` or `event_given_up`; what a receiver raises is logged by Django."""
    # The handle that a caller may have given is no sender: it cannot be a key.
    sender = event_stores[store.alias]
    signal.send_robust(sender=sender, subscription=subscriber.name, event=event, sequence=sequence, error=error)
