"""Commands for the outside: recorded by a step, and delivered after its commit, at least once, in the order of their process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import QuerySet

from event_store.commands import Command, CommandHandler, Delivery, command_handlers, command_types, deliver, handler_of
from event_store.context import cause_block, handling_block
from event_store.exceptions import Rejected, UnhandledCommand
from event_store.models import CommandDelivery, IssuedCommand, Process
from event_store.processes.clock import now_of
from event_store.processes.events import CommandRejected
from event_store.processes.failed_processes import mark_failed, mark_recovered
from event_store.store import EventStore
from event_store.stores import DEFAULT_STORE, event_store
from event_store.subscriptions.database import is_postgresql
from event_store.subscriptions.errors import describe, trace
from event_store.subscriptions.failures import pause_after
from event_store.subscriptions.wakeups import afterwards

logger = logging.getLogger("event_store.processes")

READ_SIZE = 20
LONGEST_INLINE = 1.0
"""Seconds after which whoever has published starts no further delivery: the next one, or a worker, goes on."""


class _AtWork(threading.local):
    is_delivering = False


_at_work = _AtWork()


def stream_of_rejected(process_type: str) -> str:
    """Where what the outside has rejected is written to, of a type; each is linked into its process's stream."""
    return f"event_store.CommandRejected${process_type}"


@dataclass(frozen=True)
class Claim:
    """A delivery that is this caller's until its handler's timeout. `attempt` counts from 1, and is nobody else's."""

    delivery: CommandDelivery
    attempt: int


def entrust(process: Process, issued: IssuedCommand, *, due_at: datetime, using: str) -> None:
    """Have a command delivered after the commit, behind those that its process has sent before. Inside the step's transaction."""
    is_first = not _of(process.pk, using=using).exists()
    CommandDelivery.objects.using(using).create(
        command_id=issued.pk, process_id=process.pk, next_attempt_at=due_at if is_first else None
    )


def deliver_due_commands(store: EventStore = event_store, stopping: Callable[[], bool] = lambda: False) -> int:
    """
    Deliver every command for the outside that is due, one after the other, in no transaction. Any number of callers
    share them.

    Args:
        stopping: asked before each one; True ends it.
    Returns:
        How many attempts there were.
    """
    attempts = 0
    while not stopping():
        claim = _claim_next(store)
        if claim is None:
            break
        attempts += 1
        attempt(store, claim)
    return attempts


def is_any_due(store: EventStore) -> bool:
    """Whether there is something to deliver now. Asks the database only where a handler is for the outside."""
    return any(each.outside for each in command_handlers.values()) and _due(store).exists()


def deliver_inline(store: EventStore) -> None:
    """Deliver what is due at the end of a wake-up, for a while."""
    if store.alias != DEFAULT_STORE or _at_work.is_delivering or not is_any_due(store):
        return
    ends_at = time.monotonic() + LONGEST_INLINE
    _at_work.is_delivering = True
    try:
        deliver_due_commands(store, stopping=lambda: time.monotonic() > ends_at)
    except Exception:
        logger.exception("Commands could not be delivered after the commit; the next wake-up or a worker goes on")
    finally:
        _at_work.is_delivering = False


def claim(store: EventStore, delivery: CommandDelivery) -> Claim | None:
    """The delivery as this caller's, due or not; None when somebody else has taken it meanwhile."""
    using, handler = store.backend.using, _handler_of(delivery.command.type)
    until = now_of(using) + timedelta(seconds=handler.timeout if handler else CommandHandler.timeout)
    as_seen = CommandDelivery.objects.using(using).filter(
        pk=delivery.pk, attempts=delivery.attempts, claimed_until=delivery.claimed_until
    )
    is_mine = as_seen.update(attempts=delivery.attempts + 1, next_attempt_at=until, claimed_until=until)
    return Claim(delivery, delivery.attempts + 1) if is_mine else None


def attempt(store: EventStore, claimed: Claim) -> bool:
    """Call the handler, and keep its answer. Returns whether there was one; logs and records what the handler raised."""
    issued = claimed.delivery.command
    try:
        _refuse_hopeless(claimed)
        cause = issued.step.event
        with handling_block(
            metadata=cause.metadata, causation_id=issued.command_id, correlation_id=cause.correlation_id
        ):
            deliver(_restored(issued), Delivery(issued.command_id, claimed.attempt))
    except Rejected as error:
        finish(store, claimed.delivery, IssuedCommand.Outcome.REJECTED, rejection=error.reason)
    except Exception as error:
        logger.exception("%s %s was not delivered", issued.type, issued.command_id)
        _note_failure(store, claimed, error)
        return False
    else:
        finish(store, claimed.delivery, IssuedCommand.Outcome.ACCEPTED)
    return True


