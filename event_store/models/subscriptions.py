"""Durable readers of the store: how far each has come, and what it could not handle."""

from __future__ import annotations

from django.db import models

from event_store.models.events import StoredEvent
from event_store.models.fields import BytewiseCharField


class Subscription(models.Model):
    """One durable reader (later: one of its partitions). `checkpoint` is the last global position it has handled."""

    class Status(models.TextChoices):
        OK = "ok", "OK"
        FAILING = "failing", "Failing"

    id = models.BigAutoField(primary_key=True)
    name = BytewiseCharField(max_length=255)
    partition = models.PositiveIntegerField(default=0)
    checkpoint = models.BigIntegerField(default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OK)
    retry_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "partition"], name="event_store_subscription_unique_name")
        ]

    def __str__(self) -> str:
        return str(self.name)


class FailedEvent(models.Model):
    """An event that a subscription could not handle yet; the row goes when a later attempt succeeds."""

    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="failures", db_index=False)
    event = models.ForeignKey(StoredEvent, on_delete=models.CASCADE, related_name="failures")
    attempts = models.PositiveIntegerField(default=1)
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    error = models.TextField()
    traceback = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "event"], name="event_store_failure_unique_event")
        ]

    def __str__(self) -> str:
        return f"{self.error} ({self.attempts})"
