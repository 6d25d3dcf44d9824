"""A database of its own for a benchmark, with the store's tables, and Django set up for it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

NAMES = ("sqlite", "postgresql")


@contextmanager
def database(name: str) -> Iterator[None]:
    """
    `sqlite`: a file in a temporary folder. `postgresql`: a new database on the server of DATABASE_URL, or on a server
    that is started for it and waits for the disk at every commit, as in production.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["DATABASE"] = name
    import django

    with _server(name) as url:
        if url:
            os.environ["DATABASE_URL"] = url
        django.setup()
        with _migrated_database():
            yield


@contextmanager
def _server(name: str) -> Iterator[str]:
    from tests.postgresql import running_server

    if name != "postgresql" or os.environ.get("DATABASE_URL"):
        yield ""
        return
    with running_server(durable=True) as url:
        yield url


@contextmanager
def _migrated_database() -> Iterator[None]:
    from django.db import connection

    with tempfile.TemporaryDirectory() as folder:
        connection.settings_dict["TEST"]["NAME"] = None
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "benchmark.sqlite3")
        before = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(before, verbosity=0)
