"""Why a process is stuck, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from browser.ages import age, duration
from browser.awaited import in_words
from event_store import process_managers, why_stuck
from event_store.models import Process


def stuck_in_words(process: Process) -> str:
    """Blank for one that is not stuck."""
    why = why_stuck(process)
    if why == "deadline" and process.next_deadline is not None:
        return _("Its deadline passed %(age)s ago, and nobody has handled it") % {"age": age(process.next_deadline)}
    manager = process_managers.get(process.type)
    if not why or manager is None or manager.stuck_after is None:
        return ""
    what = in_words(process.waiting_for) or "…"
    return _("Has waited for %(what)s longer than %(allowed)s") % {
        "what": what,
        "allowed": duration(manager.stuck_after),
    }
