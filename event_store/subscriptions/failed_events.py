"""What people do with failed events: have them handled again, or skip them."""

from __future__ import annotations

from django.utils import timezone

from event_store.asynchronous import async_twin
from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.exceptions import FailedEventError, UnknownSubscription
from event_store.models import FailedEvent
from event_store.store import EventStore
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions import failures
from event_store.subscriptions.retries import Attempt, attempt, settle_all


def retry_failed_event(failure_id: int, *, seen: tuple[int, int] | None = None, store: str = DEFAULT_STORE) -> bool:
    """
    Have a parked event handled now, given up or not.

    Args:
        failure_id: the id of the FailedEvent; it has to be the first of its sequence.
        seen: the id and the attempts of the first FailedEvent of the sequence, as the caller has seen them: where they
            are others by now, nothing is done. So a form that is sent twice acts once.
    Returns:
        Whether it was handled; if not, its row says why.
    Raises:
        FailedEventError: it is gone, skipped, not the first of its sequence, not as it was seen, or somebody is at it.
        UnknownSubscription: no code declares its subscription.
    """
    chosen = event_stores[store]
    failure, subscriber = _find(failure_id, chosen)
    earlier = failures.parked(failure.subscription_id, using=chosen.backend.using).filter(
        sequence=failure.sequence, pk__lt=failure.pk
    )
    if number := earlier[:1000].count():
        raise FailedEventError(
            f"{number} earlier event{'s' * (number > 1)} of the sequence {failure.sequence!r} come{'s' * (number == 1)} "
            "first: retry up to this one."
        )
    return _attempt(chosen, subscriber, failure, seen=seen)


def retry_failed_events_up_to(
    failure_id: int, *, seen: tuple[int, int] | None = None, store: str = DEFAULT_STORE
) -> int:
    """
    Have the parked events of a sequence handled now, from its first one to this one; the first that fails ends it.

    Args:
        seen: as for `retry_failed_event`.
    Returns:
        How many were handled.
    Raises: as `retry_failed_event`.
    """
    chosen = event_stores[store]
    failure, subscriber = _find(failure_id, chosen)
    in_sequence = failures.parked(failure.subscription_id, using=chosen.backend.using).filter(sequence=failure.sequence)
    handled = 0
    while (first := in_sequence.filter(pk__lte=failure.pk).order_by("pk").first()) is not None:
        if not _attempt(chosen, subscriber, first, seen=None if handled else seen):
            break
        handled += 1
    return handled


def skip_failed_event(failure_id: int, *, reason: str, user: object, store: str = DEFAULT_STORE) -> None:
    """
    Leave a parked event unhandled for good, so that its sequence goes on without it. Its row stays, and says who and why.

    Args:
        reason: why; not blank.
        user: who; anything with a text, such as a user object.
    Raises:
        FailedEventError: it is gone, skipped already, or somebody is at it.
        ValueError: no reason, or no user.
    """
    who = str(user)
    if not reason.strip() or not who.strip():
        raise ValueError("Skipping an event needs a reason, and somebody who has it.")
    chosen = event_stores[store]
    using, now = chosen.backend.using, timezone.now()
    with chosen.atomic():
        known = _row(failure_id, using)
        failure = failures.claim(known.pk, using=using)
        if failure is None:
            raise FailedEventError(f"Failed event {failure_id} is being handled right now: look again in a moment.")
        is_first = failures.first_before(failure, using=using) is None
        FailedEvent.objects.using(using).filter(pk=failure.pk).update(
            status=FailedEvent.Status.SKIPPED,
            next_attempt_at=None,
            skipped_at=now,
            skipped_by=who[:255],
            skip_reason=reason.strip(),
        )
        if is_first:
            failures.bring_up_next(failure, using=using)
        subscriber = durable_subscribers.get(known.subscription.name)
        is_empty = not failures.parked(failure.subscription_id, using=using).filter(sequence=failure.sequence).exists()
        if is_empty and subscriber is not None and subscriber.recovered is not None:
            subscriber.recovered(failure.sequence)
    settle_all(chosen, known.subscription)


aretry_failed_event = async_twin(retry_failed_event)
aretry_failed_events_up_to = async_twin(retry_failed_events_up_to)
askip_failed_event = async_twin(skip_failed_event)


def _find(failure_id: int, store: EventStore) -> tuple[FailedEvent, DurableSubscriber]:
    failure = _row(failure_id, store.backend.using)
    subscriber = durable_subscribers.get(failure.subscription.name)
    if subscriber is None:
        raise UnknownSubscription(
            f"No code declares the subscription {failure.subscription.name!r}: its events can be skipped, not retried."
        )
    return failure, subscriber


def _row(failure_id: int, using: str) -> FailedEvent:
    failure = FailedEvent.objects.using(using).select_related("subscription").filter(pk=failure_id).first()
    if failure is None:
        raise FailedEventError(f"There is no failed event {failure_id}: it was handled meanwhile, or never failed.")
    if failure.status == FailedEvent.Status.SKIPPED:
        raise FailedEventError(
            f"Failed event {failure_id} was skipped by {failure.skipped_by} at {failure.skipped_at:%Y-%m-%d %H:%M} UTC."
        )
    return failure


def _attempt(
    store: EventStore, subscriber: DurableSubscriber, failure: FailedEvent, *, seen: tuple[int, int] | None
) -> bool:
    if seen is not None and seen != (failure.pk, failure.attempts):
        raise FailedEventError(f"The sequence {failure.sequence!r} has moved on since you saw it: look again.")
    outcome = attempt(store, subscriber, failure.pk, attempts=seen[1] if seen else None)
    if outcome is Attempt.BUSY:
        raise FailedEventError(f"Failed event {failure.pk} is being handled right now: look again in a moment.")
    if outcome is Attempt.HANDLED:
        settle_all(store, failure.subscription)
    return outcome is Attempt.HANDLED
