"""A process manager as a durable subscriber: what it does with an event, and what its processes show of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_store.codec import typed
from event_store.durable import stream_sequence
from event_store.events import RecordedEvent
from event_store.models import Process
from event_store.processes.failed_processes import mark_failed, mark_recovered
from event_store.processes.steps import take
from event_store.stores import event_store
from event_store.subscriptions.errors import describe

if TYPE_CHECKING:
    from event_store.processes.manager import ProcessManager


def handle(manager: type[ProcessManager], event: RecordedEvent[Any], process_id: str) -> None:
    """
    Take one event to one of the processes that it belongs to. Runs inside a transaction of its own.

    An event that the process has handled before changes nothing.

    Raises:
        InvalidProcessManager: it cannot be said which processes the event belongs to.
    """
    # Once more: where that raises, the event was parked under its stream.
    for each in manager().process_ids(event) if process_id == stream_sequence(event) else [process_id]:
        take(event_store, manager(each), event)


def fail(manager: type[ProcessManager], event: RecordedEvent[Any], process_id: str, error: Exception) -> None:
    """Show on a process that an event could not be handled."""
    try:
        ids = manager().process_ids(typed(event))
    except Exception:
        return
    if process_id in ids:
        mark_failed(manager.type, process_id, describe(error), using=event_store.backend.using)


def recover(manager: type[ProcessManager], process_id: str) -> None:
    """Show on a process that it goes on, without the event that it failed at."""
    using = event_store.backend.using
    for failed in Process.objects.using(using).filter(type=manager.type, key=process_id).exclude(last_error=""):
        mark_recovered(failed, using=using)
