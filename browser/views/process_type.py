"""The processes of one type: what the type is, and its instances, filtered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q
from django.http import Http404
from django.utils import timezone

from browser.cursors import Page, page_by_key, page_by_number
from browser.declared import fields_of, place_of, words_of
from browser.manager_source import Sayings, sayings_of
from browser.permissions import RETRY_PROCESSES
from browser.process_statuses import status_labels
from browser.stuck import stuck_in_words
from browser.views.base import VIEW_PROCESSES
from browser.views.process_filters import ANYTHING, WAITING, FilteredProcesses
from event_store import process_managers, type_of, waiting_groups
from event_store.models import Process, ProcessStep


class ProcessTypeView(FilteredProcesses):
    """
    The processes of one type: those that wait, the longest first; with the beginning of a key, by key; others, the newest
    first.
    """

    template_name = "browser/process_type.html"
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        manager = process_managers.get(self.type)
        if manager is None and not Process.objects.filter(type=self.type).exists():
            raise Http404(f"There are no processes of type {self.type}")
        page = self._page()
        page = page.showing(self._shown(page.rows))
        groups = waiting_groups(process_type=self.type)
        last_events = _last_events(page.rows)
        return super().get_context_data(
            manager=manager,
            manager_words=words_of(manager),
            place=place_of(manager) if manager else "",
            reacts_to=[type_of(each) for each in manager.reacts_to] if manager else [],
            says=sayings_of(manager) if manager else Sayings(),
            state_fields=fields_of(manager.State) if manager else [],
            page=page,
            status=self.status,
            tabs=[(status, label, self.filter_query(status=status)) for status, label in status_labels().items()],
            all_query=self.filter_query(status="", older=""),
            awaited=self._awaited({each.waiting_for for each in groups}),
            without_awaited=self.filter_query(waiting_for=""),
            waiting_for=self.waiting_for,
            anything=ANYTHING,
            older=self.request.GET.get("older", ""),
            older_is_wrong=self.older is None and bool(self.request.GET.get("older", "").strip()),
            key=self.key,
            is_filtered=bool(self.status or self.key or self.older or self.waiting_for is not None),
            retry_query=self.filter_query() if self._may_retry(page) else "",
            stuck={each.pk for each in page.rows if stuck_in_words(each)},
            rows=[(each, last_events.get(each.pk, "")) for each in page.rows],
            late_since=timezone.now() - manager.stuck_after if manager and manager.stuck_after is not None else None,
            **context,
        )

    def _may_retry(self, page: Page[Process]) -> bool:
        return self.status == "failed" and bool(page.rows) and self.may(RETRY_PROCESSES)

    def _awaited(self, known: set[str]) -> list[str]:
        """What can be chosen: what processes wait for at present, and what was asked for."""
        return sorted(known | ({self.waiting_for} if self.waiting_for is not None else set()))

    def _page(self) -> Page[Process]:
        if self.key:
            return self._page_by_key()
        return self._waiting_page() if self.status in WAITING else self._newest_page()

    def _page_by_key(self) -> Page[Process]:
        def read(start: str | None, limit: int) -> Sequence[Process]:
            found = self.filtered()
            found = found.filter(key__gt=start.replace("\0", "")) if start else found
            return list(found.order_by("key")[:limit])

        return page_by_key(self.request, read, lambda process: process.key, shown=self._passing, is_narrowed=True)

    def _newest_page(self) -> Page[Process]:
        def read(before: int | None, after: int | None, limit: int) -> Sequence[Process]:
            found = self.filtered()
            if after is not None:
                return list(found.filter(pk__gt=after).order_by("pk")[:limit])
            found = found if before is None else found.filter(pk__lt=before)
            return list(found.order_by("-pk")[:limit])

        return page_by_number(self.request, read, lambda process: process.pk)

    def _waiting_page(self) -> Page[Process]:
        def read(start: str | None, limit: int) -> Sequence[Process]:
            found = self.filtered().exclude(waiting_since=None)
            if start:
                since, pk = _waiting_position(start)
                found = found.filter(Q(waiting_since__gt=since) | Q(waiting_since=since, pk__gt=pk))
            return list(found.order_by("waiting_since", "pk")[:limit])

        return page_by_key(self.request, read, self._waiting_key, shown=self._passing)

    def _waiting_key(self, process: Process) -> str:
        # Where the next page begins must not tell since when a process waits that is left out.
        if not self._shown([process]):
            return f"${process.pk}"
        return f"{process.waiting_since:%Y-%m-%dT%H:%M:%S.%f%z}_{process.pk}"

    def _shown(self, processes: Sequence[Process]) -> list[Process]:
        return [each for each in processes if self.sight.process(each.type, each.key)]

    @property
    def _passing(self) -> Callable[[Sequence[Process]], Sequence[Process]] | None:
        # That rows were left out would spell hidden keys out, letter by letter.
        return self._shown if self.sight.is_limited else None


def _last_events(processes: Sequence[Process]) -> dict[int, str]:
    """The type of the newest event of each process, by its primary key."""
    newest = ProcessStep.objects.filter(process__in=[each.pk for each in processes], number=F("process__version"))
    return dict(newest.values_list("process_id", "event__type"))


def _waiting_position(text: str) -> tuple[datetime, int]:
    """What a page goes on after: a time and a number, or `$` and the number of a process."""
    if text.startswith("$"):
        return _waiting_position_of(text.removeprefix("$"))
    since, _separator, pk = text.partition("_")
    try:
        # Without a zone it is none of our links; as UTC it does no harm.
        position = datetime.fromisoformat(since).astimezone(UTC), int(pk)
    except (ValueError, OverflowError):
        raise Http404(f"from={text} is no place in this list") from None
    if not 0 <= position[1] < 2**63:
        raise Http404(f"from={text} is no place in this list")
    return position


def _waiting_position_of(number: str) -> tuple[datetime, int]:
    is_number = number.isascii() and number.isdigit() and len(number) <= 18
    process = Process.objects.filter(pk=int(number)).first() if is_number else None
    if process is None or process.waiting_since is None:
        raise Http404(f"from=${number} is no place in this list")
    return process.waiting_since, process.pk
