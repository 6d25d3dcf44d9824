"""How far the partitions of subscriptions are, what is parked, and whether a worker is there: a query each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.utils import timezone

from browser.bounded_count import BoundedCount
from event_store import durable_subscribers
from event_store.models import FailedEvent, StoredEvent, Stream, Subscription, Worker

MOST = 200
MOST_PARKED = 1_000
A_WORKER_IS_SEEN = timedelta(seconds=60)
"""Workers report every ten seconds, and count as dead after thirty."""


@dataclass(frozen=True)
class Progress:
    """
    A partition of a subscription, and how many positions lie between its checkpoint and the newest event.

    `is_left`: whether an event that it wants is among them; None when no code that is loaded here declares it.
    `parked`: failed events of the whole subscription, and those behind them; at most one more than 1,000.
    """

    subscription: Subscription
    behind: int
    is_left: bool | None
    parked: int = 0

    @property
    def is_up_to_date(self) -> bool:
        return self.behind == 0 or self.is_left is False

    @property
    def has_worker(self) -> bool:
        """Whether a worker holds its lease."""
        row = self.subscription
        return bool(row.owner) and row.lease_until is not None and row.lease_until > timezone.now()

    @property
    def catches_up_in(self) -> timedelta | None:
        """At the rate of its worker; None where none tells."""
        rate = self.subscription.rate if self.has_worker else None
        return timedelta(seconds=self.behind / rate) if rate else None


def progress(*, name: str | None = None) -> list[Progress]:
    """Of the first 200 partitions, by name; or of those of one subscription."""
    rows = Subscription.objects.all() if name is None else Subscription.objects.filter(name=name)
    newest = StoredEvent.objects.order_by("-pk").values("pk")[:1]
    version = Stream.objects.filter(name=OuterRef("stream")).values("version")[:1]
    found = rows.annotate(
        newest=Subquery(newest), version=Subquery(version), is_left=_is_left_case(), parked=BoundedCount(_parked())
    )
    return [_progress_of(row) for row in found.order_by("name", "partition")[:MOST]]


def has_live_worker() -> bool:
    return live_workers().exists()


def live_workers() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gt=timezone.now() - A_WORKER_IS_SEEN)


def not_skipped() -> QuerySet[FailedEvent]:
    return FailedEvent.objects.exclude(status=FailedEvent.Status.SKIPPED)


def undeclared(rows: Sequence[Progress]) -> set[str]:
    """Names that no code that is loaded here declares."""
    return {each.subscription.name for each in rows if durable_subscribers.get(each.subscription.name) is None}


def _parked() -> QuerySet[Any, Any]:
    return not_skipped().filter(subscription=OuterRef("pk")).order_by().values("pk")[: MOST_PARKED + 1]


def _progress_of(row: Any) -> Progress:
    # A checkpoint moves with the events that a subscription wants: alone, it can lie far below the newest position.
    if row.stream:
        behind = max(0, (-1 if row.version is None else row.version) - row.checkpoint)
        # In one stream every position counts.
        return Progress(row, behind, behind > 0, row.parked)
    return Progress(row, max(0, (row.newest or 0) - row.checkpoint), row.is_left, row.parked)


def _is_left(later: QuerySet[Any], types: frozenset[str] | None) -> Any:
    if types is None:
        return Exists(later)
    return Exists(later.filter(type__in=types)) if types else Value(False)


def _is_left_case() -> Case:
    later = StoredEvent.objects.filter(pk__gt=OuterRef("checkpoint"))
    cases = [
        When(name=each.name, then=_is_left(later, each.types()))
        for each in durable_subscribers.all()
        if not each.stream
    ]
    return Case(*cases, default=None, output_field=BooleanField())
