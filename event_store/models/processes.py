"""The read model of each process: what it has seen, what it waits for, what it sent and why."""

from __future__ import annotations

from django.db import models

from event_store.models.events import StoredEvent
from event_store.models.fields import BytewiseCharField


class Process(models.Model):
    """
    One instance of a process manager. Its stream is `type$key`.

    `version` is the position of the last event linked into that stream. `waiting_for` holds event types: alternatives
    joined by " | ", groups of which each is still missing joined by " & ", empty when it waits for nothing.
    `next_deadline` is the earliest of its deadlines that no step has seen yet.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    type = BytewiseCharField(max_length=255)
    key = BytewiseCharField(max_length=255)
    status = models.CharField(max_length=16, choices=Status.choices)
    waiting_for = BytewiseCharField(max_length=1000, blank=True, default="")
    waiting_since = models.DateTimeField(null=True, blank=True)
    next_deadline = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(default=-1)
    step_count = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "processes"
        permissions = [("retry_process", "Can have failed processes go on")]
        constraints = [models.UniqueConstraint(fields=["type", "key"], name="event_store_process_unique_key")]
        indexes = [
            models.Index(fields=["status", "waiting_since", "id"], name="event_store_process_status"),
            models.Index(
                fields=["status", "type", "waiting_for", "waiting_since", "id"], name="event_store_process_waiting"
            ),
            models.Index(fields=["type", "status", "id"], name="event_store_process_type"),
            models.Index(
                fields=["type", "waiting_for", "next_deadline"],
                condition=models.Q(status="waiting", next_deadline__isnull=False),
                name="event_store_process_deadlines",
            ),
            models.Index(
                fields=["next_deadline"],
                condition=models.Q(status="waiting", next_deadline__isnull=False),
                name="event_store_process_deadline",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"

    @property
    def stream_name(self) -> str:
        return f"{self.type}${self.key}"

    @property
    def has_ended(self) -> bool:
        return self.status in (self.Status.COMPLETED, self.Status.CANCELLED)


ENDS = [(each.value, each.label) for each in (Process.Status.COMPLETED, Process.Status.CANCELLED)]


class ProcessStep(models.Model):
    """
    One event handled by one process, once. `number` is the event's position in the process stream, from 0.

    `code_version` is the `version` of the class that handled it. `usable_by` names the code that can go on from
    `state_before`, in long processes. `intents` is what `act` said besides commands. `acted` is False where `act` was not asked: history, or the process had ended.
    """

    id = models.BigAutoField(primary_key=True)
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="steps", db_index=False)
    event = models.ForeignKey(StoredEvent, on_delete=models.CASCADE, related_name="steps", db_index=False)
    number = models.BigIntegerField()
    state_before = models.JSONField()
    code_version = models.PositiveIntegerField(default=1)
    usable_by = models.CharField(max_length=64, blank=True, default="")
    acted = models.BooleanField(default=True)
    ended_as = models.CharField(max_length=16, choices=ENDS, blank=True, default="")
    intents = models.JSONField(default=list, blank=True)
    end_reason = models.TextField(blank=True, default="")
    handled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "process"], name="event_store_step_unique_event"),
            models.UniqueConstraint(fields=["process", "number"], name="event_store_step_unique_number"),
        ]

    def __str__(self) -> str:
        # People count steps from 1, everywhere.
        return f"step {self.number + 1}"


class IssuedCommand(models.Model):
    """
    A command that a step issued, with the reason that its process manager gave.

    `rejection` is what its handler said where it said no. One for the outside is pending until it is answered, and failed
    once its delivery was given up; `attempts` and `answered_at` are for such ones alone, and so is who skipped it and why.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        SUPPRESSED = "suppressed", "Suppressed"
        REJECTED = "rejected", "Rejected"
        PENDING = "pending", "Pending"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    id = models.BigAutoField(primary_key=True)
    command_id = models.UUIDField()
    step = models.ForeignKey(ProcessStep, on_delete=models.CASCADE, related_name="commands")
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="commands", db_index=False)
    type = BytewiseCharField(max_length=255)
    data = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    reason = models.TextField(blank=True, default="")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    rejection = models.TextField(blank=True, default="")
    equal_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="repeats")
    issued_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(null=True, blank=True)
    skipped_by = models.CharField(max_length=255, blank=True, default="")
    skip_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["command_id"], name="event_store_command_unique_id")]
        indexes = [models.Index(fields=["process", "fingerprint"], name="event_store_command_content")]

    def __str__(self) -> str:
        return f"{self.type} {self.command_id}"


class CommandDelivery(models.Model):
    """
    A command for the outside that has no answer yet; gone once it has one.

    `next_attempt_at` is None while it waits behind an earlier one of its process, and once it was given up. During an
    attempt it is, as `claimed_until`, the time at which the attempt counts as lost.
    """

    id = models.BigAutoField(primary_key=True)
    command = models.OneToOneField(IssuedCommand, on_delete=models.CASCADE, related_name="delivery")
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")

    class Meta:
        verbose_name_plural = "command deliveries"
        permissions = [
            ("retry_commanddelivery", "Can have commands delivered again"),
            ("skip_commanddelivery", "Can skip the delivery of commands"),
        ]
        indexes = [
            models.Index(fields=["process", "id"], name="event_store_delivery_process"),
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
                name="event_store_delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command}, {self.attempts} attempts"


class ProcessDeadline(models.Model):
    """
    A deadline that a step has set.

    `duration` is what it was set with, None where a time was named. `event_id` is that of its `DeadlineReached`, once it was
    due; `ended_by` the step that has seen it, or cancelled it.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        REACHED = "reached", "Reached"
        CANCELLED = "cancelled", "Cancelled"

    id = models.BigAutoField(primary_key=True)
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="deadlines", db_index=False)
    name = BytewiseCharField(max_length=255)
    due_at = models.DateTimeField()
    duration = models.DurationField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.WAITING)
    event_id = models.UUIDField(null=True, blank=True)
    set_by = models.ForeignKey(ProcessStep, on_delete=models.CASCADE, related_name="deadlines")
    ended_by = models.ForeignKey(
        ProcessStep, on_delete=models.SET_NULL, null=True, blank=True, related_name="ended_deadlines"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["process", "name"],
                condition=models.Q(status="waiting"),
                name="event_store_deadline_unique_name",
            )
        ]
        indexes = [
            models.Index(fields=["process", "id"], name="event_store_deadline_process"),
            models.Index(fields=["due_at"], condition=models.Q(status="waiting"), name="event_store_deadline_due"),
        ]

    def __str__(self) -> str:
        # Its name may be made of data, which not everybody may see who sees this.
        return f"due {self.due_at:%Y-%m-%d %H:%M} UTC"
