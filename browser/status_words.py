"""Statuses and outcomes, in the visitor's language."""

from __future__ import annotations

from django.utils.translation import gettext as _


def status_word(status: str) -> str:
    """What people call it; a status that has no word here stays as it is."""
    return _words().get(status, status)


def _words() -> dict[str, str]:
    return {
        "waiting": _("Waiting"),
        "stuck": _("Stuck"),
        "failed": _("Failed"),
        "failing": _("Failing"),
        "completed": _("Completed"),
        "cancelled": _("Cancelled"),
        "ok": _("OK"),
        "accepted": _("Accepted"),
        "rejected": _("Rejected"),
        "pending": _("Pending"),
        "suppressed": _("Not sent again"),
        "skipped": _("Skipped"),
        "done": _("Done"),
        "passed": _("Passed"),
        "partly": _("Partly passed"),
        "not_reached": _("Not reached yet"),
        "new": _("Has never run"),
        "at_once": _("At once"),
        "retrying": _("Retrying"),
        "given_up": _("Given up"),
    }
