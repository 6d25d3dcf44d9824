"""Aggregates as of an event, so that not all events have to be read."""

from __future__ import annotations

from django.db import models

from event_store.models.fields import BytewiseCharField


class AggregateSnapshot(models.Model):
    """
    The attributes of an aggregate as JSON text, as of the event with `event_id` at position `version` of its stream.

    `code` names the code that has made it. Rows can be deleted: nothing but speed is lost.
    """

    id = models.BigAutoField(primary_key=True)
    stream = BytewiseCharField(max_length=255)
    version = models.BigIntegerField()
    event_id = models.UUIDField()
    code = models.CharField(max_length=64)
    state = models.TextField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream"], name="event_store_snapshot_unique_stream")]

    def __str__(self) -> str:
        return f"{self.stream} {self.version}"
