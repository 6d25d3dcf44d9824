"""What a process manager says to an event: asked once, checked, and sorted. Nothing happens here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from event_store.commands import Command, ReasonedCommand
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidProcessManager
from event_store.processes.intents import Cancel, CancelDeadline, Complete, Deadline
from event_store.processes.purity import pure

if TYPE_CHECKING:
    from event_store.processes.manager import ProcessManager


@dataclass(frozen=True)
class Decision:
    """
    Attributes:
        commands: in the order in which they are sent.
        deadlines: to be set or cancelled, in this order.
        end: how the process ends, if it does.
    """

    commands: Sequence[ReasonedCommand] = ()
    deadlines: Sequence[Deadline | CancelDeadline] = ()
    end: Complete | Cancel | None = None


def decide(manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> Decision:
    """
    Raises:
        InvalidProcessManager: `act` has yielded something unknown, or two ends.
        ImpureProcessManager: it has asked the database.
        Whatever `act` raises.
    """
    with pure(f"{type(manager).__name__}.act"):
        intents = list(manager.act(state, event) or ())
    commands: list[ReasonedCommand] = []
    deadlines: list[Deadline | CancelDeadline] = []
    ends: list[Complete | Cancel] = []
    for intent in intents:
        if isinstance(intent, Command):
            commands.append(intent.because(""))
        elif isinstance(intent, ReasonedCommand):
            commands.append(intent)
        elif isinstance(intent, Deadline | CancelDeadline):
            deadlines.append(intent)
        elif isinstance(intent, Complete | Cancel):
            ends.append(intent)
        else:
            raise InvalidProcessManager(
                f"{type(manager).__name__}.act yielded {intent!r}: it yields commands, command.because(…), Deadline(…), "
                "CancelDeadline(…), Complete() or Cancel()."
            )
    if len({type(each) for each in ends}) > 1:
        raise InvalidProcessManager(
            f"{type(manager).__name__}.act yielded Complete() and Cancel(): it is one of the two."
        )
    return Decision(commands, deadlines, ends[0] if ends else None)


def plain_intents(decision: Decision) -> list[dict[str, Any]]:
    """What a step keeps of a decision besides its commands, which have rows of their own."""
    kept: list[dict[str, Any]] = []
    for each in decision.deadlines:
        if isinstance(each, Deadline):
            kept.append(
                {"kind": "deadline", "name": each.name, "data": _time_of(each.after, each.at), "reason": each.reason}
            )
        else:
            kept.append({"kind": "cancel_deadline", "name": each.name, "reason": each.reason})
    if decision.end is not None:
        kept.append({"kind": _kind_of(decision.end), "reason": decision.end.reason})
    return kept


def _time_of(after: Any, at: datetime | None) -> dict[str, Any]:
    return {"after": after.total_seconds()} if at is None else {"at": at.isoformat()}


def _kind_of(end: Complete | Cancel) -> str:
    return "cancel" if isinstance(end, Cancel) else "complete"
