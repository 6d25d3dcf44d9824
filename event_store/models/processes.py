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
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    type = BytewiseCharField(max_length=255)
    key = BytewiseCharField(max_length=255)
    status = models.CharField(max_length=16, choices=Status.choices)
    waiting_for = BytewiseCharField(max_length=1000, blank=True, default="")
    waiting_since = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(default=-1)
    step_count = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "processes"
        constraints = [models.UniqueConstraint(fields=["type", "key"], name="event_store_process_unique_key")]
        indexes = [
            models.Index(fields=["status", "waiting_since", "id"], name="event_store_process_status"),
            models.Index(
                fields=["status", "type", "waiting_for", "waiting_since", "id"], name="event_store_process_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"

    @property
    def stream_name(self) -> str:
        return f"{self.type}${self.key}"


class ProcessStep(models.Model):
    """One event handled by one process, once. `number` is the event's position in the process stream, from 0."""

    id = models.BigAutoField(primary_key=True)
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="steps", db_index=False)
    event = models.ForeignKey(StoredEvent, on_delete=models.CASCADE, related_name="steps", db_index=False)
    number = models.BigIntegerField()
    state_before = models.JSONField()
    completed = models.BooleanField(default=False)
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
    """A command that a step issued, with the reason that its process manager gave."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        SUPPRESSED = "suppressed", "Suppressed"

    id = models.BigAutoField(primary_key=True)
    command_id = models.UUIDField()
    step = models.ForeignKey(ProcessStep, on_delete=models.CASCADE, related_name="commands")
    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="commands", db_index=False)
    type = BytewiseCharField(max_length=255)
    data = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    reason = models.TextField(blank=True, default="")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    equal_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="repeats")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["command_id"], name="event_store_command_unique_id")]
        indexes = [models.Index(fields=["process", "fingerprint"], name="event_store_command_content")]

    def __str__(self) -> str:
        return f"{self.type} {self.command_id}"
