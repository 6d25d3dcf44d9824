"""What a process has seen, step by step: folded anew with today's code, beside what was recorded. It never acts."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from event_store.codec import as_stored, to_plain
from event_store.events import RecordedEvent
from event_store.messages import type_of
from event_store.models import IssuedCommand, ProcessStep
from event_store.processes.decisions import decide, plain_intents
from event_store.processes.folding import apply
from event_store.processes.manager import ProcessManager, process_managers, stream_of
from event_store.stores import event_store

LONGEST_REPLAY = 2000


@dataclass(frozen=True)
class Said:
    """
    One thing that `act` said.

    `kind` is "command", "deadline", "cancel_deadline", "complete" or "cancel"; `name` the command's type or the deadline's
    name; `data` the command's fields, or the deadline's seconds (`after`) or time (`at`), as plain data.
    """

    kind: str
    name: str = ""
    data: Any = None
    reason: str = ""

    def is_same_as(self, other: Said) -> bool:
        """Whatever the reasons."""
        return (self.kind, self.name, self.data) == (other.kind, other.name, other.data)


@dataclass(frozen=True)
class ReplayedStep:
    """
    One event of a process, and the state before and after it as JSON-like plain data.

    From the step at which `apply` raises on, `state` is None and `error` has the traceback. `says` is what `act` says
    today, where it was asked then; `said` what was recorded, and `code_version` of which code. `act_error` has the
    traceback where today's `act` raises.
    """

    number: int
    event: RecordedEvent[Any]
    state_before: Any
    state: Any
    waiting_for: str
    error: str
    says: Sequence[Said] = ()
    said: Sequence[Said] = ()
    act_error: str = ""
    code_version: int | None = None

    @property
    def differs(self) -> bool:
        """Whether today's code would have said something else. False where no code declares the type."""
        if self.state is None and not self.error:
            return False
        if self.error or self.act_error or len(self.says) != len(self.said):
            return True
        return not all(now.is_same_as(then) for now, then in zip(self.says, self.said, strict=True))


def replay(process_type: str, process_id: str, *, limit: int = LONGEST_REPLAY) -> Iterator[ReplayedStep]:
    """The steps of a process in order, the first `limit` of them. A type that no code declares is folded by nobody."""
    manager_class = process_managers.get(process_type)
    manager = manager_class(process_id) if manager_class else None
    recorded = _recorded_steps(process_type, process_id, limit=limit)
    state, error = (manager.State() if manager else None), ""
    for event in event_store.events.in_stream(stream_of(process_type, process_id))[:limit]:
        waiting_for, before, step = "", state, recorded.get(event.position or 0)
        says: Sequence[Said] = ()
        act_error = ""
        if manager and not error:
            try:
                state = apply(manager, state, event)
                waiting_for = manager.awaited_types(state)
            except Exception:
                error = traceback.format_exc()
            else:
                says, act_error = _said_today(manager, state, event) if step is None or step.acted else ((), "")
        yield ReplayedStep(
            number=event.position or 0,
            event=event,
            state_before=None if manager is None else to_plain(before),
            state=None if error or manager is None else to_plain(state),
            waiting_for=waiting_for,
            error=error,
            says=says,
            said=_said_then(step) if step else (),
            act_error=act_error,
            code_version=step.code_version if step else None,
        )


def initial_state(process_type: str) -> Any:
    """The state before the first step as plain data; None where no code declares the type."""
    manager = process_managers.get(process_type)
    return to_plain(manager.State()) if manager else None


def _said_today(manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> tuple[tuple[Said, ...], str]:
    try:
        decision = decide(manager, state, event)
    except Exception:
        return (), traceback.format_exc()
    commands = [
        Said("command", type_of(type(each.command)), as_stored(to_plain(each.command)), each.reason)
        for each in decision.commands
    ]
    return (*(Said(**each) for each in plain_intents(decision)), *commands), ""


def _said_then(step: ProcessStep) -> tuple[Said, ...]:
    commands = [Said("command", each.type, each.data, each.reason) for each in step.commands.all()]
    return (*(Said(**each) for each in step.intents), *commands)


def _recorded_steps(process_type: str, process_id: str, *, limit: int) -> Mapping[int, ProcessStep]:
    using = event_store.backend.using
    commands = IssuedCommand.objects.using(using).order_by("pk")
    steps = (
        ProcessStep.objects.using(using)
        .filter(process__type=process_type, process__key=process_id, number__lt=limit)
        .prefetch_related(Prefetch("commands", commands))
    )
    return {each.number: each for each in steps}
