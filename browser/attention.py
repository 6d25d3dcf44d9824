"""What needs somebody: failed processes, then stuck ones, each with the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists
from django.utils.translation import gettext as _

from browser.cursors import Found, first_of
from browser.progress import live_workers
from browser.stuck import stuck_in_words
from browser.views.base import BrowserView
from event_store import stuck_processes, why_stuck
from event_store.models import Process


@dataclass(frozen=True)
class Attention:
    process: Process
    status: str
    why: str
    since: datetime
    lacks_worker: bool = False
    """Its deadline has passed, and nobody is there to handle it."""


@dataclass(frozen=True)
class NeedingAttention(Found[Attention]):
    @property
    def lacks_worker(self) -> bool:
        return any(each.lacks_worker for each in self.rows)


def needing_attention(view: BrowserView, *, limit: int) -> NeedingAttention:
    """
    Failed processes first, then stuck ones, each with the reason in words; errors may tell of payloads. Those that the
    visitor may not see are left out of the first `limit`.
    """
    failed = list(Process.objects.filter(status=Process.Status.FAILED).order_by("-updated_at")[: limit + 1])
    # Asked along with them: a page has few queries.
    stuck = stuck_processes().annotate(has_worker=Exists(live_workers())).order_by("waiting_since")
    found = first_of([*(_failed(each, view) for each in failed), *map(_stuck, stuck[: limit + 1 - len(failed)])], limit)
    rows = [each for each in found.rows if view.sight.process(each.process.type, each.process.key)]
    return NeedingAttention(rows, found.is_more)


def _failed(process: Process, view: BrowserView) -> Attention:
    hidden = _("hidden: it needs the permission to view the data of events")
    return Attention(process, "failed", process.last_error if view.may_see_payload else hidden, process.updated_at)


def _stuck(process: Any) -> Attention:
    return Attention(
        process,
        "stuck",
        stuck_in_words(process),
        process.waiting_since or process.updated_at,
        lacks_worker=not process.has_worker and why_stuck(process) == "deadline",
    )
