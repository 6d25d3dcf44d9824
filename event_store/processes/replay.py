"""What a process has seen, step by step: folded anew with today's code, beside what was recorded. It never acts."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from event_store.codec import as_stored, to_plain, typed
from event_store.events import RecordedEvent
from event_store.messages import type_of
from event_store.models import IssuedCommand, ProcessStep
from event_store.processes.decisions import decide, plain_intents
from event_store.processes.folding import apply, restored
from event_store.processes.manager import ProcessManager, process_managers, stream_of
from event_store.stores import event_store

LONGEST_REPLAY = 2000
"""Steps that are given at a time, and events that are folded before the first of them."""


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

    From the step at which `apply` raises on, `state` is None, `error` has the traceback and `failed_at` the number of that
    step; an event that today's class cannot read is such a one, its `data` the JSON text. `waiting_since` is None where
    that was before the first event that was folded. `says` is what `act` says today, where it was asked then; `said`
    what was recorded, and `code_version` of which code. `act_error` has the traceback where today's `act` raises.
    `recorded` is the step's row; its commands, their deliveries and what they are equal to are read with it.
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
    waiting_since: datetime | None = None
    failed_at: int | None = None
    recorded: ProcessStep | None = None

    @property
    def differs(self) -> bool:
        """Whether today's code would have said something else. False where no code declares the type."""
        if self.state is None and not self.error:
            return False
        if self.error or self.act_error or len(self.says) != len(self.said):
            return True
        return not all(now.is_same_as(then) for now, then in zip(self.says, self.said, strict=True))

    @property
    def state_differs(self) -> bool:
        """Whether the state before it, folded today, is another than the recorded one. False where it was not folded."""
        if self.recorded is None or self.state_before is None:
            return False
        try:
            return bool(as_stored(self.state_before) != self.recorded.state_before)
        except Exception:
            return True


def replay(
    process_type: str, process_id: str, *, start: int = 0, limit: int = LONGEST_REPLAY
) -> Iterator[ReplayedStep]:
    """
    The steps of a process in order. A type that no code declares is folded by nobody.

    Args:
        start: number of the first step, from 0. Those before it are folded with today's code; where they are more than
            2,000, the state that was recorded with this step takes their place.
        limit: of steps.
    """
    manager_class = process_managers.get(process_type)
    folding = _Folding(manager_class(process_id) if manager_class else None)
    recorded = _recorded_steps(process_type, process_id, start=start, limit=limit)
    events = event_store.events.in_stream(stream_of(process_type, process_id)).as_json().before(start + limit)
    if start > LONGEST_REPLAY:
        events = events.after_or_equal(start)
        folding.go_on_from(recorded.get(start), start)
    for event in events:
        number = event.position or 0
        if number < start:
            folding.take(event)
        else:
            yield folding.step(event, recorded.get(number))


def initial_state(process_type: str) -> Any:
    """The state before the first step as plain data; None where no code declares the type, or JSON cannot hold it."""
    manager = process_managers.get(process_type)
    return _Folding(manager("") if manager else None).plain_state()


class _Folding:
    """The state of a process, event by event up to the one at which that raises."""

    def __init__(self, manager: ProcessManager | None) -> None:
        self._manager = manager
        self._state: Any = manager.State() if manager else None
        self._awaited: str | None = None
        self._since: datetime | None = None
        self._error = ""
        self._failed_at: int | None = None
        self._plain: tuple[Any, Any] | None = None

    def go_on_from(self, step: ProcessStep | None, number: int) -> None:
        """Begin with the state that was recorded with a step."""
        if self._manager is None:
            return
        self._state = restored(self._manager, step.state_before) if step else None
        if self._state is None:
            self._error = (
                f"What was recorded before step {number + 1} does not fit {self._manager.type}.State of today."
            )
            self._failed_at = number
            return
        try:
            self._awaited = self._manager.awaited_types(self._state)
        except Exception:
            self._fail(number)

    def take(self, event: RecordedEvent[str]) -> RecordedEvent[Any]:
        """Fold one event; it is given back with its data, where today's code can read them."""
        try:
            read = typed(event)
        except Exception:
            self._fail(event.position)
            return event
        if self._manager and not self._error:
            try:
                self._state = apply(self._manager, self._state, read)
                self._wait(self._manager.awaited_types(self._state), read.recorded_at)
            except Exception:
                self._fail(event.position)
        return read

    def step(self, event: RecordedEvent[str], recorded: ProcessStep | None) -> ReplayedStep:
        before = self.plain_state(event.position)
        read = self.take(event)
        state = self.plain_state(event.position)
        says, act_error = self._said_today(read) if recorded is None or recorded.acted else ((), "")
        return ReplayedStep(
            number=event.position or 0,
            event=read,
            state_before=before,
            state=state,
            waiting_for="" if self._error else self._awaited or "",
            error=self._error,
            says=says,
            said=_said_then(recorded) if recorded else (),
            act_error=act_error,
            code_version=recorded.code_version if recorded else None,
            waiting_since=None if self._error else self._since,
            failed_at=self._failed_at,
            recorded=recorded,
        )

    def plain_state(self, number: int | None = None) -> Any:
        if self._manager is None or self._error:
            return None
        if self._plain is None or self._plain[0] is not self._state:
            try:
                self._plain = self._state, to_plain(self._state)
            except Exception:
                self._fail(number)
                return None
        return self._plain[1]

    def _wait(self, awaited: str, since: datetime) -> None:
        if awaited != self._awaited:
            self._awaited, self._since = awaited, since

    def _fail(self, number: int | None) -> None:
        if self._manager and not self._error:
            self._error, self._failed_at = traceback.format_exc(), number

    def _said_today(self, event: RecordedEvent[Any]) -> tuple[tuple[Said, ...], str]:
        if self._manager is None or self._error:
            return (), ""
        return _said_today(self._manager, self._state, event)


def _said_today(manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> tuple[tuple[Said, ...], str]:
    try:
        decision = decide(manager, state, event)
        commands = [
            Said("command", type_of(type(each.command)), as_stored(to_plain(each.command)), each.reason)
            for each in decision.commands
        ]
    except Exception:
        return (), traceback.format_exc()
    return (*(Said(**each) for each in plain_intents(decision)), *commands), ""


def _said_then(step: ProcessStep) -> tuple[Said, ...]:
    commands = [Said("command", each.type, each.data, each.reason) for each in step.commands.all()]
    return (*(Said(**each) for each in step.intents), *commands)


def _recorded_steps(process_type: str, process_id: str, *, start: int, limit: int) -> Mapping[int, ProcessStep]:
    using = event_store.backend.using
    commands = IssuedCommand.objects.using(using).select_related("equal_to__step", "delivery").order_by("pk")
    steps = (
        ProcessStep.objects.using(using)
        .filter(process__type=process_type, process__key=process_id, number__gte=start, number__lt=start + limit)
        .prefetch_related(Prefetch("commands", commands))
    )
    return {each.number: each for each in steps}
