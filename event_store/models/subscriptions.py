"""Durable readers of the store: how far each has come, what it could not handle, and who is at work."""

from __future__ import annotations

from django.db import models

from event_store.models.events import StoredEvent
from event_store.models.fields import BytewiseCharField


class Subscription(models.Model):
    """
    One partition of a durable reader; most have only number 0.

    `checkpoint` is the last global position that it has handled or need not handle; with a `stream` it is the position in
    that stream, -1 before the first event. `owner` is the worker that holds its lease until `lease_until`. `fence` rises with
    each lease and each change by hand: who knows an older one can move nothing. `handled` counts events, `rate` is how many
    a second its worker has handled of late.
    """

    class Status(models.TextChoices):
        OK = "ok", "OK"
        FAILING = "failing", "Failing"

    id = models.BigAutoField(primary_key=True)
    name = BytewiseCharField(max_length=255)
    partition = models.PositiveIntegerField(default=0)
    partitions = models.PositiveIntegerField(default=1)
    stream = BytewiseCharField(max_length=255, blank=True, default="")
    checkpoint = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    owner = models.CharField(max_length=255, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OK)
    handled = models.BigIntegerField(default=0)
    rate = models.FloatField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "partition"], name="event_store_subscription_unique_name")
        ]

    def __str__(self) -> str:
        return str(self.name) if self.partitions == 1 else f"{self.name} {self.partition + 1}/{self.partitions}"


class FailedEvent(models.Model):
    """
    An event that a subscription has parked: it failed there, or an earlier one of its sequence did.

    `subscription` is the row of partition 0. The row goes when the event is handled after all, and stays when it is skipped.
    """

    class Status(models.TextChoices):
        RETRYING = "retrying", "Waits for its next attempt"
        WAITING = "waiting", "Waits for an earlier event"
        GIVEN_UP = "given_up", "Given up"
        SKIPPED = "skipped", "Skipped"

    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="failures", db_index=False)
    event = models.ForeignKey(StoredEvent, on_delete=models.CASCADE, related_name="failures")
    sequence = BytewiseCharField(max_length=255)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RETRYING)
    attempts = models.PositiveIntegerField(default=0)
    parked_at = models.DateTimeField()
    last_failed_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")
    skipped_at = models.DateTimeField(null=True, blank=True)
    skipped_by = models.CharField(max_length=255, blank=True, default="")
    skip_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "sequence", "event"],
                condition=~models.Q(status="skipped"),
                name="event_store_failure_unique_event",
            )
        ]
        indexes = [
            # Of 100,000 parked events only the first of each sequence stands in it.
            models.Index(
                fields=["subscription", "next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
                name="event_store_failure_due",
            ),
            models.Index(fields=["subscription", "sequence", "id"], name="event_store_failure_sequence"),
        ]
        permissions = [
            ("retry_failedevent", "Can have failed events handled again"),
            ("skip_failedevent", "Can skip failed events"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.get_status_display()}"


class Worker(models.Model):
    """
    A process that runs subscriptions: seen a moment ago, or dead.

    `subscriptions` and `partitions` are those it may run; empty for all.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=255)
    subscriptions = models.JSONField(default=list, blank=True)
    partitions = models.JSONField(default=list, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="event_store_worker_unique_name")]

    def __str__(self) -> str:
        return str(self.name)
