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


def attempt(
    store: EventStore, subscriber: DurableSubscriber, failure_id: int, *, attempts: int | None = None
) -> Attempt:
    """
    Have one parked event handled, in one transaction with the end of its failure.

    A connection that is lost counts as a failure here: tried again and again at once, it would keep the others waiting.

    Args:
        attempts: how many there have been, as far as the caller knows; where there were others meanwhile, it is busy. This
            one is then counted before it is made, so that of several callers who know the same one has it.
    Raises:
        OperationalError, InterfaceError: the database does not come back.
    """
    using, is_counted = store.backend.using, attempts is not None
    if attempts is not None and not _count(store, failure_id, attempts):
        return Attempt.BUSY
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
            begin=lambda: _begin(failure, using, waits=is_counted),
            finish=lambda: _finish(failure, using),
        )
    except Exception as error:
        return _note(store, subscriber, failure_id, event, error, is_counted=is_counted)
    return Attempt.HANDLED if done else Attempt.BUSY


def _count(store: EventStore, failure_id: int, attempts: int) -> bool:
    """Count an attempt that is about to be made. False when there were others meanwhile."""
    with store.atomic():
        failure = failures.claim(failure_id, using=store.backend.using)
        if failure is None or failure.attempts != attempts:
            return False
        rows = FailedEvent.objects.using(store.backend.using).filter(pk=failure_id)
        return bool(rows.update(attempts=attempts + 1))


def _begin(failure: FailedEvent, using: str, *, waits: bool) -> bool:
    # Rivals who want to count the same attempt hold the row for a moment: whose attempt is counted does not give way to them.
    if failures.claim(failure.pk, using=using, waits=waits) is None:
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
    store: EventStore,
    subscriber: DurableSubscriber,
    failure_id: int,
    event: RecordedEvent[str],
    error: Exception,
    *,
    is_counted: bool,
) -> Attempt:
    using, now = store.backend.using, timezone.now()
    logger.error("%s failed again at %s %s", subscriber.name, event.type, event.id, exc_info=error)
    with store.atomic():
        failure = failures.claim(failure_id, using=using, waits=is_counted)
        if failure is None:
            return Attempt.BUSY
        failures.note_attempt(failure, error, max_attempts=subscriber.max_attempts, now=now, is_counted=is_counted)
        failure.save(using=using)
        Subscription.objects.using(using).filter(pk=failure.subscription_id).update(
            last_error=describe(error), last_error_at=now
        )
    tell_subscriber(store, subscriber, event, sequence=failure.sequence, error=error)
    if failure.status == FailedEvent.Status.GIVEN_UP:
        announce(event_given_up, store, subscriber, event, sequence=failure.sequence, error=error)
    return Attempt.FAILED
