"""How far each subscription has come. The checkpoint alone is the truth; everything else only wakes."""

from __future__ import annotations

from django.db import connections
from django.utils import timezone

from event_store.models import Subscription


def load(name: str, *, using: str) -> Subscription:
    """The row of a subscription; made at the beginning of the store when it is new."""
    found = Subscription.objects.using(using).filter(name=name, partition=0).first()
    if found is None:
        Subscription.objects.using(using).bulk_create([Subscription(name=name)], ignore_conflicts=True)
        found = Subscription.objects.using(using).get(name=name, partition=0)
    return found


def move(subscription: Subscription, *, to: int, using: str) -> str | None:
    """
    Move the checkpoint on, if it still is where `subscription` says and nobody else is moving it.

    The first statement of the handler's transaction: it takes the row's lock (on SQLite the database's), so
    that an event is handled by one worker, once.

    Returns:
        The status that the subscription has had until now, None when somebody else is at it or was faster.
    """
    connection = connections[using]
    skip_locked = " FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE event_store_subscription SET checkpoint = %s, last_success_at = %s"  # noqa: S608 - fixed words only
            " WHERE id = (SELECT id FROM event_store_subscription WHERE id = %s AND checkpoint = %s"
            f"{skip_locked}) RETURNING status",
            [to, now, subscription.pk, subscription.checkpoint],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])
