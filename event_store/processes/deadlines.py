"""Deadlines of processes: set and cancelled by steps, and turned into `DeadlineReached` once they are due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Min, QuerySet

from event_store.context import cause_block
from event_store.events import NewEvent, RecordedEvent
from event_store.identifiers import new_id
from event_store.models import Process, ProcessDeadline, ProcessStep, StoredEvent
from event_store.processes.clock import now_of
from event_store.processes.events import DeadlineReached
from event_store.processes.intents import CancelDeadline, Deadline
from event_store.store import EventStore
from event_store.stores import event_store

WAITING, REACHED, CANCELLED = (
    ProcessDeadline.Status.WAITING,
    ProcessDeadline.Status.REACHED,
    ProcessDeadline.Status.CANCELLED,
)
READ_SIZE = 100


def stream_of_reached(process_type: str) -> str:
    """Where the `DeadlineReached` of all processes of a type are written to; each is linked into its process's stream."""
    return f"event_store.DeadlineReached${process_type}"


def change(
    process: Process,
    step: ProcessStep,
    event: RecordedEvent[object],
    wanted: Sequence[Deadline | CancelDeadline],
    *,
    using: str,
) -> None:
    """Set and cancel what `act` has said. Inside the step's transaction."""
    for each in wanted:
        known = _of(process, using=using).exclude(status=CANCELLED).filter(name=each.name).order_by("-pk").first()
        if isinstance(each, Deadline):
            if known is not None and _is_same(known, each):
                continue
            _cancel(_open(process, using=using).filter(name=each.name), step)
            ProcessDeadline.objects.using(using).create(
                process_id=process.pk,
                name=each.name,
                due_at=each.due_at(event.recorded_at),
                duration=each.after,
                reason=each.reason,
                set_by_id=step.pk,
            )
        elif known is not None:
            # One that was reached, too: so that it can be set again.
            _of(process, using=using).filter(pk=known.pk).update(status=CANCELLED)
            _of(process, using=using).filter(pk=known.pk, ended_by=None).update(ended_by_id=step.pk)


def cancel_all(process: Process, step: ProcessStep, *, using: str) -> None:
    """The process has ended: nothing is due any more."""
    _cancel(_open(process, using=using), step)


def is_awaited(process: Process, event_id: UUID, *, using: str) -> bool:
    """Whether the deadline of a `DeadlineReached` still holds: it may have been cancelled after it was due."""
    return process.pk is not None and _open(process, using=using).filter(status=REACHED, event_id=event_id).exists()


def note_seen(process: Process, step: ProcessStep, event_id: UUID, *, using: str) -> None:
    """A step has handled a `DeadlineReached`."""
    _open(process, using=using).filter(event_id=event_id).update(ended_by_id=step.pk)


def next_deadline(process: Process, *, using: str) -> datetime | None:
    """The earliest deadline that no step has seen yet."""
    earliest: datetime | None = _open(process, using=using).aggregate(earliest=Min("due_at"))["earliest"]
    return earliest


def reach_due_deadlines(store: EventStore = event_store, stopping: Callable[[], bool] = lambda: False) -> int:
    """
    Have a `DeadlineReached` arrive for every deadline that is due: once for each, by whoever comes first.

    It stands behind all events that were there before, and is handled behind them: what was published in time, and is
    handled late, can still cancel it. Workers call this at each look.

    Args:
        stopping: asked before each one; True ends it.
    Returns:
        How many there were.
    """
    using, reached = store.backend.using, 0
    due = (
        ProcessDeadline.objects.using(using).filter(status=WAITING, due_at__lte=now_of(using)).order_by("due_at", "pk")
    )
    while ids := list(due.values_list("pk", flat=True)[:READ_SIZE]):
        for each in ids:
            if stopping():
                return reached
            reached += _reach(store, each)
    return reached


def _reach(store: EventStore, deadline_id: int) -> bool:
    using, event_id = store.backend.using, new_id()
    with store.atomic():
        waiting = ProcessDeadline.objects.using(using).filter(pk=deadline_id, status=WAITING)
        # The lock of the row decides who it is; the others find it reached.
        if not waiting.update(status=REACHED, event_id=event_id):
            return False
        deadline = ProcessDeadline.objects.using(using).select_related("process", "set_by").get(pk=deadline_id)
        process = deadline.process
        cause = StoredEvent.objects.using(using).only("event_id", "correlation_id").get(pk=deadline.set_by.event_id)
        reached = DeadlineReached(
            process_type=process.type, process_id=process.key, name=deadline.name, due_at=deadline.due_at
        )
        with cause_block(causation_id=cause.event_id, correlation_id=cause.correlation_id):
            store.publish_reserved(NewEvent(reached, id=event_id), stream=stream_of_reached(process.type))
    return True


def _of(process: Process, *, using: str) -> QuerySet[ProcessDeadline]:
    return ProcessDeadline.objects.using(using).filter(process=process.pk)


def _open(process: Process, *, using: str) -> QuerySet[ProcessDeadline]:
    return _of(process, using=using).filter(status__in=[WAITING, REACHED], ended_by=None)


def _cancel(deadlines: QuerySet[ProcessDeadline], step: ProcessStep) -> None:
    deadlines.update(status=CANCELLED, ended_by_id=step.pk)


def _is_same(known: ProcessDeadline, wanted: Deadline) -> bool:
    if wanted.after is not None:
        return bool(known.duration == wanted.after)
    return known.duration is None and bool(known.due_at == wanted.at)
