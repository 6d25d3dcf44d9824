"""Reading one's own writes: waiting until a subscription has come so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from event_store.asynchronous import async_twin
from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidQuery, NotHandledInTime, UnknownSubscription
from event_store.handlers import source_of
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions.checkpoints import rows_of
from event_store.subscriptions.failures import parked
from event_store.subscriptions.feeds import Feed, feed_of

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


def wait_for(
    subscription: object,
    position: int | RecordedEvent[Any] | Sequence[RecordedEvent[Any]],
    *,
    timeout: float = 5.0,
    store: str = DEFAULT_STORE,
) -> None:
    """
    Wait until a subscription has handled everything up to a position: to show what one has just published.

    What is parked has been passed and is not waited for. Outside a transaction: inside one, nothing of it is handled.

    Args:
        subscription: its name, or the handler, process manager or projection that it is of.
        position: an event, or what `publish` returned; or a global position (of a subscription to one stream: a position
            there).
        timeout: seconds.
    Raises:
        NotHandledInTime: it has not come so far; the message says how far it is.
        UnknownSubscription: no code declares it.
    """
    subscriber = subscriber_of(subscription)
    chosen = event_stores[store]
    target = _position(position, subscriber)
    feed = feed_of(chosen, subscriber, Horizon(chosen.backend.using))
    give_up_at, pause = time.monotonic() + timeout, _SHORTEST_PAUSE
    while (late := _late(rows_of(subscriber.name, using=chosen.backend.using), feed, target)) is not None:
        if time.monotonic() >= give_up_at:
            raise NotHandledInTime(
                f"{subscriber.name} has not handled everything up to {target} within {timeout:g} s: {late}."
            )
        time.sleep(min(pause, max(0.0, give_up_at - time.monotonic())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


await_for = async_twin(wait_for)


def subscriber_of(subscription: object) -> DurableSubscriber:
    """The durable subscriber of this name, handler, process manager or projection. Raises UnknownSubscription."""
    if isinstance(subscription, str):
        name = subscription
    else:
        declared = [each.name for each in durable_subscribers.all() if each.given is subscription]
        own = getattr(subscription, "name", None) or getattr(subscription, "type", None)
        name = declared[0] if declared else own if isinstance(own, str) else source_of(subscription)
    found = durable_subscribers.get(name)
    if found is None:
        names = ", ".join(each.name for each in durable_subscribers.all()) or "none"
        raise UnknownSubscription(f"No code declares a durable subscriber {name!r}. There are: {names}.")
    return found


def _position(given: int | RecordedEvent[Any] | Sequence[RecordedEvent[Any]], subscriber: DurableSubscriber) -> int:
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    events = [given] if isinstance(given, RecordedEvent) else list(given) if isinstance(given, Sequence) else [None]
    if not all(isinstance(event, RecordedEvent) for event in events):
        raise InvalidQuery(f"wait_for: position takes a number or recorded events, not {given!r}.")
    recorded = [event for event in events if event is not None]
    if not subscriber.stream:
        return max((event.global_position for event in recorded), default=0)
    if any(event.stream != subscriber.stream or event.position is None for event in recorded):
        raise InvalidQuery(
            f"wait_for: {subscriber.name} reads the stream {subscriber.stream!r}: give a position there, or events read from it."
        )
    return max((event.position or 0 for event in recorded), default=-1)


def _late(rows: Sequence[Subscription], feed: Feed, target: int) -> str | None:
    if not rows:
        return "it has never run"
    for row in rows:
        # A checkpoint moves with the events that it wants: the last ones may be none of them.
        if row.checkpoint < target and feed.read(after=row.checkpoint, end=target, limit=1):
            failing = parked(rows[0].pk, using=row._state.db or "default").exists()
            return f"{row} is at {row.checkpoint}" + (", and has parked events" if failing else "")
    return None