def finish(
    store: EventStore,
    delivery: CommandDelivery,
    outcome: IssuedCommand.Outcome,
    *,
    rejection: str = "",
    skipped_by: str = "",
    skip_reason: str = "",
) -> bool:
    """End a delivery, and bring up the one behind it. Returns False when it has been ended already."""
    using = store.backend.using
    with store.atomic():
        process = _locked(delivery.process_id, using=using)
        known = CommandDelivery.objects.using(using).filter(pk=delivery.pk).first()
        if known is None:
            return False
        issued = delivery.command
        known.delete(using=using)
        IssuedCommand.objects.using(using).filter(pk=issued.pk).update(
            outcome=outcome,
            rejection=rejection,
            attempts=known.attempts,
            answered_at=now_of(using),
            skipped_by=skipped_by,
            skip_reason=skip_reason,
        )
        following = _of(process.pk, using=using).order_by("pk").first()
        if following is not None and following.next_attempt_at is None:
            CommandDelivery.objects.using(using).filter(pk=following.pk).update(next_attempt_at=now_of(using))
        if process.last_error:
            mark_recovered(process, using=using)
        if rejection:
            _publish_rejection(store, process, issued, rejection)
    return True


def _claim_next(store: EventStore) -> Claim | None:
    due = _due(store).order_by("next_attempt_at", "pk").select_related("command__step__event")
    # Others may take those that were seen here.
    while candidates := list(due.defer("command__step__event__data", "command__step__state_before")[:READ_SIZE]):
        for each in candidates:
            claimed = claim(store, each)
            if claimed is not None:
                return claimed
    return None


def _note_failure(store: EventStore, claimed: Claim, error: Exception) -> None:
    using, issued = store.backend.using, claimed.delivery.command
    handler = _handler_of(issued.type)
    is_given_up = claimed.attempt >= (handler.max_attempts if handler else CommandHandler.max_attempts)
    with store.atomic():
        process, now = _locked(claimed.delivery.process_id, using=using), now_of(using)
        # An attempt that took too long has been followed by another one: what became of it no longer matters.
        mine = CommandDelivery.objects.using(using).filter(pk=claimed.delivery.pk, attempts=claimed.attempt)
        is_mine = mine.update(
            next_attempt_at=None if is_given_up else now + pause_after(claimed.attempt),
            claimed_until=None,
            last_attempt_at=now,
            error=describe(error),
            traceback=trace(error),
        )
        if is_mine and is_given_up:
            IssuedCommand.objects.using(using).filter(pk=issued.pk).update(outcome=IssuedCommand.Outcome.FAILED)
            mark_failed(process.type, process.key, f"{issued.type} was not delivered: {describe(error)}", using=using)


def _publish_rejection(store: EventStore, process: Process, issued: IssuedCommand, reason: str) -> None:
    rejected = CommandRejected(
        process_type=process.type,
        process_id=process.key,
        command_id=issued.command_id,
        command=issued.type,
        data=issued.data,
        reason=reason,
    )
    with cause_block(causation_id=issued.command_id, correlation_id=issued.step.event.correlation_id):
        store.publish_reserved(rejected, stream=stream_of_rejected(process.type))


def _refuse_hopeless(claimed: Claim) -> None:
    handler = _handler_of(claimed.delivery.command.type)
    # Nothing was noted of the attempt before: it ended its worker, or never came back.
    is_lost = claimed.delivery.claimed_until is not None
    if handler is not None and is_lost and claimed.attempt > handler.max_attempts:
        raise TimeoutError(
            f"the last of {handler.max_attempts} attempts had no answer within {handler.timeout:g} seconds, or its worker "
            "was ended"
        )


def _restored(issued: IssuedCommand) -> Any:
    command_class = command_types.find(issued.type)
    if command_class is None:
        raise UnhandledCommand(f"No class has the command type {issued.type!r} any more: it can be skipped.")
    return msgspec.convert(issued.data, command_class, str_keys=True)


def _handler_of(command_type: str) -> CommandHandler | None:
    command_class = command_types.find(command_type)
    if command_class is None or not issubclass(command_class, Command) or command_class not in command_handlers:
        return None
    return handler_of(command_class)


def _due(store: EventStore) -> QuerySet[CommandDelivery]:
    using = store.backend.using
    return CommandDelivery.objects.using(using).filter(next_attempt_at__lte=now_of(using))


def _of(process_id: int, *, using: str) -> QuerySet[CommandDelivery]:
    return CommandDelivery.objects.using(using).filter(process=process_id)


def _locked(process_id: int, *, using: str) -> Process:
    # A step that entrusts the next command meanwhile is waited for, or waits.
    rows = Process.objects.using(using)
    return (rows.select_for_update(no_key=True) if is_postgresql(using) else rows).get(pk=process_id)


afterwards.append(deliver_inline)
