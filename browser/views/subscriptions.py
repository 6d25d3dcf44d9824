"""Durable subscribers: how far each has come, and what it could not handle."""

from typing import Any

from browser.views.base import BrowserView
from event_store.models import FailedEvent, Subscription

MOST = 200


class SubscriptionListView(BrowserView):
    template_name = "browser/subscriptions.html"
    section = "subscriptions"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            subscriptions=list(Subscription.objects.order_by("name", "partition")[:MOST]),
            failures=list(
                FailedEvent.objects.select_related("event", "subscription")
                .defer("event__data", "event__metadata", "traceback")
                .order_by("next_attempt_at")[:MOST]
            ),
            **context,
        )
