"""The board: what processes wait for, since when, and which of them need somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from browser.attention import needing_attention
from browser.bounded_count import COUNTED_UP_TO
from browser.declared_readers import mode
from browser.process_statuses import status_labels, with_status
from browser.views.base import VIEW_PROCESSES, BrowserView
from event_store import WaitingGroup, count_processes, process_managers, waiting_groups

MOST_GROUPS = 100
MOST_ATTENTION = 100


@dataclass(frozen=True)
class StatusCount:
    status: str
    label: str
    count: int
    is_more: bool

    @property
    def anchor(self) -> str:
        """Where the page itself goes into it, with processes of several types; "" where there is nothing to see."""
        if not self.count:
            return ""
        return {"waiting": "es-waiting", "stuck": "es-attention", "failed": "es-attention"}.get(
            self.status, "es-managers"
        )


class BoardView(BrowserView):
    template_name = "browser/processes.html"
    section = "processes"
    obeys_policy = True
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        groups = waiting_groups()
        return super().get_context_data(
            counts=_counts(groups),
            groups=groups,
            attention=needing_attention(self, limit=MOST_ATTENTION),
            mode=mode(),
            types=sorted(process_managers),
            statuses=status_labels().items(),
            only_type=next(iter(process_managers)) if len(process_managers) == 1 else "",
            **context,
        )


def _counts(groups: Sequence[WaitingGroup]) -> list[StatusCount]:
    counts = count_processes("failed", "completed", "cancelled")
    if len(groups) < MOST_GROUPS:
        counts |= {"waiting": sum(each.count for each in groups), "stuck": sum(each.stuck for each in groups)}
    else:
        counts |= {status: _counted(status) for status in ("waiting", "stuck")}
    return [
        StatusCount(status, label, min(counts[status], COUNTED_UP_TO), counts[status] > COUNTED_UP_TO)
        for status, label in status_labels().items()
    ]


def _counted(status: str) -> int:
    return with_status(status).order_by()[: COUNTED_UP_TO + 1].count()
