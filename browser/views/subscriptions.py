"""All subscribers: how far each durable one has come, and what it could not handle."""

from __future__ import annotations

from typing import Any

from browser.declared_readers import durable_names, immediate_readers, mode
from browser.progress import MOST_PARKED, has_live_worker, not_skipped, progress, undeclared
from browser.views.base import BrowserView
from event_store.models import FailedEvent

MOST_FAILURES = 50


class SubscriptionListView(BrowserView):
    template_name = "browser/subscriptions.html"
    section = "subscriptions"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        rows = progress()
        known = {row.subscription.name for row in rows}
        return super().get_context_data(
            progress=rows,
            undeclared=undeclared(rows),
            not_run_yet=sorted(durable_names() - known),
            immediate=immediate_readers(),
            mode=mode(),
            has_worker=has_live_worker(),
            most_parked=MOST_PARKED,
            failures=self.sight.of_failures(_first_failures()),
            **context,
        )


def _first_failures() -> list[FailedEvent]:
    """Those at which sequences stand still: the ones behind them wait."""
    failures = not_skipped().exclude(status=FailedEvent.Status.WAITING).select_related("event", "subscription")
    failures = failures.defer("event__data", "event__metadata", "traceback")
    return list(failures.order_by("pk")[:MOST_FAILURES])
