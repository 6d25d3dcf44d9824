"""Having all failed processes of a list go on, each on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from django.http import Http404
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from browser.cursors import GREATEST
from browser.permissions import RETRY_PROCESSES, VIEW_PROCESSES
from browser.views.action import ActionView, Done, note, outcome_of
from browser.views.base import Breadcrumb
from browser.views.command_actions import sees_what_failed
from browser.views.process_filters import FilteredProcesses
from event_store import EventStoreError, process_managers, retry_process
from event_store.models import Process

MOST_RETRIED = 1_000
MOST_SHOWN = 5
# So many rows are read, at most, to find some that a policy shows.
MOST_READS = 10
SECONDS = 20


@dataclass(frozen=True)
class Seen:
    """What the form was about: processes up to this one that have not changed since this moment."""

    last: int
    moment: datetime

    def __str__(self) -> str:
        return f"{self.last}_{self.moment.isoformat()}"

    @classmethod
    def parsed(cls, text: str) -> Seen | None:
        last, _separator, moment = text.partition("_")
        try:
            found = parse_datetime(moment)
        except ValueError:
            return None
        number = _number(last)
        return None if number is None or found is None or found.tzinfo is None else cls(number, found)


@dataclass
class Tally:
    """`last`: the key of the last row that was tried."""

    last: int
    went_on: int = 0
    failed: int = 0
    passed_over: int = 0
    left: int = 0


class RetryProcessesView(FilteredProcesses, ActionView):
    """
    The failed ones of a list, in their order, a thousand at most. What is left after some time is for the next form, which
    goes on behind the last one that was tried (`after` in its address).
    """

    template_name = "browser/process_bulk.html"
    title = gettext_lazy("Have these processes go on?")
    button = gettext_lazy("Retry them now")
    permission_required = (VIEW_PROCESSES, RETRY_PROCESSES)
    _next = ""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        if self.type not in process_managers and not Process.objects.filter(type=self.type).exists():
            raise Http404(f"There are no processes of type {self.type}")
        shown = [each.pk for each in self._meant[:MOST_SHOWN]]
        return super().get_context_data(
            processes=list(Process.objects.filter(pk__in=shown).order_by("pk")),
            further=len(self._meant) - len(shown),
            waiting_for=self.waiting_for,
            key=self.key,
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [Breadcrumb(self.type, self.url("process_type", self.type))]

    def already(self) -> str:
        if self._meant:
            return ""
        return _("Already handled: none of these processes has failed, or each was tried again meanwhile.")

    def seen(self) -> str:
        if self._form is not None:
            return str(self._form)
        return str(Seen(self._meant[-1].pk, max(each.updated_at for each in self._meant)))

    def meaning(self) -> list[str]:
        count = len(self._meant)
        return [
            ngettext(
                "%(number)d failed process is tried again now, on this server, while you wait.",
                "%(number)d failed processes are tried again now, one after the other, on this server, while you wait.",
                count,
            )
            % {"number": count},
            *([_("They are the first of more: a further form is about the others.")] if self._are_more else []),
            _(
                "The parked events of each are handled; a command that was given up is delivered, with the same idempotency key."
            ),
            _("One that fails again stays as it is, with the new error, and does not stop the others."),
            _("After %(number)d seconds no further one is begun; you are told how many are left.")
            % {"number": SECONDS},
        ]

    def act(self, reason: str) -> Tally:
        ends = monotonic() + SECONDS
        tally = Tally(self._after)
        for process in self._meant:
            self._try(process, tally)
            if monotonic() >= ends:
                break
        tally.left = len(self._read(tally.last, None))
        if tally.left:
            self._next = self.url("retry_processes", self.type) + self.filter_query(after=str(tally.last))
        return tally

    def told(self, result: Tally, reason: str) -> Done:
        return Done(" ".join(_sentences(result)), "", went_well=not (result.failed or result.passed_over))

    def logged(self) -> None:
        """Nothing more: each process has an entry of its own."""

    def back_url(self) -> str:
        return self.url("process_type", self.type) + self.filter_query()

    def next_url(self) -> str:
        return self._next or self.back_url()

    def _try(self, process: Process, tally: Tally) -> None:
        tally.last = process.pk
        if not sees_what_failed(self.sight, process):
            tally.passed_over += 1
            return
        try:
            went_on = retry_process(process.type, process.key, updated_at=process.updated_at)
        except EventStoreError:
            tally.passed_over += 1
            return
        tally.went_on += went_on
        tally.failed += not went_on
        note(self.request, process, outcome_of(went_on, well="", badly="").note)

    @property
    def _meant(self) -> list[Process]:
        return self._found[:MOST_RETRIED]

    @property
    def _are_more(self) -> bool:
        return len(self._found) > MOST_RETRIED

    @cached_property
    def _found(self) -> list[Process]:
        return self._read(self._after, self._form)

    @cached_property
    def _form(self) -> Seen | None:
        return Seen.parsed(self.request.POST.get("seen", ""))

    @cached_property
    def _after(self) -> int:
        asked = self.request.GET.get("after", "0")
        number = _number(asked)
        if number is None:
            raise Http404(f"after={asked} is no place in this list")
        return number

    def _read(self, after: int, seen: Seen | None) -> list[Process]:
        """Those that the visitor may see, and one more than can be retried at once."""
        found: list[Process] = []
        for rows in self._batches(after, seen):
            found += [each for each in rows if self.sight.process(each.type, each.key)]
            if len(found) > MOST_RETRIED:
                break
        return found[: MOST_RETRIED + 1]

    def _batches(self, after: int, seen: Seen | None) -> Iterator[list[Process]]:
        failed = self.filtered().filter(status=Process.Status.FAILED).defer("last_error").order_by("pk")
        if seen is not None:
            failed = failed.filter(pk__lte=seen.last, updated_at__lte=seen.moment)
        for _turn in range(MOST_READS):
            rows = list(failed.filter(pk__gt=after)[: MOST_RETRIED + 1])
            yield rows
            if len(rows) <= MOST_RETRIED:
                return
            after = rows[-1].pk


def _number(text: str) -> int | None:
    """A primary key; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= GREATEST else None


def _sentences(tally: Tally) -> Iterator[str]:
    yield _("Went on: %(count)d.") % {"count": tally.went_on}
    if tally.failed:
        yield _("Failed again: %(count)d; the page of each says why.") % {"count": tally.failed}
    if tally.passed_over:
        yield _(
            "Passed over: %(count)d, which somebody else is at, for which no code is loaded here, or with events that you may not see."
        ) % {"count": tally.passed_over}
    if tally.left:
        number = f"{MOST_RETRIED}+" if tally.left > MOST_RETRIED else str(tally.left)
        yield _("Left: %(number)s, which this form is about.") % {"number": number}
