"""One event that a subscription could not handle: why, what stands behind it, and what can be done."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.functional import cached_property

from browser.cursors import Found, first_of
from browser.declared_readers import DeclaredReader, durable_reader
from browser.deeds import deeds_of
from browser.permissions import RETRY_FAILURES, SKIP_FAILURES, VIEW_PROCESSES
from browser.progress import not_skipped
from browser.views.base import Breadcrumb, BrowserView
from event_store import RecordedEvent, event_store, process_managers
from event_store.models import FailedEvent, Process

MOST_COUNTED = 1_000
MOST_LISTED = 10


class FailureView(BrowserView):
    template_name = "browser/failure.html"
    section = "subscriptions"
    about = "failure"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        failure, event = self.failure, self._event()
        is_parked = failure.status != FailedEvent.Status.SKIPPED
        ahead = counted(earlier_than(failure)) if is_parked else 0
        behind = self._behind() if is_parked else None
        return super().get_context_data(
            failure=failure,
            event=event,
            data=self.sight.payload(event).tree() if event and self.may_see_data else "",
            reader=self.reader,
            process=self._process(),
            is_parked=is_parked,
            deeds=deeds_of(failure),
            ahead=ahead,
            blocker=self._blocker() if ahead else None,
            behind=behind,
            behind_count=counted(later_than(failure))
            if behind and behind.is_more
            else len(behind.rows)
            if behind
            else 0,
            seen_behind=self.sight.of_failures(behind.rows, subscription=self.kwargs["name"]) if behind else [],
            most_counted=MOST_COUNTED,
            may_retry=is_parked and self.reader is not None and self.may(RETRY_FAILURES),
            may_skip=is_parked and self.may(SKIP_FAILURES),
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [Breadcrumb(self.kwargs["name"], self.url("subscription", self.kwargs["name"]))]

    @cached_property
    def failure(self) -> FailedEvent:
        found = failure_or_none(self.kwargs["name"], self.kwargs["pk"])
        if found is None:
            raise Http404(gone(self.kwargs["pk"]))
        return found

    @cached_property
    def reader(self) -> DeclaredReader | None:
        return durable_reader(self.kwargs["name"])

    def _event(self) -> RecordedEvent[str] | None:
        return event_store.events.with_ids(self.failure.event.event_id).as_json().first()

    def _process(self) -> Process | None:
        if self.failure.subscription.name not in process_managers or not self.may(VIEW_PROCESSES):
            return None
        found = Process.objects.filter(type=self.failure.subscription.name, key=self.failure.sequence).first()
        return found if found and self.sight.process(found.type, found.key) else None

    def _blocker(self) -> FailedEvent | None:
        first = list(in_sequence(self.failure)[:1])
        return next(iter(self.sight.of_failures(first, subscription=self.kwargs["name"])), None)

    def _behind(self) -> Found[FailedEvent]:
        return first_of(list(later_than(self.failure)[: MOST_LISTED + 1]), MOST_LISTED)


def failure_or_none(name: str, pk: int) -> FailedEvent | None:
    found = FailedEvent.objects.select_related("event", "subscription").defer("event__data", "event__metadata")
    return found.filter(pk=pk, subscription__name=name).first()


def gone(pk: int) -> str:
    return f"There is no failed event {pk} here: it was handled meanwhile, or never failed"


def in_sequence(failure: FailedEvent) -> QuerySet[FailedEvent]:
    """All that is parked of its sequence, in its order."""
    found = not_skipped().filter(subscription=failure.subscription_id, sequence=failure.sequence)
    return found.select_related("event").defer("event__data", "event__metadata", "traceback").order_by("pk")


def earlier_than(failure: FailedEvent) -> QuerySet[FailedEvent]:
    return in_sequence(failure).filter(pk__lt=failure.pk)


def later_than(failure: FailedEvent) -> QuerySet[FailedEvent]:
    return in_sequence(failure).filter(pk__gt=failure.pk)


def counted(rows: QuerySet[FailedEvent]) -> int:
    """At most one more than 1,000."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def first_of_sequence(failure: FailedEvent) -> FailedEvent | None:
    return in_sequence(failure).first()


def up_to(failure: FailedEvent) -> QuerySet[FailedEvent]:
    return in_sequence(failure).filter(pk__lte=failure.pk)
