"""What time it is for processes."""

from __future__ import annotations

from datetime import datetime

from event_store.context import current_context
from event_store.subscriptions.database import database_time


def now_of(using: str) -> datetime:
    """The time of the block's clock, or of the database: machines' clocks differ."""
    clock = current_context().clock
    return database_time(using) if clock is None else clock()
