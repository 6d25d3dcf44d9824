"""How every subscription is doing, and what holds the horizon back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.utils import timezone

from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions.database import database_time, is_postgresql
from event_store.subscriptions.failures import parked
from event_store.subscriptions.feeds import feed_of
from event_store.subscriptions.leases import is_free

MOST_COUNTED = 10_000
"""Nothing is counted further: a count of everything would cost more with every event."""
OPEN_FOR_LONG = timedelta(seconds=5)

_HOLDERS = """
    SELECT l.pid, a.usename, a.application_name, a.client_addr::text, a.state,
           coalesce(a.xact_start, p.prepared), left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), p.gid
      FROM pg_locks l
      LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      LEFT JOIN pg_prepared_xacts p ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction
     WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.relation = 'event_store_storedevent'::regclass AND l.pid IS DISTINCT FROM pg_backend_pid()
     ORDER BY 6 NULLS LAST
"""


@dataclass(frozen=True)
class SubscriptionStatus:
    """
    One partition of a subscription.

    Attributes:
        behind: events that it wants and has not passed, at most 10,000; None when no code declares it. With several
            partitions those of all of them.
        behind_seconds: how long ago the first of them was recorded; None when there is none.
        is_declared: whether code of this process declares it.
        owner: the worker that holds its lease; "" for none.
        parked: events that wait for another attempt, or for somebody, at most 10,000; of the whole subscription.
        rate: events a second, of late, as its worker says.
    """

    name: str
    partition: int
    partitions: int
    stream: str
    checkpoint: int
    status: str
    behind: int | None
    behind_seconds: float | None
    is_declared: bool
    owner: str
    lease_until: datetime | None
    handled: int
    rate: float | None
    parked: int
    last_success_at: datetime | None
    last_error: str
    last_error_at: datetime | None


@dataclass(frozen=True)
class OpenTransaction:
    """
    A transaction that has published and not ended: no durable reader comes past what was published since.

    What is not this role's is only shown with the rights of `pg_read_all_stats`; `since` and `query` are None then.
    """

    pid: int | None
    user: str | None
    application: str | None
    client: str | None
    state: str | None
    since: datetime | None
    query: str | None
    prepared_as: str | None

    def is_open_for_long(self, now: datetime) -> bool:
        """For more than 5 seconds."""
        return self.since is not None and now - self.since > OPEN_FOR_LONG


def subscription_status(*, store: str = DEFAULT_STORE) -> list[SubscriptionStatus]:
    """Every partition of every subscription that has run, and those that are declared and have not, by name."""
    chosen = event_stores[store]
    using = chosen.backend.using
    horizon, now = Horizon(using), database_time(using)
    rows = list(Subscription.objects.using(using).order_by("name", "partition"))
    heads = {row.name: row for row in reversed(rows)}
    numbers = {name: parked(head.pk, using=using)[:MOST_COUNTED].count() for name, head in heads.items()}
    declared = {each.name: each for each in durable_subscribers.all() if each.reads(store)}
    # What has never run is at its beginning.
    rows += [
        Subscription(name=name, stream=each.stream, checkpoint=-1 if each.stream else 0)
        for name, each in declared.items()
        if name not in heads
    ]
    return [
        _status(chosen, row, declared.get(row.name), horizon, parked_events=numbers.get(row.name, 0), now=now)
        for row in sorted(rows, key=lambda each: (each.name, each.partition))
    ]


def open_transactions(*, store: str = DEFAULT_STORE) -> list[OpenTransaction]:
    """The transactions that hold the horizon back, the oldest first. None on SQLite, which has one writer at a time."""
    using = event_stores[store].backend.using
    if not is_postgresql(using):
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(_HOLDERS)
        return [OpenTransaction(*row) for row in cursor.fetchall()]


def _status(
    store: Any,
    row: Subscription,
    subscriber: DurableSubscriber | None,
    horizon: Horizon,
    *,
    parked_events: int,
    now: datetime,
) -> SubscriptionStatus:
    behind, first = None, None
    if subscriber is not None and subscriber.stream == row.stream:
        feed = feed_of(store, subscriber, horizon)
        behind, first = feed.behind(after=row.checkpoint, most=MOST_COUNTED)
    return SubscriptionStatus(
        name=row.name,
        partition=row.partition,
        partitions=row.partitions,
        stream=row.stream,
        checkpoint=row.checkpoint,
        status="new" if row.pk is None else row.status,
        behind=behind,
        behind_seconds=_age(first, timezone.now()),
        is_declared=subscriber is not None,
        owner="" if is_free(row, now) else row.owner,
        lease_until=row.lease_until,
        handled=row.handled,
        rate=None if is_free(row, now) else row.rate,
        parked=parked_events,
        last_success_at=row.last_success_at,
        last_error=row.last_error,
        last_error_at=row.last_error_at,
    )


def _age(event: RecordedEvent[Any] | None, now: datetime) -> float | None:
    return None if event is None else max(0.0, (now - event.recorded_at).total_seconds())
