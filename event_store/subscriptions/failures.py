"""Parked events: what a subscription could not handle, and what waits behind it in the same sequence."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from event_store.events import RecordedEvent
from event_store.models import FailedEvent, Subscription
from event_store.subscriptions.database import is_postgresql
from event_store.subscriptions.errors import describe, trace

LONGEST_PAUSE = timedelta(minutes=5)

_Failures = QuerySet[FailedEvent]


def pause_after(attempts: int) -> timedelta:
    """1, 2, 4, … seconds, 5 minutes at most."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), LONGEST_PAUSE)


def parked(subscription_id: int, *, using: str) -> _Failures:
    """Everything that still waits, of the subscription whose partition 0 has this id."""
    skipped = FailedEvent.Status.SKIPPED
    return FailedEvent.objects.using(using).filter(subscription_id=subscription_id).exclude(status=skipped)


def parked_sequences(subscription_id: int, sequences: Collection[str], *, using: str) -> set[str]:
    """Those of the sequences that have parked events."""
    found = parked(subscription_id, using=using).filter(sequence__in=list(sequences))
    return set(found.values_list("sequence", flat=True).distinct())


def park(
    subscription_id: int, event: RecordedEvent[Any], sequence: str, error: Exception, *, max_attempts: int, using: str
) -> FailedEvent:
    """Note an event that has failed for the first time. Inside the transaction that moves the checkpoint past it."""
    now = timezone.now()
    failure = FailedEvent(
        subscription_id=subscription_id, event_id=event.global_position, sequence=sequence, parked_at=now
    )
    note_attempt(failure, error, max_attempts=max_attempts, now=now)
    failure.save(using=using, force_insert=True)
    return failure


def park_behind(subscription_id: int, event: RecordedEvent[Any], sequence: str, *, using: str) -> bool:
    """
    Have an event wait behind the parked ones of its sequence. Inside the transaction that moves the checkpoint past it.

    Returns:
        False when nothing of the sequence is parked any more: then it is to be handled.
    """
    first = parked(subscription_id, using=using).filter(sequence=sequence).order_by("pk").first()
    if first is None:
        return False
    # Whoever is retrying the first one does not see this row: it then has to come up by itself.
    is_free = claim(first.pk, using=using) is not None
    now = timezone.now()
    FailedEvent.objects.using(using).create(
        subscription_id=subscription_id,
        event_id=event.global_position,
        sequence=sequence,
        status=FailedEvent.Status.WAITING if is_free else FailedEvent.Status.RETRYING,
        parked_at=now,
        next_attempt_at=None if is_free else now,
    )
    return True


def note_attempt(
    failure: FailedEvent, error: Exception, *, max_attempts: int, now: datetime, is_counted: bool = False
) -> None:
    """Count an attempt that failed, unless it is counted, and say when the next one is due. The caller saves."""
    failure.attempts += not is_counted
    failure.last_failed_at = now
    failure.error, failure.traceback = describe(error), trace(error)
    is_given_up = failure.attempts >= max_attempts
    failure.status = FailedEvent.Status.GIVEN_UP if is_given_up else FailedEvent.Status.RETRYING
    failure.next_attempt_at = None if is_given_up else now + pause_after(failure.attempts)


def due(subscription_id: int, *, using: str, ignore_pauses: bool = False, besides: Collection[int] = ()) -> int | None:
    """The id of the failure whose next attempt has been due for longest."""
    waiting = FailedEvent.objects.using(using).filter(subscription_id=subscription_id, next_attempt_at__isnull=False)
    if not ignore_pauses:
        waiting = waiting.filter(next_attempt_at__lte=timezone.now())
    if besides:
        waiting = waiting.exclude(pk__in=besides)
    return waiting.order_by("next_attempt_at").values_list("id", flat=True).first()


def claim(failure_id: int, *, using: str, waits: bool = False) -> FailedEvent | None:
    """
    The failure, locked until the transaction ends; None when somebody else has brought it to its end, or is at it.

    Args:
        waits: for whoever is at it; whether they have brought it to its end is seen then.
    """
    locked = FailedEvent.objects.using(using).exclude(status=FailedEvent.Status.SKIPPED)
    if is_postgresql(using):
        locked = locked.select_for_update(skip_locked=not waits, of=("self",))
    return locked.filter(pk=failure_id).first()


def first_before(failure: FailedEvent, *, using: str) -> FailedEvent | None:
    """The first parked event of the sequence, when that is an earlier one."""
    in_sequence = parked(failure.subscription_id, using=using).filter(sequence=failure.sequence)
    return in_sequence.filter(pk__lt=failure.pk).order_by("pk").first()


def bring_up_next(failure: FailedEvent, *, using: str) -> None:
    """Have the parked event behind this one be handled next, at once."""
    in_sequence = parked(failure.subscription_id, using=using).filter(sequence=failure.sequence)
    following = in_sequence.filter(pk__gt=failure.pk).order_by("pk").values_list("pk", flat=True).first()
    if following is not None:
        FailedEvent.objects.using(using).filter(pk=following).update(
            status=FailedEvent.Status.RETRYING, next_attempt_at=timezone.now()
        )


def settle(subscription: Subscription, head_id: int, *, using: str) -> None:
    """
    Note that a subscription fails no more, once nothing of it is parked.

    Inside a transaction. Only whoever has the row's lock parks events of that partition: nothing can come in between.
    """
    locked = Subscription.objects.using(using).filter(pk=subscription.pk, status=Subscription.Status.FAILING)
    if is_postgresql(using):
        locked = locked.select_for_update(skip_locked=True, no_key=True)
    if locked.first() is not None and not parked(head_id, using=using).exists():
        Subscription.objects.using(using).filter(pk=subscription.pk).update(status=Subscription.Status.OK)
