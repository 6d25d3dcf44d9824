"""Which waiting processes are stuck, and why: they wait too long, or nobody has handled their deadline."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from browser.ages import age, duration
from browser.awaited import in_words
from event_store import process_managers
from event_store.models import Process

DEADLINE_PATIENCE = timedelta(minutes=1)
"""After a deadline: workers look for what is due every second."""


def is_stuck() -> Q:
    """Waiting for the same thing longer than the class allows, or beyond a deadline."""
    now = timezone.now()
    stuck = Q(next_deadline__lt=now - DEADLINE_PATIENCE)
    for manager in process_managers.values():
        if manager.stuck_after is not None:
            stuck |= Q(type=manager.type, waiting_since__lt=now - manager.stuck_after)
    return Q(status=Process.Status.WAITING) & stuck


def why_stuck(process: Process) -> str:
    """In words; blank for one that is not stuck."""
    if process.status != Process.Status.WAITING:
        return ""
    now, manager = timezone.now(), process_managers.get(process.type)
    if process.next_deadline is not None and process.next_deadline < now - DEADLINE_PATIENCE:
        return _("its deadline passed %(age)s ago, and nobody has handled it: is a worker running?") % {
            "age": age(process.next_deadline)
        }
    allowed = manager.stuck_after if manager else None
    if allowed is None or process.waiting_since is None or process.waiting_since >= now - allowed:
        return ""
    what = in_words(process.waiting_for) or "…"
    return _("has waited for %(what)s longer than %(allowed)s") % {"what": what, "allowed": duration(allowed)}
