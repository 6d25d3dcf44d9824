"""Transactions by hand, for writers that stay open as long as a test wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction


def begin(using: str = "default") -> None:
    transaction.set_autocommit(False, using=using)


def finish(end: Callable[..., None], using: str = "default") -> None:
    """`end` is `transaction.commit` or `transaction.rollback`."""
    end(using=using)
    transaction.set_autocommit(True, using=using)


def run(statement: str, *parameters: Any, using: str = "default") -> list[Any]:
    """The rows of the answer, if there is one."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def roll_back_prepared(using: str = "default") -> None:
    """Leave no prepared transaction behind: it would hold its locks for ever."""
    for [name] in run("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()", using=using):
        run(f"ROLLBACK PREPARED '{name}'", using=using)
