"""One process: its steps, the state after each, and why each command was sent."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.safestring import SafeString

from browser.permissions import RETRY_PROCESSES
from browser.process_steps import Steps, state_at, steps_around
from browser.state_tree import state_tree
from browser.stuck import stuck_in_words
from browser.svg import timeline
from browser.views.base import VIEW_PROCESSES, Breadcrumb, BrowserView
from event_store import process_managers
from event_store.models import Process


class ProcessView(BrowserView):
    """One process: its steps, the state after each, the commands and their reasons."""

    template_name = "browser/process.html"
    section = "processes"
    obeys_policy = True
    about = "process"
    permission_required = (VIEW_PROCESSES,)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        process = process_or_404(context["type"], context["key"])
        at = step_number(self.request, "at", last=process.version + 1)
        steps = steps_around(process, at, may_see_payload=self.may_see_payload)
        why = stuck_in_words(process)
        return super().get_context_data(
            process=process,
            status="stuck" if why else process.status,
            why_stuck=why,
            steps=steps,
            at=at,
            last=process.version + 1,
            manager=process_managers.get(process.type),
            may_retry=bool(process.last_error) and self.may(RETRY_PROCESSES),
            state=_state(process, steps) if self.may_see_payload else "",
            timeline=timeline(
                steps.rows,
                steps.deadlines,
                selected=at,
                waiting_since=None if process.has_ended else process.waiting_since or process.updated_at,
                last=steps.total,
            ),
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [Breadcrumb(self.kwargs["type"], self.url("process_type", self.kwargs["type"]))]


def process_or_404(process_type: str, key: str) -> Process:
    process = Process.objects.filter(type=process_type, key=key).first()
    if process is None:
        raise Http404(f"There is no process {process_type} {key}")
    return process


def step_number(request: HttpRequest, name: str, *, last: int, default: int | None = None) -> int:
    """A step that was asked for, 0 for the state before the first; `default`, or the last, where none was."""
    text = request.GET.get(name, str(last if default is None else default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if number is None or number > last:
        raise Http404(f"There is no step {text}: this process has {last}")
    return number


def _state(process: Process, steps: Steps) -> SafeString | str:
    chosen = steps.chosen
    state = chosen.replayed.state if chosen else state_at(process, steps.at)
    if state is None:
        return ""
    return state_tree(state, before=chosen.replayed.state_before if chosen else None)
