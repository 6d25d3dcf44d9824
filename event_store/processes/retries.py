"""What people do with failed processes: have them go on, or skip a command that cannot be delivered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from event_store.asynchronous import async_twin
from event_store.exceptions import FailedCommandError, FailedEventError, UnknownProcess
from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process
from event_store.processes.clock import now_of
from event_store.processes.deliveries import attempt, claim, finish
from event_store.stores import event_store
from event_store.subscriptions.failed_events import retry_failed_events_up_to


def retry_process(process_type: str, process_id: str, *, updated_at: datetime | None = None) -> bool:
    """
    Have a failed process go on now: handle its parked events, and deliver the command that was given up, in their order.

    Args:
        updated_at: that of the Process, as the caller has seen it: where it has changed meanwhile, nothing is done. So a
            form that is sent twice acts once.
    Returns:
        Whether nothing that failed is left; if not, the process's `last_error` says why.
    Raises:
        UnknownProcess: there is none.
        FailedEventError, FailedCommandError, UnknownSubscription: somebody is at it, or no code declares it; or it has
            changed since it was seen.
    """
    using = event_store.backend.using
    process = Process.objects.using(using).filter(type=process_type, key=process_id).first()
    if process is None:
        raise UnknownProcess(f"There is no process {process_type} {process_id}.")
    if updated_at is not None and not _touch(process, updated_at, using):
        raise FailedEventError(f"{process} has changed since you saw it: look again.")
    parked = FailedEvent.objects.using(using).exclude(status=FailedEvent.Status.SKIPPED)
    last = parked.filter(subscription__name=process_type, sequence=process_id).order_by("pk").last()
    if last is not None:
        retry_failed_events_up_to(last.pk)
    given_up = _unanswered(using).filter(process=process.pk, command__outcome=IssuedCommand.Outcome.FAILED).first()
    if given_up is not None:
        retry_command(given_up.command.command_id)
    return not Process.objects.using(using).filter(pk=process.pk).exclude(last_error="").exists()


def retry_command(command_id: UUID, *, attempts: int | None = None) -> bool:
    """
    Have a command for the outside delivered now, given up or not.

    Args:
        attempts: how many there have been, as the caller has seen it: where there were more meanwhile, nothing is done.
            So a form that is sent twice acts once.
    Returns:
        Whether there was an answer, be it a rejection; if not, its delivery says why.
    Raises:
        FailedCommandError: there is nothing to deliver, an earlier one of its process comes first, it was tried since it
            was seen, or somebody is at it.
    """
    using = event_store.backend.using
    delivery = _find(command_id, using)
    if attempts not in (None, delivery.attempts):
        raise FailedCommandError(f"{delivery.command} was tried again meanwhile: look again.")
    if earlier := _unanswered(using).filter(process=delivery.process_id, pk__lt=delivery.pk).first():
        raise FailedCommandError(
            f"{earlier.command.type} {earlier.command.command_id} of the same process comes first: retry or skip that."
        )
    claimed = claim(event_store, delivery)
    if claimed is None:
        raise _busy(delivery)
    return attempt(event_store, claimed)


def skip_command(command_id: UUID, *, reason: str, user: object) -> None:
    """
    Leave a command for the outside undelivered for good, so that those behind it are delivered. Its record says who and why.

    Args:
        reason: why; not blank.
        user: who; anything with a text, such as a user object.
    Raises:
        FailedCommandError: there is nothing to deliver, or somebody is at it.
        ValueError: no reason, or no user.
    """
    who = str(user)
    if not reason.strip() or not who.strip():
        raise ValueError("Skipping a command needs a reason, and somebody who has it.")
    delivery = _find(command_id, event_store.backend.using)
    skipped = IssuedCommand.Outcome.SKIPPED
    if not finish(event_store, delivery, skipped, skipped_by=who[:255], skip_reason=reason.strip()):
        raise FailedCommandError(f"Command {command_id} has been answered meanwhile.")


aretry_process = async_twin(retry_process)
aretry_command = async_twin(retry_command)
askip_command = async_twin(skip_command)


def _touch(process: Process, updated_at: datetime, using: str) -> bool:
    # Whoever has seen the same comes too late from here on.
    as_seen = Process.objects.using(using).filter(pk=process.pk, updated_at=updated_at)
    return bool(as_seen.update(updated_at=now_of(using)))


def _find(command_id: UUID, using: str) -> CommandDelivery:
    delivery = _unanswered(using).filter(command__command_id=command_id).first()
    if delivery is None:
        known = IssuedCommand.objects.using(using).filter(command_id=command_id).first()
        raise FailedCommandError(
            f"There is no command {command_id}."
            if known is None
            else f"{known} is {known.outcome}: nothing is to be delivered."
        )
    if delivery.claimed_until is not None and delivery.claimed_until > now_of(using):
        raise _busy(delivery)
    return delivery


def _unanswered(using: str) -> QuerySet[CommandDelivery]:
    return CommandDelivery.objects.using(using).select_related("command__step__event").order_by("pk")


def _busy(delivery: CommandDelivery) -> FailedCommandError:
    return FailedCommandError(f"{delivery.command} is being delivered right now: look again in a moment.")
