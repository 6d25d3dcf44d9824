"""The events that processes get from the store itself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from event_store.events import Event


class CommandRejected(Event, type="event_store.CommandRejected"):
    """
    The handler of a command that a process has sent said no.

    `command` is the command's type, `command_id` the id of its record.
    """

    process_type: str
    process_id: str
    command_id: UUID
    command: str
    reason: str


class DeadlineReached(Event, type="event_store.DeadlineReached"):
    """A deadline that a process has set is due."""

    process_type: str
    process_id: str
    name: str
    due_at: datetime
