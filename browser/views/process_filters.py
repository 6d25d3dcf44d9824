"""Which processes of one type are meant, by the address: for their list, and for what is done with all of them."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from browser.process_statuses import status_labels, with_status
from browser.views.base import BrowserView
from browser.views.streams import names_with_prefix
from event_store.models import Process

WAITING = ("waiting", "stuck")
ANYTHING = "-"
LONGEST_AGE = timedelta(days=36_500)
UNITS = {"d": "days", "h": "hours", "min": "minutes", "m": "minutes", "s": "seconds"}
_AGE = re.compile(r"\s*(\d{1,6})\s*(d|h|min|m|s)\s*", re.ASCII)


class FilteredProcesses(BrowserView):
    """`status`, `waiting_for`, `older` and `key` in the address; the type is in its path."""

    section = "processes"
    obeys_policy = True

    @property
    def type(self) -> str:
        return str(self.kwargs["type"])

    @cached_property
    def status(self) -> str:
        """The status that is listed; what has waited for some time is waiting."""
        asked = self.request.GET.get("status", "")
        return "waiting" if self.older is not None and asked not in WAITING else asked

    @cached_property
    def waiting_for(self) -> str | None:
        """What the processes that are listed wait for; None for all."""
        asked = self.request.GET.get("waiting_for", ANYTHING)
        return None if asked == ANYTHING else asked.replace("\0", "")

    @cached_property
    def key(self) -> str:
        """How the keys that are listed begin."""
        return self.request.GET.get("key", "").replace("\0", "")

    @cached_property
    def older(self) -> timedelta | None:
        return age_asked(self.request.GET.get("older", ""))

    def filtered(self) -> QuerySet[Process]:
        found = with_status(self.status) if self.status in status_labels() else Process.objects.all()
        found = found.filter(type=self.type)
        if self.waiting_for is not None:
            found = found.filter(waiting_for=self.waiting_for)
        if self.older is not None:
            found = found.filter(waiting_since__lt=timezone.now() - self.older)
        if self.key:
            found = names_with_prefix(found, self.key, field="key")
        return found

    def filter_query(self, **changed: str) -> str:
        """The query string of the same filter, at its beginning, with other values; "" leaves one out."""
        query = self.request.GET.copy()
        for name in ("before", "after", "from"):
            query.pop(name, None)
        for name, value in changed.items():
            query[name] = value
            if not value:
                del query[name]
        return "?" + query.urlencode()


def age_asked(text: str) -> timedelta | None:
    """`3d`, `12h`, `90min` or `30s`; None for anything else, or for more than a hundred years."""
    matched = _AGE.fullmatch(text)
    if matched is None:
        return None
    length = timedelta(**{UNITS[matched[2]]: int(matched[1])})
    return length if length <= LONGEST_AGE else None
