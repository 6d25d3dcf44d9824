"""System checks: settings that cannot work, classes that contradict each other, what is missing or wrong in a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from event_store import immutability
from event_store.backends import postgresql
from event_store.commands import Command, command_handlers, command_types, rival_handlers
from event_store.durable import durable_subscribers
from event_store.events import event_types
from event_store.stores import configured_stores, problems_of
from event_store.subscribers import immediate_subscribers


@register()
def check_event_stores(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    stores = configured_stores()
    if not isinstance(stores, dict) or "default" not in stores:
        return [
            Error(
                f"EVENT_STORES is {stores!r}, without a store named 'default'.",
                hint='Leave it out, or write EVENT_STORES = {"default": {}}.',
                id="event_store.E001",
            )
        ]
    return [
        Error(what, hint=hint, id="event_store.E002")
        for alias, configuration in stores.items()
        for what, hint in problems_of(alias, configuration)
    ]


@register()
def check_types(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [
        Error(complaint, hint="Types are unique in a project.", id="event_store.E003")
        for registry in (event_types, command_types)
        for complaint in registry.complaints()
    ]


@register()
def check_command_handlers(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    unhandled: list[CheckMessage] = [
        Error(
            f"Nobody handles {each.__module__}.{each.__qualname__}.",
            hint=f"Decorate a function in a commands module with @handles({each.__name__}).",
            id="event_store.E004",
        )
        for each in command_types.classes()
        if issubclass(each, Command) and each not in command_handlers
    ]
    return unhandled + [
        Error(
            f"{each.__module__}.{each.__qualname__} is handled by {rivals}.",
            hint=f"Take @handles({each.__name__}) off one of them: a command has one handler.",
            id="event_store.E012",
        )
        for each, rivals in rival_handlers.items()
    ]


@register()
def check_stores_of_subscribers(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    stores = configured_stores()
    if check_event_stores():
        return []
    return [
        Error(
            f"The subscriber {each.name} is for the store {each.only_in!r}, which is not in EVENT_STORES.",
            hint=f"EVENT_STORES has {', '.join(stores)}.",
            id="event_store.E008",
        )
        for each in (*immediate_subscribers.all(), *durable_subscribers.all())
        if each.only_in is not None and each.only_in not in stores
    ]


@register()
def check_names_of_subscriptions(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [
        Error(
            complaint,
            hint="A durable subscriber keeps its checkpoint under its name: the second one of a name is not run.",
            id="event_store.E009",
        )
        for complaint in durable_subscribers.complaints()
    ]


@register()
def check_databases_of_stores(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for using in _databases_of_stores():
        configuration = settings.DATABASES[using]
        options = configuration.get("OPTIONS", {})
        if "sqlite3" in configuration["ENGINE"] and options.get("transaction_mode") != "IMMEDIATE":
            messages.append(
                Warning(
                    f"Database {using!r} is SQLite without transaction_mode IMMEDIATE.",
                    hint='Two writers at once would fail with "database is locked": '
                    'set DATABASES[…]["OPTIONS"]["transaction_mode"] = "IMMEDIATE".',
                    id="event_store.W001",
                )
            )
    if not settings.USE_TZ:
        messages.append(
            Error(
                "USE_TZ is False, but the event store keeps aware UTC times, which Django then refuses on SQLite.",
                hint="Set USE_TZ = True.",
                id="event_store.E006",
            )
        )
    return messages


@register(Tags.database)
def check_functions(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    return [
        Error(
            f"Database {connection.alias!r} lacks the function(s) {', '.join(missing)}.",
            hint=_install(connection),
            id="event_store.E005",
        )
        for connection in _migrated(databases)
        if connection.vendor == "postgresql" and (missing := postgresql.missing_functions(connection))
    ]


@register(Tags.database)
def check_triggers(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    return [
        Error(
            f"Database {connection.alias!r} lets events be changed: it lacks the trigger(s) {', '.join(missing)}.",
            hint=_install(connection),
            id="event_store.E007",
        )
        for connection in _migrated(databases)
        if connection.vendor in immutability.TRIGGERS and (missing := immutability.missing_triggers(connection))
    ]


@register(Tags.database)
def check_positions(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Whether durable readers can rely on the sequence of global positions (docs/ordering.md)."""
    return [
        message
        for connection in _migrated(databases)
        if connection.vendor == "postgresql"
        for message in _complaints_about_positions(connection)
    ]


def _complaints_about_positions(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    sequence = postgresql.position_sequence(connection)
    if sequence.cache != 1:
        yield Error(
            f"Each session of database {connection.alias!r} takes {sequence.cache} global positions at once: durable "
            "readers would miss those that it uses later.",
            hint=f"ALTER SEQUENCE {postgresql.POSITION_SEQUENCE} CACHE 1; then restart what writes: each session uses up "
            "what it has taken.",
            id="event_store.E010",
        )
    if sequence.last_value is not None and sequence.greatest > sequence.last_value:
        yield Error(
            f"Database {connection.alias!r} has events up to position {sequence.greatest}, and its sequence stands at "
            f"{sequence.last_value}: durable readers stop there, and new events collide with old ones.",
            hint=f"While nobody writes: {postgresql.MEND_POSITIONS}",
            id="event_store.E011",
        )
    if sequence.is_standby:
        yield Warning(
            f"Database {connection.alias!r} is a standby: nothing can be published there, and no durable subscriber runs.",
            hint="Name the primary in DATABASES for stores; ordinary reads work here, up_to_horizon() does not.",
            id="event_store.W002",
        )


def _migrated(databases: Sequence[str] | None) -> list[BaseDatabaseWrapper]:
    # What a migration is still to bring is not missing; an error would keep that migration from running.
    chosen = [connections[using] for using in sorted(set(databases or ()) & _databases_of_stores())]
    return [connection for connection in chosen if _is_migrated(connection)]


def _is_migrated(connection: BaseDatabaseWrapper) -> bool:
    if "event_store_storedevent" not in connection.introspection.table_names():
        return False
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes("event_store"))


def _install(connection: BaseDatabaseWrapper) -> str:
    command = f"manage.py migrate event_store --database {connection.alias} --skip-checks"
    return f"Run {command}: without the last word this check stops it."


def _databases_of_stores() -> set[str]:
    stores = configured_stores()
    used = [
        each.get("OPTIONS", {}).get("using", "default")
        for each in (stores.values() if isinstance(stores, dict) else ())
        if isinstance(each, dict) and isinstance(each.get("OPTIONS", {}), dict)
    ]
    return {using for using in settings.DATABASES if using in used}
