"""Durable subscribers in tests, where nothing commits."""

from __future__ import annotations

from event_store.stores import event_store
from event_store.subscribers import durable_subscribers
from event_store.subscriptions.runner import Outcome, SubscriptionRunner


def run_subscriptions(*names: str) -> int:
    """
    Have every durable subscriber (or those named) handle all that is there, the test's own uncommitted events too.

    Returns:
        How many events were handled.
    Raises:
        AssertionError: a handler failed; the text says at which event and how.
    """
    total = 0
    while handled := sum(_run(name) for name in names or [each.name for each in durable_subscribers.all()]):
        total += handled
    return total


def _run(name: str) -> int:
    # Only for the message of a failure.
    from event_store.models import FailedEvent

    subscriber = durable_subscribers.get(name)
    if subscriber is None:
        known = ", ".join(each.name for each in durable_subscribers.all())
        raise AssertionError(f"No durable subscriber is named {name!r}; there are {known}.")
    runner = SubscriptionRunner(event_store, subscriber)
    if runner.run(ignore_pauses=True) is Outcome.FAILED:
        failure = (
            FailedEvent.objects.using(event_store.backend.using).select_related("event").get(subscription__name=name)
        )
        raise AssertionError(f"{name} failed at {failure.event}: {failure.error}\n{failure.traceback}")
    return runner.handled
