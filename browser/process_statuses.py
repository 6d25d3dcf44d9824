"""The statuses that processes are listed by: `stuck` ones are waiting, too."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from event_store import stuck_processes
from event_store.models import Process


def status_labels() -> dict[str, str]:
    """What can be listed, as it is read in this order: stuck ones are waiting, too."""
    return {
        "waiting": _("waiting"),
        "stuck": _("of them stuck"),
        "failed": _("failed"),
        "completed": _("completed"),
        "cancelled": _("cancelled"),
    }


def with_status(status: str) -> QuerySet[Process]:
    """`stuck` ones are waiting, too."""
    if status == "stuck":
        return stuck_processes()
    return Process.objects.filter(status=status)
