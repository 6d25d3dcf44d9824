"""One conversation as it is read: its events and the commands between them, each with what caused it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from event_store import DeadlineReached, RecordedEvent, type_of
from event_store.models import IssuedCommand

EVENT, COMMAND, DEADLINE = "event", "command", "deadline"


@dataclass(frozen=True)
class Message:
    """
    An event, or a command of a process; one of both is set.

    Attributes:
        kind: "event", "command", or "deadline" for the event that says that one is reached.
        moment: when it was recorded; of a command, no later than its first effect.
        cause_id: of the event or command that led to it.
        stream: the one it was written to, None once that is deleted; of a command, its process's.
    """

    id: UUID
    kind: str
    type: str
    moment: datetime
    cause_id: UUID | None
    stream: str | None
    event: RecordedEvent[str] | None = None
    command: IssuedCommand | None = None


@dataclass(frozen=True)
class Row:
    """A message with the one before it and its cause, where those are shown, too."""

    message: Message
    previous: Message | None
    cause: Message | None

    @property
    def pause(self) -> timedelta | None:
        return _between(self.previous, self.message)

    @property
    def delay(self) -> timedelta | None:
        return _between(self.cause, self.message)


def rows_of(events: Sequence[RecordedEvent[str]], commands: Sequence[IssuedCommand]) -> list[Row]:
    """
    Args:
        events: in global order.
        commands: those that steps of these events issued, with `step` and `process` selected.
    """
    messages = _in_order(events, commands)
    by_id = {each.id: each for each in messages}
    previous = [None, *messages]
    return [
        Row(each, before, by_id.get(each.cause_id) if each.cause_id else None)
        for before, each in zip(previous, messages, strict=False)
    ]


def _in_order(events: Sequence[RecordedEvent[str]], commands: Sequence[IssuedCommand]) -> list[Message]:
    placed = [((index, 1, 0), _of_event(event)) for index, event in enumerate(events)]
    index_of = {event.global_position: index for index, event in enumerate(events)}
    first_effect: dict[UUID | None, int] = {}
    for index, event in enumerate(events):
        first_effect.setdefault(event.causation_id, index)
    times = [event.recorded_at for event in events]
    for number, command in enumerate(commands):
        source, effect = index_of[command.step.event_id], first_effect.get(command.command_id)
        latest = command.issued_at if effect is None else min(command.issued_at, times[effect])
        message = _of_command(command, events[source], max(latest, times[source]))
        # Where it led to nothing, only the clock tells what came after it.
        last = max(source, bisect_right(times, message.moment) - 1)
        placed.append(((last, 2, number) if effect is None else (effect, 0, number), message))
    return [message for _place, message in sorted(placed, key=lambda each: each[0])]


def _of_event(event: RecordedEvent[str]) -> Message:
    kind = DEADLINE if event.type == type_of(DeadlineReached) else EVENT
    return Message(event.id, kind, event.type, event.recorded_at, event.causation_id, event.stream, event=event)


def _of_command(command: IssuedCommand, source: RecordedEvent[str], moment: datetime) -> Message:
    stream = command.process.stream_name
    return Message(command.command_id, COMMAND, command.type, moment, source.id, stream, command=command)


def _between(before: Message | None, after: Message) -> timedelta | None:
    return max(after.moment - before.moment, timedelta(0)) if before else None
