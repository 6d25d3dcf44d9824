"""One event, one process, one transaction: link, fold, act, record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from django.db.models import Exists, OuterRef
from django.utils import timezone

from event_store.codec import fingerprint, to_plain, typed
from event_store.commands import Command, ReasonedCommand, dispatch
from event_store.context import current_time
from event_store.durable import stream_sequence
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidProcessManager
from event_store.messages import type_of
from event_store.models import IssuedCommand, Process, ProcessStep
from event_store.processes.intents import Complete
from event_store.store import EventStore
from event_store.stores import event_store
from event_store.subscriptions.errors import describe

if TYPE_CHECKING:
    from event_store.processes.manager import ProcessManager


@dataclass(frozen=True)
class _Decision:
    """What `act` wants, sorted."""

    commands: Sequence[ReasonedCommand]
    completes: bool


def handle(manager: type[ProcessManager], event: RecordedEvent[Any], process_id: str) -> None:
    """
    Take one event to one of the processes that it belongs to. Runs inside a transaction of its own.

    An event that the process has handled before changes nothing.

    Raises:
        InvalidProcessManager: it cannot be said which processes the event belongs to.
    """
    # Once more: where that raises, the event was parked under its stream.
    for each in manager().process_ids(event) if process_id == stream_sequence(event) else [process_id]:
        _step(event_store, manager(each), event)


def fail(manager: type[ProcessManager], event: RecordedEvent[Any], process_id: str, error: Exception) -> None:
    """Show on a process that an event could not be handled."""
    try:
        ids = manager().process_ids(typed(event))
    except Exception:
        return
    if process_id in ids:
        _mark_failed(manager.type, process_id, describe(error))


def recover(manager: type[ProcessManager], process_id: str) -> None:
    """Show on a process that it goes on, without the event that it failed at."""
    failed = Process.objects.using(event_store.backend.using).filter(
        type=manager.type, key=process_id, status=Process.Status.FAILED
    )
    failed.update(status=Process.Status.WAITING, last_error="", updated_at=timezone.now())


def _step(store: EventStore, manager: ProcessManager, event: RecordedEvent[Any]) -> None:
    process = _load(manager, event, using=store.backend.using)
    if getattr(process, "has_handled_event", False):
        return
    [linked] = store.link_reserved(event, stream=process.stream_name, expected_version=process.version)
    state_before = fold(manager, store.events.in_stream(process.stream_name).before(_position(linked)))
    state = manager.apply(state_before, linked)
    was_completed = process.status == Process.Status.COMPLETED
    decision = _Decision([], completes=False) if was_completed else _decide(manager, state, linked)
    completed = was_completed or decision.completes
    _save_process(process, manager, state, linked, completed=completed, using=store.backend.using)
    # Keys in place of objects: those would ask a router whether they may be related.
    step = ProcessStep.objects.using(store.backend.using).create(
        process_id=process.pk,
        event_id=event.global_position,
        number=_position(linked),
        state_before=to_plain(state_before),
        completed=decision.completes,
        handled_at=current_time(),
    )
    _issue(store, step, process, linked, decision.commands)


def fold(manager: ProcessManager, events: Iterable[RecordedEvent[Any]]) -> Any:
    """The state after these events."""
    state = manager.State()
    for event in events:
        state = manager.apply(state, event)
    return state


def _load(manager: ProcessManager, event: RecordedEvent[Any], *, using: str) -> Process:
    handled = ProcessStep.objects.filter(process=OuterRef("pk"), event=event.global_position)
    known = Process.objects.using(using).filter(type=manager.type, key=manager.id)
    return known.annotate(has_handled_event=Exists(handled)).first() or Process(
        type=manager.type, key=manager.id, started_at=event.recorded_at
    )


def _decide(manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> _Decision:
    commands, completes = [], False
    for intent in manager.act(state, event) or ():
        if isinstance(intent, Complete):
            completes = True
        elif isinstance(intent, Command):
            commands.append(intent.because(""))
        elif isinstance(intent, ReasonedCommand):
            commands.append(intent)
        else:
            raise InvalidProcessManager(
                f"{type(manager).__name__}.act yielded {intent!r}: it yields commands, command.because(…) or Complete()."
            )
    return _Decision(commands, completes)


def _save_process(
    process: Process, manager: ProcessManager, state: Any, event: RecordedEvent[Any], *, completed: bool, using: str
) -> None:
    awaited = "" if completed else manager.awaited_types(state)
    if completed:
        process.waiting_since = None
    elif awaited != process.waiting_for or process.waiting_since is None:
        process.waiting_since = event.recorded_at
    process.status = Process.Status.COMPLETED if completed else Process.Status.WAITING
    process.waiting_for, process.last_error = awaited, ""
    process.version, process.step_count = _position(event), process.step_count + 1
    process.updated_at = event.recorded_at
    process.save(using=using)


def _issue(
    store: EventStore,
    step: ProcessStep,
    process: Process,
    event: RecordedEvent[Any],
    commands: Sequence[ReasonedCommand],
) -> None:
    issued = IssuedCommand.objects.using(store.backend.using).filter(process=process.pk)
    for number, reasoned in enumerate(commands):
        command, command_id = reasoned.command, _command_id(process, event, number)
        content = fingerprint(type_of(type(command)), command)
        earlier = issued.filter(fingerprint=content, outcome=IssuedCommand.Outcome.ACCEPTED).first()
        if earlier is None:
            dispatch(command, command_id=command_id, correlation_id=event.correlation_id)
        IssuedCommand.objects.using(store.backend.using).create(
            command_id=command_id,
            step_id=step.pk,
            process_id=process.pk,
            type=type_of(type(command)),
            data=to_plain(command),
            fingerprint=content,
            reason=reasoned.reason,
            outcome=IssuedCommand.Outcome.SUPPRESSED if earlier else IssuedCommand.Outcome.ACCEPTED,
            equal_to_id=earlier.pk if earlier else None,
            issued_at=current_time(),
        )


def _command_id(process: Process, event: RecordedEvent[Any], number: int) -> UUID:
    return uuid5(event.id, f"{process.stream_name}#{number}")


def _mark_failed(process_type: str, process_id: str, error: str) -> None:
    now = timezone.now()
    known = Process.objects.using(event_store.backend.using).filter(type=process_type, key=process_id)
    if known.filter(status=Process.Status.COMPLETED).update(last_error=error):
        # It stays completed, or the next attempt would act once more.
        return
    Process.objects.using(event_store.backend.using).update_or_create(
        type=process_type,
        key=process_id,
        defaults={"status": Process.Status.FAILED, "last_error": error, "updated_at": now},
        create_defaults={
            "status": Process.Status.FAILED,
            "last_error": error,
            "updated_at": now,
            "started_at": now,
            "waiting_since": now,
        },
    )


def _position(event: RecordedEvent[Any]) -> int:
    if event.position is None:
        raise AssertionError("an event that was just linked has a position")
    return event.position
