"""Trying parked events again, the first of each sequence before those behind it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum

from django.utils import timezone

from event_store.durable import DurableSubscriber
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.models import FailedEvent, Subscription
from event_store.signals import event_given_up
from event_store.store import EventStore
from event_store.subscriptions import failures
from event_store.subscriptions.alerts import announce, tell_subscriber
from event_store.subscriptions.checkpoints import rows_of
from event_store.subscriptions.errors import describe
from event_store.subscriptions.feeds import feed_of
from event_store.subscriptions.handling import Unit, handle

logger = logging.getLogger("event_store.subscriptions")


class Attempt(Enum):
    """What became of an attempt at a parked event."""

    HANDLED = "handled"
    FAILED = "failed again"
    BUSY = "somebody else is at it, or at an earlier one of its sequence"


def retry_due(
    store: EventStore,
    subscriber: DurableSubscriber,
    head: Subscription,
    *,
    ignore_pauses: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """
    Try every parked event of a subscription that is due, and those that come up behind it.

    Args:
        head: the row of partition 0.
        ignore_pauses: those that are not due yet, too, each once.
    Returns:
        How many were handled.
    """
    using, handled, tried = store.backend.using, 0, set[int]()
    while not stopping():
        failure_id = failures.due(head.pk, using=using, ignore_pauses=ignore_pauses, besides=tried)
        if failure_id is None:
            break
        outcome = attempt(store, subscriber, failure_id)
        if outcome is Attempt.BUSY or ignore_pauses:
            # Not at once again.
            tried.add(failure_id)
        handled += outcome is Attempt.HANDLED
    settle_all(store, head)
    return handled


def settle_all(store: EventStore, head: Subscription) -> None:
    """Note on every partition of a subscription that it fails no more, once nothing is parked."""
    using = store.backend.using
    if failures.parked(head.pk, using=using).exists():
        # Asked without a lock first: one would send away whoever wants to handle at this moment.
        return
    for row in rows_of(head.name, using=using):
        if row.status == Subscription.Status.FAILING:
            with store.atomic():
                failures.settle(row, head.pk, using=using)


def attempt(store: EventStore, subscriber: DurableSubscriber, failure_id: int) -> Attempt:
    """
    Have one parked event handled, in one transaction with the end of its failure.

    A connection that is lost counts as a failure here: tried again and again at once, it would keep the others waiting.

    Raises:
        OperationalError, InterfaceError: the database does not come back.
    """
    using = store.backend.using
    failure = FailedEvent.objects.using(using).select_related("event").filter(pk=failure_id).first()
    if failure is None:
        return Attempt.BUSY
    event = feed_of(store, subscriber, Horizon(using)).find(failure.event.event_id)
    if event is None:
        raise AssertionError("a failure refers to a stored event")
    try:
        done = handle(
            store,
            subscriber,
            [Unit(event, failure.sequence, is_sure=False)],
            begin=lambda: _begin(failure, using),
            finish=lambda: _finish(failure, using),
        )
    except Exception as error:
        return _note(store, subscriber, failure_id, event, error)
    return Attempt.HANDLED if done else Attempt.BUSY


def _begin(failure: FailedEvent, using: str) -> bool:
    if failures.claim(failure.pk, using=using) is None:
        return False
    earlier = failures.first_before(failure, using=using)
    if earlier is None:
        return True
    if failures.claim(earlier.pk, using=using) is not None:
        # It was parked while that one was being tried, which then failed: it waits behind it now.
        FailedEvent.objects.using(using).filter(pk=failure.pk).update(
            status=FailedEvent.Status.WAITING, next_attempt_at=None
        )
    return False


def _finish(failure: FailedEvent, using: str) -> None:
    failures.bring_up_next(failure, using=using)
    FailedEvent.objects.using(using).filter(pk=failure.pk).delete()


def _note(
    store: EventStore, subscriber: DurableSubscriber, failure_id: int, event: RecordedEvent[str], error: Exception
) -> Attempt:
    using, now = store.backend.using, timezone.now()
    logger.error("%s failed again at %s %s", subscriber.name, event.type, event.id, exc_info=error)
    with store.atomic():
        failure = failures.claim(failure_id, using=using)
        if failure is None:
            return Attempt.BUSY
        failures.note_attempt(failure, error, max_attempts=subscriber.max_attempts, now=now)
        failure.save(using=using)
        Subscription.objects.using(using).filter(pk=failure.subscription_id).update(
            last_error=describe(error), last_error_at=now
        )
    tell_subscriber(store, subscriber, event, sequence=failure.sequence, error=error)
    if failure.status == FailedEvent.Status.GIVEN_UP:
        announce(event_given_up, store, subscriber, event, sequence=failure.sequence, error=error)
    return Attempt.FAILED
