"""Durable subscribers in tests, where nothing commits."""

from __future__ import annotations

from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.store import EventStore
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions.runner import SubscriptionRunner


def run_subscriptions(*names: str, store: str = DEFAULT_STORE) -> int:
    """
    Have every durable subscriber (or those named) handle all that is there, the test's own uncommitted events too.

    What is parked is tried again, without its pause; deadlines that are due are reached, and commands for the outside are
    delivered, by their real handlers.

    Args:
        store: the name of a store in EVENT_STORES.
    Returns:
        How many events were handled.
    Raises:
        AssertionError: a handler failed; the text says at which event and how.
        NotMigrated: the store's tables are missing.
    """
    chosen, total = event_stores[store], 0
    # Says what to do where there are no tables.
    chosen.events.exists()
    subscribers = _subscribers(names, store)
    while handled := _reached(chosen) + sum(_run(chosen, each) for each in subscribers) + _delivered(chosen):
        total += handled
    return total


def _subscribers(names: tuple[str, ...], store: str) -> list[DurableSubscriber]:
    known = {each.name: each for each in durable_subscribers.all() if each.reads(store)}
    for name in names:
        if name not in known:
            raise AssertionError(
                f"No durable subscriber of the store {store!r} is named {name!r}; there are {', '.join(known)}."
            )
    return [known[name] for name in names or known]


def _reached(store: EventStore) -> int:
    if store.alias != DEFAULT_STORE or not store.backend.keeps_checkpoints:
        return 0
    # Bound to models, which are not there yet where this module is imported.
    from event_store.processes.deadlines import reach_due_deadlines

    return reach_due_deadlines(store)


def _delivered(store: EventStore) -> int:
    if store.alias != DEFAULT_STORE or not store.backend.keeps_checkpoints:
        return 0
    from event_store.models import CommandDelivery
    from event_store.processes.clock import now_of
    from event_store.processes.deliveries import deliver_due_commands

    deliveries, now = CommandDelivery.objects.using(store.backend.using), now_of(store.backend.using)
    deliveries.filter(next_attempt_at__isnull=False, claimed_until=None).update(next_attempt_at=now)
    attempts = deliver_due_commands(store)
    failed = deliveries.select_related("command").exclude(error="").order_by("pk").first()
    if failed is not None:
        raise AssertionError(f"{failed.command} was not delivered: {failed.error}\n{failed.traceback}")
    return attempts


def _run(store: EventStore, subscriber: DurableSubscriber) -> int:
    # Only for the message of a failure.
    from event_store.models import FailedEvent

    runner = SubscriptionRunner(store, subscriber)
    runner.run(ignore_pauses=True)
    failures = FailedEvent.objects.using(store.backend.using).select_related("event").exclude(status="skipped")
    failure = failures.filter(subscription__name=subscriber.name, attempts__gt=0).order_by("pk").first()
    if failure is not None:
        raise AssertionError(f"{subscriber.name} failed at {failure.event}: {failure.error}\n{failure.traceback}")
    return runner.handled
