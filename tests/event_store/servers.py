"""A server of the test's own as a database of Django's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import OperationalError, connections

from catering.settings import postgresql
from event_store.backends.database import DatabaseBackend
from event_store.store import EventStore

# So that what nobody has committed is in no file yet when the server is killed.
WRITES_LATE = {
    "wal_writer_delay": "10s",
    "bgwriter_lru_maxpages": "0",
    "autovacuum": "off",
    "log_min_messages": "panic",
}
PATIENCE = 30  # seconds


@contextmanager
def database(url: str, *, alias: str = "own") -> Iterator[EventStore]:
    """Make `url` a database of this name for the duration of the block; the store in it."""
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: postgresql(url)})[alias]
    try:
        yield EventStore(DatabaseBackend(using=alias))
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]


def migrate(alias: str = "own") -> None:
    call_command("migrate", "event_store", database=alias, verbosity=0, skip_checks=True)


def reconnect(alias: str = "own") -> None:
    """Wait until the server takes connections again."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        connections[alias].close()
        try:
            return connections[alias].ensure_connection()
        except OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
