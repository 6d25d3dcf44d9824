"""Django wiring."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

DISCOVERED = ("events", "subscribers", "commands", "process_managers", "projections")
"""Modules that are imported from every installed app."""


class EventStoreConfig(AppConfig):
    name = "event_store"
    label = "event_store"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # They register themselves: checks with Django, waking up with the store's signal.
        from event_store import checks  # noqa: F401
        from event_store.subscriptions import wakeups  # noqa: F401

        autodiscover_modules(*DISCOVERED)
        post_migrate.connect(_install_what_is_missing, sender=self)


def _install_what_is_missing(*, using: str, **_: Any) -> None:
    # Without migrations (pytest --nomigrations) nothing else would bring functions and triggers, and SQLite drops
    # triggers whenever a migration rebuilds their table.
    from event_store import immutability
    from event_store.backends import postgresql

    connection = connections[using]
    if "event_store_storedevent" not in connection.introspection.table_names():
        return
    if connection.vendor == "postgresql" and postgresql.missing_functions(connection):
        postgresql.install_functions(connection)
    if connection.vendor in immutability.TRIGGERS and immutability.missing_triggers(connection):
        immutability.install_triggers(connection)
