"""How many partitions a subscription has, and dividing it anew when its code says another number."""

from __future__ import annotations

from collections.abc import Sequence

from event_store.durable import DurableSubscriber
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.store import EventStore
from event_store.subscriptions import checkpoints
from event_store.subscriptions.database import is_postgresql
from event_store.subscriptions.partition_runner import PartitionRunner


def divided(
    store: EventStore, subscriber: DurableSubscriber, *, horizon: Horizon, now: int | None = None
) -> list[Subscription] | None:
    """
    The rows of a subscription, as many as its code says.

    When it had another number of partitions, those are first brought to one position, so that no sequence goes on in its
    new partition before the old one has handled all of it.

    Returns:
        None while somebody else is at the old ones: try again.
    Raises:
        SubscriptionChanged: the checkpoint is for another stream.
    """
    rows = checkpoints.load(store, subscriber, now=now)
    if is_whole(rows, subscriber.partitions):
        return rows
    furthest = max(row.checkpoint for row in rows)
    for row in rows:
        PartitionRunner(store, subscriber, horizon=horizon).run(row, head_id=rows[0].pk, until=furthest)
    if not _divide(store, subscriber, furthest):
        return None
    return checkpoints.rows_of(subscriber.name, using=store.backend.using)


def is_whole(rows: Sequence[Subscription], partitions: int) -> bool:
    """Whether there is a row for each partition, and no other one."""
    return [row.partition for row in rows] == list(range(partitions)) and all(
        row.partitions == partitions for row in rows
    )


def _divide(store: EventStore, subscriber: DurableSubscriber, position: int) -> bool:
    using = store.backend.using
    with store.atomic():
        locked = Subscription.objects.using(using).filter(name=subscriber.name).order_by("partition")
        if is_postgresql(using):
            locked = locked.select_for_update(no_key=True)
        rows = list(locked)
        if any(row.checkpoint != position for row in rows):
            return False
        is_failing = any(row.status == Subscription.Status.FAILING for row in rows)
        kept, head = rows[: subscriber.partitions], rows[0]
        for row in rows[subscriber.partitions :]:
            row.delete(using=using)
        for row in kept:
            row.partitions, row.fence, row.owner, row.lease_until = subscriber.partitions, row.fence + 1, "", None
            # What is parked may belong to any of the new ones.
            row.status = Subscription.Status.FAILING if is_failing else Subscription.Status.OK
            row.save(using=using)
        Subscription.objects.using(using).bulk_create(
            Subscription(
                name=head.name,
                partition=number,
                partitions=subscriber.partitions,
                stream=head.stream,
                checkpoint=position,
                status=kept[0].status,
            )
            for number in range(len(kept), subscriber.partitions)
        )
    return True
