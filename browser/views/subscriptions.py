"""Durable subscribers: how far each has come, and what it could not handle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, QuerySet, Value, When

from browser.views.base import BrowserView
from event_store import durable_subscribers
from event_store.models import FailedEvent, StoredEvent, Stream, Subscription

MOST = 200


@dataclass(frozen=True)
class Progress:
    """
    A partition of a subscription, and how many positions lie between its checkpoint and the newest event.

    `is_left`: whether an event that it wants is among them; None when no code that is loaded here declares it.
    """

    subscription: Subscription
    behind: int
    is_left: bool | None

    @property
    def is_up_to_date(self) -> bool:
        return self.behind == 0 or self.is_left is False


class SubscriptionListView(BrowserView):
    template_name = "browser/subscriptions.html"
    section = "subscriptions"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            progress=_progress(),
            failures=self.sight.of_events(_failures(), lambda failure: failure.event_id),
            **context,
        )


def _failures() -> list[FailedEvent]:
    failures = FailedEvent.objects.exclude(status=FailedEvent.Status.SKIPPED)
    failures = failures.select_related("event", "subscription").defer("event__data", "event__metadata", "traceback")
    return list(failures.order_by("pk")[:MOST])


def _progress() -> list[Progress]:
    # A checkpoint moves with the events that a subscription wants: alone, it can lie far below the newest position.
    subscriptions = _with_what_is_left().order_by("name", "partition")[:MOST]
    newest = StoredEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = list(subscriptions)
    streams = {row.stream for row in rows if row.stream}
    versions = dict(Stream.objects.filter(name__in=streams).values_list("name", "version")) if streams else {}
    return [_progress_of(row, versions.get(row.stream, -1) if row.stream else newest) for row in rows]


def _progress_of(row: Any, newest: int) -> Progress:
    behind = max(0, newest - row.checkpoint)
    # In one stream every position counts.
    return Progress(row, behind, behind > 0 if row.stream else row.is_left)


def _is_left(later: QuerySet[Any], types: frozenset[str] | None) -> Any:
    if types is None:
        return Exists(later)
    return Exists(later.filter(type__in=types)) if types else Value(False)


def _with_what_is_left() -> QuerySet[Any]:
    later = StoredEvent.objects.filter(pk__gt=OuterRef("checkpoint"))
    cases = [
        When(name=each.name, then=_is_left(later, each.types()))
        for each in durable_subscribers.all()
        if not each.stream
    ]
    return Subscription.objects.annotate(is_left=Case(*cases, default=None, output_field=BooleanField()))
