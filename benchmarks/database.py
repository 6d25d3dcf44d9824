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
    """A new database, which processes that are started inside find by `connect`. See `server` and `new_database`."""
    with server(name), new_database():
        yield


@contextmanager
def server(name: str) -> Iterator[None]:
    """
    `sqlite`: nothing. `postgresql`: the server of DATABASE_URL, or one that is started for it and waits for the disk at
    every commit, as in production.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ["DATABASE"] = name
    if name != "postgresql" or os.environ.get("DATABASE_URL"):
        yield
        return
    from tests.postgresql import running_server

    with running_server(durable=True) as url:
        os.environ["DATABASE_URL"] = url
        try:
            yield
        finally:
            del os.environ["DATABASE_URL"]


@contextmanager
def new_database() -> Iterator[None]:
    """`sqlite`: a file in a temporary folder. `postgresql`: a new database on the server. It is removed at the end."""
    connect()
    from django.db import connection

    with tempfile.TemporaryDirectory() as folder:
        name = f"benchmark_{os.getpid()}"
        file = str(Path(folder) / "benchmark.sqlite3")
        connection.settings_dict["TEST"]["NAME"] = file if connection.vendor == "sqlite" else name
        before = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        os.environ["DATABASE_NAME"] = str(connection.settings_dict["NAME"])
        try:
            yield
        finally:
            del os.environ["DATABASE_NAME"]
            connection.creation.destroy_test_db(before, verbosity=0)


def connect() -> None:
    """Set Django up on the database of the environment."""
    import django

    django.setup()


def set_durability(synchronous: str) -> None:
    """SQLite's NORMAL (a power cut may cost the last commits) or FULL; PostgreSQL waits for the disk anyway."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA synchronous = {synchronous}")


def analyze() -> None:
    """Statistics for the planner, as a store has them that has been in use for a while."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def versions() -> str:
    """What the figures were measured on."""
    import platform

    import django
    from django.db import connection

    connection.ensure_connection()
    number = ".".join(map(str, connection.get_database_version()))
    words = f"{connection.display_name} {number}, Python {platform.python_version()}, Django {django.__version__}"
    return f"{words}, {os.cpu_count()} cores"
