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
        post_migrate.connect(_install_functions, sender=self)


def _install_functions(*, using: str, **_: Any) -> None:
    # Without migrations (pytest --nomigrations) nothing else would bring PostgreSQL's functions.
    from event_store.backends import postgresql

    connection = connections[using]
    if connection.vendor == "postgresql" and _has_tables(using) and postgresql.missing_functions(connection):
        postgresql.install_functions(connection)


def _has_tables(using: str) -> bool:
    return "event_store_storedevent" in connections[using].introspection.table_names()
