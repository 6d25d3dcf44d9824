"""How far each subscription has come. The checkpoint alone is the truth; everything else only wakes."""

from __future__ import annotations

from datetime import datetime

from django.db import connections
from django.utils import timezone

from event_store.durable import DurableSubscriber
from event_store.exceptions import SubscriptionChanged
from event_store.models import Stream, StreamLink, Subscription
from event_store.store import EventStore
from event_store.subscriptions.database import HANDLER_TIMEOUT, adapted, is_postgresql, skip_locked

BEFORE_ALL = 0
BEFORE_STREAM = -1


def load(store: EventStore, subscriber: DurableSubscriber, *, now: int | None = None) -> list[Subscription]:
    """
    The rows of a subscription, one for each partition; made where they are missing.

    Args:
        now: the global position of the first event that `start="now"` includes; none yet, if left out.
    """
    using = store.backend.using
    rows = rows_of(subscriber.name, using=using)
    if rows:
        _check_source(rows[0], subscriber)
        return rows
    start = start_position(store, subscriber, now=now)
    new = [
        Subscription(
            name=subscriber.name,
            partition=number,
            partitions=subscriber.partitions,
            stream=subscriber.stream,
            checkpoint=start,
        )
        for number in range(subscriber.partitions)
    ]
    Subscription.objects.using(using).bulk_create(new, ignore_conflicts=True)
    return rows_of(subscriber.name, using=using)


def _check_source(row: Subscription, subscriber: DurableSubscriber) -> None:
    if row.stream != subscriber.stream:
        raise SubscriptionChanged(subscriber.name, was=row.stream, now=subscriber.stream)


def rows_of(name: str, *, using: str) -> list[Subscription]:
    """The rows of a subscription in the order of their partitions; none when it has never run."""
    return list(Subscription.objects.using(using).filter(name=name).order_by("partition"))


def start_position(store: EventStore, subscriber: DurableSubscriber, *, now: int | None = None) -> int:
    """The checkpoint of a subscription that has handled nothing yet."""
    start = subscriber.start
    if isinstance(start, int):
        return start
    if start == "now":
        return end_of(store, subscriber) if now is None else _before(subscriber, now, using=store.backend.using)
    events = store.events.in_stream(subscriber.stream) if subscriber.stream else store.events
    if isinstance(start, datetime):
        first = events.newer_than_or_equal(start).as_json().first()
        if first is None:
            return end_of(store, subscriber)
        position = first.position if subscriber.stream else first.global_position
        return (position or 0) - 1
    return BEFORE_STREAM if subscriber.stream else BEFORE_ALL


def _before(subscriber: DurableSubscriber, global_position: int, *, using: str) -> int:
    if not subscriber.stream:
        return global_position - 1
    shown = StreamLink.objects.using(using).filter(stream__name=subscriber.stream, event_id=global_position)
    position = shown.values_list("position", flat=True).first()
    return stream_version(subscriber.stream, using=using) if position is None else position - 1


def end_of(store: EventStore, subscriber: DurableSubscriber) -> int:
    """The position of the newest event that can be seen, in the subscription's own order."""
    if subscriber.stream:
        return stream_version(subscriber.stream, using=store.backend.using)
    newest = store.events.as_json().last()
    return BEFORE_ALL if newest is None else newest.global_position


def stream_version(name: str, *, using: str) -> int:
    """The position of a stream's last event, -1 when it is empty."""
    version = Stream.objects.using(using).filter(name=name).values_list("version", flat=True).first()
    return BEFORE_STREAM if version is None else version


def move(subscription: Subscription, *, to: int, handled: int, using: str, timeout: float = HANDLER_TIMEOUT) -> bool:
    """
    Move the checkpoint on, if the row still is what `subscription` says and nobody else is moving it.

    The first statement of the handler's transaction: it takes the row's lock (on SQLite the database's), so that an event
    is handled by one worker, once, and a worker that has lost its lease changes nothing.

    Args:
        handled: how many events it passes that are handled.
        timeout: seconds that the transaction may be silent (PostgreSQL).
    Returns:
        False when somebody else is at it, was faster, or holds the lease by now.
    """
    # A session's own setting would reach other clients of a pooler.
    limited = ", set_config('idle_in_transaction_session_timeout', %s, true)" if is_postgresql(using) else ""
    now = adapted(timezone.now() if handled else None, using)
    parameters = [to, handled, now, subscription.pk, subscription.checkpoint]
    parameters += [subscription.fence, *([str(int(timeout * 1000))] if limited else [])]
    with connections[using].cursor() as cursor:
        cursor.execute(
            "UPDATE event_store_subscription SET checkpoint = %s, handled = handled + %s, last_success_at = COALESCE(%s, last_success_at)"  # noqa: S608 - fixed words only
            " WHERE id = (SELECT id FROM event_store_subscription WHERE id = %s AND checkpoint = %s AND fence = %s"
            f"{skip_locked(using)}) RETURNING id{limited}",
            parameters,
        )
        return cursor.fetchone() is not None


def pass_over(subscription: Subscription, *, to: int, using: str) -> bool:
    """Move the checkpoint over events that nobody wants. False when somebody else is at it or was faster."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "UPDATE event_store_subscription SET checkpoint = %s"  # noqa: S608 - fixed words only
            " WHERE id = (SELECT id FROM event_store_subscription WHERE id = %s AND checkpoint = %s AND fence = %s"
            f"{skip_locked(using)})",
            [to, subscription.pk, subscription.checkpoint, subscription.fence],
        )
        return bool(cursor.rowcount == 1)
