"""Django wiring."""

from django.apps import AppConfig


class EventStoreConfig(AppConfig):
    name = "event_store"
    label = "event_store"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"
