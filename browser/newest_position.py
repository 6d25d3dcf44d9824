"""Where the store ends, without reading what stands there."""

from __future__ import annotations

from event_store.models import StoredEvent


def newest_position() -> int:
    """The greatest global position of an event; 0 in an empty store."""
    return StoredEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
