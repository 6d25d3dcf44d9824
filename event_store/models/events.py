"""Events, streams, and which stream shows which event at which position."""

from __future__ import annotations

from django.db import models

from event_store.models.fields import BytewiseCharField
from event_store.models.unchanging import UnchangingModel


class Stream(models.Model):
    """A named sequence of events. `version` is the position of its last event, -1 when it is empty."""

    id = models.BigAutoField(primary_key=True)
    name = BytewiseCharField(max_length=255)
    category = BytewiseCharField(max_length=255)
    # No index covers the version: it changes with every append, in place.
    version = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="event_store_stream_unique_name")]
        indexes = [models.Index(fields=["category", "name"], name="event_store_stream_category")]

    def __str__(self) -> str:
        return str(self.name)


class StoredEvent(UnchangingModel):
    """
    An event, once, as it was published. `global_position` rises in the whole store and may have holes.

    `category` is that of the stream it was written to, and stays when that stream is deleted.
    """

    global_position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    type = BytewiseCharField(max_length=255)
    category = BytewiseCharField(max_length=255)
    schema_version = models.PositiveSmallIntegerField()
    data = models.JSONField()
    metadata = models.JSONField()
    correlation_id = models.UUIDField(null=True, blank=True)
    causation_id = models.UUIDField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    valid_at = models.DateTimeField()

    class Meta:
        verbose_name = "event"
        constraints = [models.UniqueConstraint(fields=["event_id"], name="event_store_event_unique_id")]
        indexes = [
            models.Index(fields=["type", "global_position"], name="event_store_event_type"),
            models.Index(fields=["category", "global_position"], name="event_store_event_category"),
            models.Index(fields=["correlation_id", "global_position"], name="event_store_event_correlation"),
            models.Index(fields=["causation_id", "global_position"], name="event_store_event_causation"),
            models.Index(fields=["recorded_at", "global_position"], name="event_store_event_recorded"),
            models.Index(fields=["valid_at", "global_position"], name="event_store_event_valid"),
        ]
        permissions = [
            ("view_payload", "Can view the data of events"),
            ("export_storedevent", "Can export events"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class StreamLink(UnchangingModel):
    """An event at a position of a stream: where it was written, or where it was linked to later."""

    pk = models.CompositePrimaryKey("stream", "position")
    # The two keys below serve every look-up: Django's own indexes on foreign keys would be a third and a fourth.
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="links", db_index=False)
    position = models.BigIntegerField()
    event = models.ForeignKey(
        StoredEvent, on_delete=models.CASCADE, related_name="links", db_column="global_position", db_index=False
    )
    written_here = models.BooleanField()
    linked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "stream"], name="event_store_link_unique_event")]

    def __str__(self) -> str:
        return f"{self.stream_id} #{self.position}"
