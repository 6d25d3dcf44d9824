"""One subscription: what it reads, how far it is, and what it could not handle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from browser.cursors import page_by_key
from browser.declared_readers import DeclaredReader, durable_reader, mode
from browser.progress import MOST_PARKED, Progress, has_live_worker, progress
from browser.views.base import BrowserView
from event_store.models import FailedEvent


def failure_filters() -> dict[str, str]:
    """What can be listed, as it is read in this order; "" for all that are parked."""
    return {
        "": _("parked"),
        "retrying": _("wait for their next attempt"),
        "given_up": _("given up"),
        "waiting": _("wait behind another one"),
        "skipped": _("skipped"),
    }


class SubscriptionView(BrowserView):
    """Its partitions, and its failed events: those that are parked, or those with `?status=`; `?sequence=` names one."""

    template_name = "browser/subscription.html"
    section = "subscriptions"
    about = "subscription"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        rows, reader = self.progress, self.reader
        if not rows and reader is None:
            raise Http404(f"There is no subscription {context['name']}")
        self.status = self.request.GET.get("status", "")
        if self.status not in failure_filters():
            raise Http404(f"status={self.status} is none of {', '.join(filter(None, failure_filters()))}")
        self.sequence = self.request.GET.get("sequence", "").replace("\0", "")
        page = page_by_key(
            self.request,
            self._read,
            lambda failure: str(failure.pk),
            # That rows were left out would tell which sequences there are.
            shown=self._seen if self.sequence and self.sight.is_limited else None,
            is_narrowed=bool(self.sequence),
        )
        return super().get_context_data(
            progress=rows,
            first=rows[0] if rows else None,
            reader=reader,
            mode=mode(),
            has_worker=has_live_worker(),
            most_parked=MOST_PARKED,
            page=page.showing(self._seen(page.rows)),
            status=self.status,
            sequence=self.sequence,
            filters=failure_filters().items(),
            subscription=rows[0].subscription if rows else None,
            **context,
        )

    @cached_property
    def progress(self) -> Sequence[Progress]:
        return progress(name=self.kwargs["name"])

    @cached_property
    def reader(self) -> DeclaredReader | None:
        return durable_reader(self.kwargs["name"])

    def _seen(self, rows: Sequence[FailedEvent]) -> Sequence[FailedEvent]:
        return self.sight.of_failures(rows, subscription=self.kwargs["name"])

    def _read(self, start: str | None, limit: int) -> Sequence[FailedEvent]:
        # Failures refer to the row of partition 0.
        heads = [each.subscription.pk for each in self.progress if each.subscription.partition == 0]
        if not heads:
            return []
        found = FailedEvent.objects.filter(subscription=heads[0]).select_related("event")
        found = found.defer("event__data", "event__metadata", "traceback")
        found = found.filter(status=self.status) if self.status else found.exclude(status=FailedEvent.Status.SKIPPED)
        if self.sequence:
            found = found.filter(sequence=self.sequence)
        if start:
            found = found.filter(pk__gt=_position(start))
        return list(found.order_by("pk")[:limit])


def _position(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Http404(f"from={text} is no place in this list")
    return int(text)
