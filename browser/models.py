"""What stands in the admin's index for the pages of this package."""

from event_store.models import StoredEvent


class EventStore(StoredEvent):
    """No table: the entry of the admin's index that leads to the overview."""

    class Meta:
        proxy = True
        app_label = "event_store_browser"
        default_permissions = ()
        verbose_name = "event store"
        verbose_name_plural = "Streams, events and processes"
