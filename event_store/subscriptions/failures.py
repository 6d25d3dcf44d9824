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


def record(subscription: Subscription, event: RecordedEvent[Any], error: Exception, *, using: str) -> bool:
    """
    Note that this subscription failed at this event, and when it is to be tried again.

    Returns:
        False when another worker has come further meanwhile: then this failure is past, and nothing is noted.
    """
    logger.error("%s failed at %s %s", subscription.name, event.type, event.id, exc_info=error)
    now, words = timezone.now(), storable(describe(error))
    with transaction.atomic(using=using):
        here = Subscription.objects.using(using).filter(pk=subscription.pk, checkpoint=subscription.checkpoint)
        if not here.update(status=Subscription.Status.FAILING, last_error=words, last_error_at=now):
            return False
        failure, _ = FailedEvent.objects.using(using).get_or_create(
            # Its key: the object would ask a router whether it may be related.
            subscription_id=subscription.pk,
            event_id=event.global_position,
            defaults={"attempts": 0, "first_failed_at": now, "last_failed_at": now, "next_attempt_at": now},
        )
        failure.attempts += 1
        failure.last_failed_at, failure.next_attempt_at = now, now + pause_after(failure.attempts)
        failure.error, failure.traceback = words, storable("".join(traceback.format_exception(error)))
        failure.save(using=using)
        here.update(retry_at=failure.next_attempt_at)
    return True


def forget(subscription: Subscription, event: RecordedEvent[Any], *, using: str) -> None:
    """The event has been handled after all."""
    FailedEvent.objects.using(using).filter(subscription=subscription, event_id__lte=event.global_position).delete()
    Subscription.objects.using(using).filter(pk=subscription.pk).update(status=Subscription.Status.OK, retry_at=None)


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


def storable(text: str) -> str:
    """Words that every database takes: NUL and lone surrogates as escapes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
