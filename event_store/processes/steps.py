"""One event, one process, one transaction: link, fold, act, record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from django.db.models import Exists, OuterRef

from event_store.codec import fingerprint, to_plain
from event_store.commands import ReasonedCommand, dispatch, handler_of
from event_store.context import cause_block, current_time
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidProcessManager, Rejected
from event_store.messages import type_of
from event_store.models import IssuedCommand, Process, ProcessStep
from event_store.processes import deadlines, deliveries
from event_store.processes.decisions import Decision, decide, plain_intents
from event_store.processes.events import CommandRejected, DeadlineReached, rejection_of
from event_store.processes.failed_processes import has_given_up
from event_store.processes.folding import apply, state_before, usable_by
from event_store.processes.intents import Cancel
from event_store.store import EventStore
from event_store.subscriptions.database import is_postgresql

if TYPE_CHECKING:
    from event_store.processes.manager import ProcessManager

MOST_STEPS = 100
"""In one transaction: the event, and what its commands were rejected with, and so on."""
SENT = (IssuedCommand.Outcome.ACCEPTED, IssuedCommand.Outcome.PENDING, IssuedCommand.Outcome.FAILED)
"""Outcomes of commands of which an equal one is not sent again."""


def take(store: EventStore, manager: ProcessManager, event: RecordedEvent[Any]) -> None:
    """
    Take an event to a process: one step, and one for each command that was rejected. Inside a transaction.

    An event that the process has handled before changes nothing; neither does a deadline that was cancelled meanwhile.

    Raises:
        WrongExpectedVersion: somebody else was at this process: to be repeated from the beginning.
    """
    using = store.backend.using
    process = _load(manager, event, using=using)
    if getattr(process, "has_handled_event", False):
        return
    if isinstance(event.data, DeadlineReached) and not deadlines.is_awaited(process, event.id, using=using):
        return
    [linked] = store.link_reserved(event, stream=process.stream_name, expected_version=process.version)
    rejected = deque(_step(store, manager, process, linked))
    while rejected:
        if process.version - _position(linked) >= MOST_STEPS:
            raise InvalidProcessManager(
                f"{type(manager).__name__} answers each rejected command with another one, {MOST_STEPS} times over: try "
                "again later, with a Deadline."
            )
        with cause_block(causation_id=rejected[0].command_id, correlation_id=event.correlation_id):
            appended = store.publish_reserved(
                rejected.popleft(), stream=process.stream_name, expected_version=process.version
            )
        rejected.extend(_step(store, manager, process, appended))


def _load(manager: ProcessManager, event: RecordedEvent[Any], *, using: str) -> Process:
    handled = ProcessStep.objects.filter(process=OuterRef("pk"), event=event.global_position)
    known = Process.objects.using(using).filter(type=manager.type, key=manager.id)
    if is_postgresql(using):
        # Retries and workers that are at the same process wait here, in place of conflicts.
        known = known.select_for_update(no_key=True)
    return known.annotate(has_handled_event=Exists(handled)).first() or Process(
        type=manager.type, key=manager.id, started_at=event.recorded_at
    )


def _step(
    store: EventStore, manager: ProcessManager, process: Process, event: RecordedEvent[Any]
) -> list[CommandRejected]:
    """What was rejected."""
    using, position = store.backend.using, _position(event)
    before = state_before(store, manager, process, position)
    state = apply(manager, before, event)
    had_ended = process.has_ended
    acts = not had_ended and manager.acts_on(event)
    decision = decide(manager, state, event) if acts else Decision()
    # What could not be delivered stays so, whatever else happens.
    is_failed = bool(process.last_error) and has_given_up(process, using=using)
    _move_on(process, manager, state, event, decision, is_failed=is_failed)
    process.save(using=using)
    # Keys in place of objects: those would ask a router whether they may be related.
    step = ProcessStep.objects.using(using).create(
        process_id=process.pk,
        event_id=event.global_position,
        number=position,
        state_before=to_plain(before),
        code_version=manager.version,
        usable_by=usable_by(manager, before, position),
        acted=acts,
        ended_as=process.status if process.has_ended and not had_ended else "",
        intents=plain_intents(decision),
        end_reason=decision.end.reason if decision.end else "",
        handled_at=current_time(),
    )
    _change_deadlines(process, step, event, decision, had_ended=had_ended, using=using)
    return _issue(store, step, process, event, decision.commands)


def _move_on(
    process: Process,
    manager: ProcessManager,
    state: Any,
    event: RecordedEvent[Any],
    decision: Decision,
    *,
    is_failed: bool,
) -> None:
    if decision.end is not None:
        process.status = Process.Status.CANCELLED if isinstance(decision.end, Cancel) else Process.Status.COMPLETED
    elif not (process.has_ended or is_failed):
        process.status = Process.Status.WAITING
    awaited = "" if process.has_ended else manager.awaited_types(state)
    if process.has_ended:
        process.waiting_since = None
    elif awaited != process.waiting_for or process.waiting_since is None:
        process.waiting_since = event.recorded_at
    process.waiting_for = awaited
    if not is_failed:
        process.last_error = ""
    process.version, process.step_count = _position(event), process.step_count + 1
    process.updated_at = event.recorded_at


def _change_deadlines(
    process: Process,
    step: ProcessStep,
    event: RecordedEvent[Any],
    decision: Decision,
    *,
    had_ended: bool,
    using: str,
) -> None:
    is_reached = isinstance(event.data, DeadlineReached)
    if is_reached:
        deadlines.note_seen(process, step, event.id, using=using)
    if decision.end is not None and not had_ended:
        if process.next_deadline is not None:
            deadlines.cancel_all(process, step, using=using)
    elif decision.deadlines:
        deadlines.change(process, step, event, decision.deadlines, using=using)
    elif not is_reached:
        return
    following = deadlines.next_deadline(process, using=using)
    if following != process.next_deadline:
        process.next_deadline = following
        process.save(using=using, update_fields=["next_deadline"])


def _issue(
    store: EventStore,
    step: ProcessStep,
    process: Process,
    event: RecordedEvent[Any],
    commands: Sequence[ReasonedCommand],
) -> list[CommandRejected]:
    """What was rejected."""
    using, rejections = store.backend.using, []
    for number, reasoned in enumerate(commands):
        command, command_id = reasoned.command, _command_id(process, event, number)
        name, rejection = type_of(type(command)), ""
        content = fingerprint(name, command)
        earlier = None if command.__repeatable__ else _sent(process, content, using=using)
        is_outside = earlier is None and handler_of(type(command)).outside
        if earlier is None and not is_outside:
            try:
                dispatch(command, command_id=command_id, correlation_id=event.correlation_id)
            except Rejected as error:
                rejection = error.reason
                rejections.append(
                    rejection_of(
                        command,
                        command_id=command_id,
                        reason=rejection,
                        process_type=process.type,
                        process_id=process.key,
                    )
                )
        issued = IssuedCommand.objects.using(using).create(
            command_id=command_id,
            step_id=step.pk,
            process_id=process.pk,
            type=name,
            data=to_plain(command),
            fingerprint=content,
            reason=reasoned.reason,
            outcome=_outcome(earlier, rejection, is_outside=is_outside),
            rejection=rejection,
            equal_to_id=earlier.pk if earlier else None,
            issued_at=current_time(),
        )
        if is_outside:
            deliveries.entrust(process, issued, due_at=event.recorded_at, using=using)
    return rejections


def _sent(process: Process, content: str, *, using: str) -> IssuedCommand | None:
    return (
        IssuedCommand.objects.using(using)
        .filter(process=process.pk, fingerprint=content, outcome__in=SENT)
        .order_by("pk")
        .first()
    )


def _outcome(earlier: IssuedCommand | None, rejection: str, *, is_outside: bool) -> IssuedCommand.Outcome:
    if earlier is not None:
        return IssuedCommand.Outcome.SUPPRESSED
    if is_outside:
        return IssuedCommand.Outcome.PENDING
    return IssuedCommand.Outcome.REJECTED if rejection else IssuedCommand.Outcome.ACCEPTED


def _command_id(process: Process, event: RecordedEvent[Any], number: int) -> UUID:
    return uuid5(event.id, f"{process.stream_name}#{number}")


def _position(event: RecordedEvent[Any]) -> int:
    if event.position is None:
        raise AssertionError("an event that was just linked has a position")
    return event.position
