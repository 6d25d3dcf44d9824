"""Is anything wrong right now, and what is everybody waiting for?"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from browser.attention import needing_attention
from browser.declared_readers import mode
from browser.live import Live, position_to_begin_at
from browser.progress import progress
from browser.subscription_summary import SubscriptionSummary
from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView
from browser.views.events import LogRow, global_position, log_rows
from event_store import OpenTransaction, event_store, open_transactions, waiting_groups

LATEST, MOST_FAILING = 20, 10


class OverviewView(BrowserView):
    template_name = "browser/overview.html"
    section = "overview"
    obeys_policy = True
    about = "overview"
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        sees_processes, sees_events = self.may(VIEW_PROCESSES), self.may(VIEW_EVENTS)
        head = position_to_begin_at(self.request) if sees_events else None
        return super().get_context_data(
            attention=needing_attention(self, limit=10) if sees_processes else None,
            mode=mode(),
            groups=waiting_groups() if sees_processes else [],
            events=self._latest(head) if sees_events else [],
            live=Live.of(self.request, self.url("tail"), head, most=LATEST) if sees_events else None,
            open_transactions=_open_for_long() if sees_events else [],
            subscriptions=SubscriptionSummary.of(progress()) if sees_events else None,
            most_failing=MOST_FAILING,
            **context,
        )

    def _latest(self, head: int | None) -> list[LogRow]:
        query = event_store.events.as_json().backward()
        rows = log_rows((query if head is None else query.before_or_equal(head))[:LATEST], self)
        return self.sight.of_events(rows, global_position)


def _open_for_long() -> list[OpenTransaction]:
    now = timezone.now()
    return [each for each in open_transactions() if each.is_open_for_long(now)]
