"""What processes wait for, since when, and why each command was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from browser.cursors import Found, Page, first_of, page_by_key, page_by_number
from browser.json_tree import plain_tree
from browser.stuck import stuck_in_words
from browser.svg import Timeline, timeline
from browser.views.base import VIEW_PROCESSES, Breadcrumb, BrowserView
from event_store import (
    ProcessManager,
    ReplayedStep,
    WaitingGroup,
    count_processes,
    initial_state,
    process_managers,
    replay,
    stuck_processes,
    type_of,
    waiting_groups,
)
from event_store.models import IssuedCommand, Process, ProcessStep

COUNTED_UP_TO = 10_000
MOST_GROUPS = 100
MOST_ATTENTION = 100


def status_labels() -> dict[str, str]:
    """What can be listed, as it is read in this order: stuck ones are waiting, too."""
    return {
        "waiting": _("waiting"),
        "stuck": _("of them stuck"),
        "failed": _("failed"),
        "completed": _("completed"),
        "cancelled": _("cancelled"),
    }


@dataclass(frozen=True)
class Attention:
    process: Process
    status: str
    why: str
    since: datetime


@dataclass(frozen=True)
class StatusCount:
    status: str
    label: str
    count: int
    is_more: bool


@dataclass(frozen=True)
class Step:
    """A replayed step with what was recorded of it; `number` counts from 1."""

    number: int
    replayed: ReplayedStep
    commands: Sequence[IssuedCommand]
    ended_as: str
    end_reason: str
    waiting_for: str


def with_status(status: str) -> QuerySet[Process]:
    """`stuck` ones are waiting, too."""
    if status == "stuck":
        return stuck_processes()
    return Process.objects.filter(status=status)


def needing_attention(view: BrowserView, *, limit: int) -> Found[Attention]:
    """
    Failed processes first, then stuck ones, each with the reason in words; errors may tell of payloads. Those that the
    visitor may not see are left out of the first `limit`.
    """
    failed = list(Process.objects.filter(status=Process.Status.FAILED).order_by("-updated_at")[: limit + 1])
    stuck = list(stuck_processes().order_by("waiting_since")[: limit + 1 - len(failed)])
    hidden = _("hidden: it needs the permission to view the data of events")
    rows = [
        Attention(each, "failed", each.last_error if view.may_see_payload else hidden, each.updated_at)
        for each in failed
    ] + [Attention(each, "stuck", stuck_in_words(each), each.waiting_since or each.updated_at) for each in stuck]
    found = first_of(rows, limit)
    return replace(found, rows=[each for each in found.rows if view.sight.process(each.process.type, each.process.key)])


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
            types=sorted(process_managers),
            only_type=next(iter(process_managers)) if len(process_managers) == 1 else "",
            **context,
        )


class ProcessTypeView(BrowserView):
    """The processes of one type: those that wait, the longest first; others, the newest first."""

    template_name = "browser/process_type.html"
    section = "processes"
    obeys_policy = True
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.type = context["type"]
        self.manager = process_managers.get(self.type)
        if self.manager is None and not Process.objects.filter(type=self.type).exists():
            raise Http404(f"There are no processes of type {self.type}")
        self.status = self.request.GET.get("status", "")
        self.waiting_for = self.request.GET.get("waiting_for")
        page = self._waiting_page() if self.status in ("waiting", "stuck") else self._newest_page()
        page = page.showing([each for each in page.rows if self.sight.process(each.type, each.key)])
        return super().get_context_data(
            manager=self.manager,
            manager_words=_docstring(self.manager),
            reacts_to=[type_of(each) for each in self.manager.reacts_to] if self.manager else [],
            page=page,
            status=self.status,
            statuses=status_labels().items(),
            waiting_for=self.waiting_for,
            stuck={each.pk for each in page.rows if stuck_in_words(each)},
            **context,
        )

    def _queryset(self) -> QuerySet[Process]:
        found = with_status(self.status) if self.status in status_labels() else Process.objects.all()
        found = found.filter(type=self.type)
        return found if self.waiting_for is None else found.filter(waiting_for=self.waiting_for.replace("\0", ""))

    def _newest_page(self) -> Page[Process]:
        def read(before: int | None, after: int | None, limit: int) -> Sequence[Process]:
            found = self._queryset()
            if after is not None:
                return list(found.filter(pk__gt=after).order_by("pk")[:limit])
            found = found if before is None else found.filter(pk__lt=before)
            return list(found.order_by("-pk")[:limit])

        return page_by_number(self.request, read, lambda process: process.pk)

    def _waiting_page(self) -> Page[Process]:
        def read(start: str | None, limit: int) -> Sequence[Process]:
            found = self._queryset().exclude(waiting_since=None)
            if start:
                since, pk = _waiting_position(start)
                found = found.filter(Q(waiting_since__gt=since) | Q(waiting_since=since, pk__gt=pk))
            return list(found.order_by("waiting_since", "pk")[:limit])

        return page_by_key(self.request, read, lambda each: f"{each.waiting_since:%Y-%m-%dT%H:%M:%S.%f%z}_{each.pk}")


class ProcessView(BrowserView):
    """One process: its steps, the state after each, the commands and their reasons."""

    template_name = "browser/process.html"
    section = "processes"
    obeys_policy = True
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        process = Process.objects.filter(type=context["type"], key=context["key"]).first()
        if process is None:
            raise Http404(f"There is no process {context['type']} {context['key']}")
        steps = _steps(process)
        at = self._chosen_step(len(steps))
        why = stuck_in_words(process)
        return super().get_context_data(
            process=process,
            status="stuck" if why else process.status,
            why_stuck=why,
            steps=steps,
            at=at,
            chosen=steps[at - 1] if at else None,
            state=self._state(process, steps, at) if self.may_see_payload else "",
            changes=_changes(process, steps, at) if self.may_see_payload else [],
            timeline=self._timeline(process, steps, at),
            is_known=process.type in process_managers,
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [Breadcrumb(self.kwargs["type"], self.url("process_type", self.kwargs["type"]))]

    def _chosen_step(self, last: int) -> int:
        text = self.request.GET.get("at")
        if text is None:
            return last
        if not text.isascii() or not text.isdigit() or int(text) > last:
            raise Http404(f"There is no step {text}: this process has {last}")
        return int(text)

    def _state(self, process: Process, steps: Sequence[Step], at: int) -> Any:
        state = _state_after(process, steps, at)
        if state is None:
            return ""
        return plain_tree(state, changed=dict(_changes(process, steps, at)))

    def _timeline(self, process: Process, steps: Sequence[Step], at: int) -> Timeline | None:
        if not steps:
            return None
        marks = [(step.number, step.replayed.event, step.commands) for step in steps]
        waits_until = timezone.now() if not process.has_ended else None
        return timeline(marks, selected=at, waits_until=waits_until)


def _steps(process: Process) -> list[Step]:
    commands = IssuedCommand.objects.select_related("equal_to__step", "delivery").order_by("pk")
    recorded = {
        each.number: each
        for each in ProcessStep.objects.filter(process=process).prefetch_related(Prefetch("commands", commands))
    }
    steps = []
    for replayed in replay(process.type, process.key):
        step = recorded.get(replayed.number)
        ended_as = step.ended_as if step else ""
        steps.append(
            Step(
                number=replayed.number + 1,
                replayed=replayed,
                commands=list(step.commands.all()) if step else [],
                ended_as=ended_as,
                end_reason=step.end_reason if step else "",
                waiting_for="" if ended_as else replayed.waiting_for,
            )
        )
    return steps


def _state_after(process: Process, steps: Sequence[Step], at: int) -> Any:
    return steps[at - 1].replayed.state if at else initial_state(process.type)


def _changes(process: Process, steps: Sequence[Step], at: int) -> list[tuple[str, Any]]:
    """Keys that step `at` has changed, with what they were before."""
    after = _state_after(process, steps, at)
    before = _state_after(process, steps, at - 1) if at else after
    if not isinstance(after, dict) or not isinstance(before, dict):
        return []
    return [(key, before.get(key)) for key in after if after[key] != before.get(key)]


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


def _docstring(manager: type[ProcessManager] | None) -> str:
    return (manager.__doc__ or "").strip().partition("\n\n")[0] if manager else ""


def _waiting_position(text: str) -> tuple[datetime, int]:
    since, _separator, pk = text.partition("_")
    try:
        # Without a zone it is none of our links; as UTC it does no harm.
        return datetime.fromisoformat(since).astimezone(UTC), int(pk)
    except (ValueError, OverflowError):
        raise Http404(f"from={text} is no place in this list") from None
