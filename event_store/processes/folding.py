"""Events folded into the state of a process; of a long one, only those behind its newest usable step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from event_store.code_version import code_of
from event_store.codec import to_plain
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidProcessManager
from event_store.models import Process, ProcessStep
from event_store.processes.purity import pure
from event_store.store import EventStore

if TYPE_CHECKING:
    from event_store.processes.manager import ProcessManager

FOLDED_IN_FULL = 50
"""Events of a process that are folded anew at each step, whatever code has folded them before: no state can be stale."""


def state_before(store: EventStore, manager: ProcessManager, process: Process, position: int) -> Any:
    """The state that the events before a position of the process stream amount to."""
    events = store.events.in_stream(process.stream_name).before(position)
    step = _usable_step(store, manager, process) if position > FOLDED_IN_FULL else None
    if step is not None:
        start = restored(manager, step.state_before)
        if start is not None:
            return fold(manager, events.after_or_equal(step.number), start=start)
    return fold(manager, events)


def fold(manager: ProcessManager, events: Iterable[RecordedEvent[Any]], *, start: Any = None) -> Any:
    """The state after these events. Raises ImpureProcessManager, InvalidProcessManager, and whatever `apply` raises."""
    state = manager.State() if start is None else start
    for event in events:
        state = apply(manager, state, event)
    return state


def apply(manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> Any:
    """The next state, checked."""
    with pure(f"{type(manager).__name__}.apply"):
        following = manager.apply(state, event)
    if not isinstance(following, manager.State):
        raise InvalidProcessManager(
            f"{type(manager).__name__}.apply gave {following!r} for {event.type}: it gives the next state, the same one "
            "where the event changes nothing."
        )
    return following


def usable_by(manager: ProcessManager, state: Any, position: int) -> str:
    """Which code can go on from this state, kept as JSON: blank for none, or where nobody will ask."""
    if position < FOLDED_IN_FULL:
        return ""
    again = restored(manager, to_plain(state))
    return code_of_manager(manager) if again is not None and again == state else ""


def code_of_manager(manager: ProcessManager) -> str:
    """64 hexadecimal digits for the source of a class, its bases and its State; blank where there is no source."""
    own = [
        each for each in type(manager).__mro__ if each.__module__ not in ("event_store.processes.manager", "builtins")
    ]
    return code_of([*own, manager.State], version=manager.version)


def _usable_step(store: EventStore, manager: ProcessManager, process: Process) -> ProcessStep | None:
    code = code_of_manager(manager)
    steps = ProcessStep.objects.using(store.backend.using).filter(process=process.pk)
    # Not by its code: the newest one of an old version could stand behind very many others.
    newest = steps.order_by("-number").first()
    return newest if newest is not None and code and newest.usable_by == code else None


def restored(manager: ProcessManager, plain: Any) -> Any:
    """A state that was kept as JSON; None where it does not fit the class of today."""
    try:
        return msgspec.convert(plain, manager.State, str_keys=True)
    except (msgspec.ValidationError, TypeError):
        return None
