"""What a subscription could not handle: recorded, and tried again with growing pauses."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from event_store.events import RecordedEvent
from event_store.exceptions import WrongExpectedVersion
from event_store.models import FailedEvent, Subscription

logger = logging.getLogger("event_store.subscriptions")

LONGEST_PAUSE = timedelta(minutes=5)
_CONFLICTS = ("40001", "40P01")
_SQLITE_BUSY = "SQLITE_BUSY"


def record(subscription: Subscription, event: RecordedEvent[Any], error: Exception, *, using: str) -> FailedEvent:
    """Note that this subscription failed at this event, and when it is to be tried again."""
    logger.error("%s failed at %s %s", subscription.name, event.type, event.id, exc_info=error)
    now = timezone.now()
    with transaction.atomic(using=using):
        failure, _ = FailedEvent.objects.using(using).get_or_create(
            subscription=subscription,
            event_id=event.global_position,
            defaults={"attempts": 0, "first_failed_at": now, "last_failed_at": now, "next_attempt_at": now},
        )
        failure.attempts += 1
        failure.last_failed_at, failure.next_attempt_at = now, now + pause_after(failure.attempts)
        failure.error, failure.traceback = describe(error), "".join(traceback.format_exception(error))
        failure.save(using=using)
        Subscription.objects.using(using).filter(pk=subscription.pk).update(
            status=Subscription.Status.FAILING,
            retry_at=failure.next_attempt_at,
            last_error=failure.error,
            last_error_at=now,
        )
    return failure


def forget(subscription: Subscription, event: RecordedEvent[Any], *, using: str) -> None:
    """The event has been handled after all."""
    FailedEvent.objects.using(using).filter(subscription=subscription, event_id=event.global_position).delete()


def pause_after(attempts: int) -> timedelta:
    """1, 2, 4, … seconds, 5 minutes at most."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), LONGEST_PAUSE)


def is_conflict(error: Exception) -> bool:
    """Whether another transaction was in the way: to be repeated at once, not to be counted as a failure."""
    if isinstance(error, WrongExpectedVersion):
        return True
    cause = error.__cause__
    return isinstance(error, DatabaseError) and (
        getattr(cause, "sqlstate", None) in _CONFLICTS
        or str(getattr(cause, "sqlite_errorname", "")).startswith(_SQLITE_BUSY)
    )


def describe(error: Exception) -> str:
    """One line: the error's class and words."""
    return f"{type(error).__name__}: {error}"
