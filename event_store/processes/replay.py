"""What a process has seen, step by step: folded anew, never acted on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from event_store.codec import to_plain
from event_store.events import RecordedEvent
from event_store.processes.folding import apply
from event_store.processes.manager import ProcessManager, process_managers, stream_of
from event_store.stores import event_store

LONGEST_REPLAY = 2000


@dataclass(frozen=True)
class ReplayedStep:
    """
    One event of a process, and the state after it as JSON-like plain data.

    From the step at which `apply` raises on, `state` is None and `error` has the traceback.
    """

    number: int
    event: RecordedEvent[Any]
    state: Any
    waiting_for: str
    error: str


def replay(process_type: str, process_id: str, *, limit: int = LONGEST_REPLAY) -> Iterator[ReplayedStep]:
    """The steps of a process in order, the first `limit` of them. A type that no code declares is folded by nobody."""
    manager_class = process_managers.get(process_type)
    manager = manager_class(process_id) if manager_class else None
    state, error = (manager.State() if manager else None), ""
    for event in event_store.events.in_stream(stream_of(process_type, process_id))[:limit]:
        waiting_for = ""
        if manager and not error:
            try:
                state = apply(manager, state, event)
                waiting_for = manager.awaited_types(state)
            except Exception:
                error = traceback.format_exc()
        plain = None if error or manager is None else to_plain(state)
        yield ReplayedStep(event.position or 0, event, plain, waiting_for, error)


def initial_state(process_type: str) -> Any:
    """The state before the first step as plain data; None where no code declares the type."""
    manager = process_managers.get(process_type)
    return to_plain(manager.State()) if manager else None


def registered_process_managers() -> dict[str, type[ProcessManager]]:
    """Every process manager by its type."""
    return dict(process_managers)
