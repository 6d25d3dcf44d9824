"""What the two databases write differently when subscriptions lock rows and read the time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections
from django.utils import timezone

HANDLER_TIMEOUT = 300.0
"""Seconds that a handler may be silent between two statements, before PostgreSQL ends its session: a process that was
stopped in the middle of a transaction must not hold its partition for ever."""


def skip_locked(using: str) -> str:
    """The end of a SELECT that locks its rows; nothing on SQLite, whose writers have the database to themselves."""
    # FOR NO KEY UPDATE: a parked event refers to its subscription's row, which must not count as locked for that.
    return " FOR NO KEY UPDATE SKIP LOCKED" if is_postgresql(using) else ""


def is_postgresql(using: str) -> bool:
    return connections[using].vendor == "postgresql"


def database_time(using: str) -> datetime:
    """The database's own clock where it has one: machines' clocks differ."""
    if not is_postgresql(using):
        return timezone.now()
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def adapted(value: datetime | None, using: str) -> Any:
    """A time as a parameter of a statement."""
    return connections[using].ops.adapt_datetimefield_value(value)
