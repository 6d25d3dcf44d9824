"""The events that processes get from the store itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from event_store.codec import as_stored, to_plain
from event_store.commands import Command
from event_store.events import Event
from event_store.messages import type_of


class CommandRejected(Event, type="event_store.CommandRejected"):
    """
    The handler of a command that a process has sent said no.

    `command` is the command's type, `data` its fields as plain JSON, `command_id` the id of its record.
    """

    process_type: str
    process_id: str
    command_id: UUID
    command: str
    data: Mapping[str, Any]
    reason: str


def rejection_of(
    command: Command, *, command_id: UUID, reason: str, process_type: str, process_id: str
) -> CommandRejected:
    """What a process is told of a command that was rejected."""
    return CommandRejected(
        process_type=process_type,
        process_id=process_id,
        command_id=command_id,
        command=type_of(type(command)),
        data=as_stored(to_plain(command)),
        reason=reason,
    )


class DeadlineReached(Event, type="event_store.DeadlineReached"):
    """A deadline that a process has set is due."""

    process_type: str
    process_id: str
    name: str
    due_at: datetime
