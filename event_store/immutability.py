"""Events are never changed: the triggers that refuse it, and the way out for operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TRIGGERS = {
    "postgresql": (
        "event_store_event_refuse_update",
        "event_store_event_refuse_delete",
        "event_store_link_refuse_update",
    ),
    "sqlite": ("event_store_event_refuse_update", "event_store_link_refuse_update"),
}
_INSTALLED = {
    # One that is disabled refuses nothing; a table is looked for in the schemas of the search path only.
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    " AND tgrelid IN (to_regclass('event_store_storedevent'), to_regclass('event_store_streamlink'))",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
}


@contextmanager
def changes_allowed(using: str = "default") -> Iterator[None]:
    """
    Let this connection change events and links, in one transaction: for repairs, never for everyday code.

    Nobody is told of a change: subscribers, projections and processes go on with what they have seen.

    PostgreSQL has a setting for it, which ends with the transaction. SQLite has none: the triggers are dropped and
    created again in one transaction, which nobody else can see or write into.

    Args:
        using: the alias of the database in DATABASES.
    """
    connection = connections[using]
    with transaction.atomic(using=using):
        if _are_changes_allowed(connection):
            yield
            return
        _allow_changes(connection)
        yield
        # When the transaction or savepoint is rolled back, what was allowed goes with it.
        if not transaction.get_rollback(using):
            _refuse_changes(connection)


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of our triggers that the database does not have, or that are disabled in it."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED[connection.vendor])
        installed = {row[0] for row in cursor.fetchall()}
    return [name for name in TRIGGERS[connection.vendor] if name not in installed]


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Create our triggers where they are missing."""
    sql = files("event_store.sql").joinpath(f"event_store_triggers_{connection.vendor}.sql").read_text()
    with connection.cursor() as cursor:
        # One after the other, since sqlite3 takes one statement at a time; none contains an empty line.
        for statement in sql.split("\n\n"):
            cursor.execute(statement)


def _are_changes_allowed(connection: BaseDatabaseWrapper) -> bool:
    if connection.vendor == "sqlite":
        return len(missing_triggers(connection)) == len(TRIGGERS["sqlite"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('event_store.allow_changes', true)")
        return bool(cursor.fetchone()[0] == "on")


def _allow_changes(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL event_store.allow_changes = 'on'")
            return
        for name in TRIGGERS[connection.vendor]:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def _refuse_changes(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "sqlite":
        install_triggers(connection)
        return
    with connection.cursor() as cursor:
        # The transaction may go on after the block.
        cursor.execute("SET LOCAL event_store.allow_changes = 'off'")
