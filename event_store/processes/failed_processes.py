"""What processes show of failures: an event that is parked, a command that could not be delivered."""

from __future__ import annotations

from django.utils import timezone

from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process


def is_parked(process: Process, *, using: str) -> bool:
    """Whether an event of the process waits to be handled again."""
    parked = FailedEvent.objects.using(using).exclude(status=FailedEvent.Status.SKIPPED)
    return parked.filter(subscription__name=process.type, sequence=process.key).exists()


def has_given_up(process: Process, *, using: str) -> bool:
    """Whether a command of the process waits for somebody to retry or skip it."""
    if process.pk is None:
        return False
    failed = IssuedCommand.Outcome.FAILED
    return CommandDelivery.objects.using(using).filter(process=process.pk, command__outcome=failed).exists()


def mark_failed(process_type: str, process_id: str, error: str, *, using: str) -> None:
    """Show on a process, which may be new, what went wrong. One that has ended stays so, or a retry would act again."""
    now = timezone.now()
    known = Process.objects.using(using).filter(type=process_type, key=process_id)
    if known.filter(status__in=[Process.Status.COMPLETED, Process.Status.CANCELLED]).update(last_error=error):
        return
    failed = {"status": Process.Status.FAILED, "last_error": error, "updated_at": now}
    Process.objects.using(using).update_or_create(
        type=process_type,
        key=process_id,
        defaults=failed,
        create_defaults={**failed, "started_at": now, "waiting_since": now},
    )


def mark_recovered(process: Process, *, using: str) -> None:
    """Show on a process that it goes on, unless something else keeps it."""
    if is_parked(process, using=using) or has_given_up(process, using=using):
        return
    status = process.status if process.has_ended else Process.Status.WAITING
    Process.objects.using(using).filter(pk=process.pk).update(status=status, last_error="", updated_at=timezone.now())
