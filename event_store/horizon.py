"""The global position up to which nothing can appear any more: what a durable reader may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connections

# Not the column `last_value`: a SELECT reads it without a lock, and while the sequence writes to the log that it is 32
# numbers ahead, it stands there 32 too high. The function answers nobody who may not see the sequence, FROM refuses.
_LAST_GIVEN_OUT = """
    SELECT coalesce(pg_sequence_last_value('event_store_storedevent_global_position_seq'::regclass), 0)
      FROM event_store_storedevent_global_position_seq
"""
_WRITERS = """
    SELECT pg_backend_pid(), pg_postmaster_start_time(),
           coalesce(array_agg(virtualtransaction) FILTER (WHERE pid IS DISTINCT FROM pg_backend_pid()), '{}'),
           coalesce(bool_or(pid = pg_backend_pid()), false)
      FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND relation = 'event_store_storedevent'::regclass
"""


@dataclass(frozen=True)
class _Sample:
    """The last position given out, and the transactions that were writing events just after."""

    position: int
    writers: frozenset[str]
    session: tuple[Any, ...]


class Horizon:
    """
    Reads the horizon of one database. Keep one for each reader; its memory makes it rise while writers overlap.

    PostgreSQL gives out positions when rows are inserted and shows them when they are committed. An INSERT locks the
    table before it draws its number and keeps the lock until its commit is visible: once every transaction that held
    the lock right after the number L was read has ended, every position up to L is final, holes included.
    """

    def __init__(self, using: str) -> None:
        """`last` is what was read last."""
        self.using = using
        self.last = 0
        self._final = 0
        self._pending: _Sample | None = None

    def read(self) -> int:
        """
        The horizon now, 0 for an empty store. Read it before the transaction, or at least before the statement,
        that reads events up to it.
        """
        postgresql = connections[self.using].vendor == "postgresql"
        self.last = self._final_position() if postgresql else self._greatest_position()
        return self.last

    def may_rise_to(self, position: int) -> bool:
        """Whether waiting for other writers can bring what was read last up to there."""
        return self.last < position and connections[self.using].vendor == "postgresql"

    def _final_position(self) -> int:
        with connections[self.using].cursor() as cursor:
            cursor.execute(_LAST_GIVEN_OUT)
            position = cursor.fetchone()[0]
            # A second statement, after the first: who starts to write in between draws a later number.
            cursor.execute(_WRITERS)
            pid, started, writers, publishing = cursor.fetchone()
        return self._resolve(_Sample(position, frozenset(writers), (pid, started)), publishing=publishing)

    def _resolve(self, now: _Sample, *, publishing: bool) -> int:
        pending, final = self._pending, self._final
        if pending is not None and pending.session != now.session:
            # After a crash the numbers may start again lower: nothing is carried over a lost connection.
            pending, final = None, 0
        if not now.writers:
            final, pending = now.position, None
        elif pending is None:
            pending = now
        elif not pending.writers & now.writers:
            final, pending = pending.position, now
        if publishing:
            # One's own uncommitted positions are no business of a later transaction.
            return final
        self._final, self._pending = final, pending or now
        return final

    def _greatest_position(self) -> int:
        # SQLite has one writer at a time: what can be seen is all there will be up to there.
        with connections[self.using].cursor() as cursor:
            cursor.execute("SELECT COALESCE(MAX(global_position), 0) FROM event_store_storedevent")
            position: int = cursor.fetchone()[0]
        return position
