"""Ends a search that takes too long, and leaves the connection as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

_CANCELLED_IN_POSTGRESQL = "57014"
_STEPS_BETWEEN_LOOKS = 5_000


class TimeLimitReached(Exception):
    """What was read had not ended in time."""


@contextmanager
def time_limit(seconds: float, *, using: str) -> Iterator[None]:
    """
    For reading only: on PostgreSQL it is a transaction of its own, or a part of the current one, that is undone.

    Args:
        seconds: for each statement on PostgreSQL, for the whole block on SQLite.
        using: the alias of the database.
    Raises:
        TimeLimitReached: the connection can be used as before.
    """
    connection = connections[using]
    limited = _limited_postgresql if connection.vendor == "postgresql" else _limited_sqlite
    try:
        with limited(connection, seconds):
            yield
    except OperationalError as error:
        if _is_end_of_time(error):
            raise TimeLimitReached from error
        raise


@contextmanager
def _limited_postgresql(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
        yield
        # Undone, the limit ends with this block: a request may be one transaction.
        transaction.set_rollback(True, using=connection.alias)


@contextmanager
def _limited_sqlite(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    # The driver's own connection, whose type Django does not tell.
    driver: sqlite3.Connection = connection.connection
    driver.set_progress_handler(_once_after(seconds), _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def _once_after(seconds: float) -> Callable[[], bool]:
    end, has_ended = monotonic() + seconds, False

    def has_to_end() -> bool:
        # Once: what looks at the error may ask the database, too.
        nonlocal has_ended
        if has_ended or monotonic() < end:
            return False
        has_ended = True
        return True

    return has_to_end


def _is_end_of_time(error: OperationalError) -> bool:
    cause = error.__cause__
    return (
        getattr(cause, "sqlstate", None) == _CANCELLED_IN_POSTGRESQL
        or getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    )
