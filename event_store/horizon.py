"""The global position up to which nothing can appear any more: what a durable reader may read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.db import connections

from event_store.exceptions import HorizonUnavailable

LONGEST_WAIT = 0.25
"""Seconds that a look at what is final waits for those who are writing."""
_POLL = 0.005
_LOOKS = 5

# Which sequence it is (it gets a new file when it is reset), and which life of the server. A crash takes back what was
# not written to disk yet, numbers of the sequence among it. When one killed back end makes the server start over, its
# start time stays, but a checkpoint always ends the recovery; others cost a reader no more than one forgotten sample.
_LIFE = """
    pg_relation_filenode('event_store_storedevent_global_position_seq'::regclass),
    pg_postmaster_start_time(), (pg_control_checkpoint()).checkpoint_lsn
"""
# Not the column `last_value`: a SELECT reads it without a lock, and while the sequence writes to the log that it is 32
# numbers ahead, it stands there 32 too high. The function answers nobody who may not see the sequence, FROM refuses.
_LAST_GIVEN_OUT = f"""
    SELECT coalesce(pg_sequence_last_value('event_store_storedevent_global_position_seq'::regclass), 0),
           (SELECT oid FROM pg_database WHERE datname = current_database()), {_LIFE}
      FROM event_store_storedevent_global_position_seq
"""  # noqa: S608 - fixed words only
# A prepared transaction has no pid.
_WRITERS = f"""
    SELECT coalesce(array_agg(virtualtransaction) FILTER (WHERE pid IS DISTINCT FROM pg_backend_pid()), '{{}}'),
           coalesce(bool_or(pid = pg_backend_pid()), false), current_setting('transaction_isolation'), pg_is_in_recovery(),
           {_LIFE}
      FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
       AND database = %s::oid AND relation = 'event_store_storedevent'::regclass
"""  # noqa: S608 - fixed words only


@dataclass(frozen=True)
class _Sample:
    """The last position given out, and the transactions that were writing events just after."""

    position: int
    writers: frozenset[str]
    life: tuple[Any, ...]

    def follows(self, earlier: _Sample) -> bool:
        """Whether what was known then still holds now; a number that went back was set by hand."""
        return self.life == earlier.life and self.position >= earlier.position


class Horizon:
    """
    Reads the horizon of one database. Keep one for each reader, in one thread; its memory makes it rise while writers
    overlap.

    PostgreSQL gives out positions when rows are inserted and shows them when they are committed. An INSERT locks the
    table before it draws its number and keeps the lock until its commit is visible: once every transaction that held
    the lock right after the number L was read has ended, every position up to L is final, holes included. The memory
    does not depend on the connection, which a pooler may change with every statement. docs/ordering.md has the proof.
    """

    def __init__(self, using: str) -> None:
        """`last` is what was read last."""
        self.using = using
        self.last = 0
        self._final = 0
        self._newest: _Sample | None = None
        self._pending: _Sample | None = None
        self._outlasting: frozenset[str] = frozenset()

    def read(self) -> int:
        """
        The horizon now, 0 for an empty store. Read it before the transaction, or at least before the statement,
        that reads events up to it.

        Raises:
            HorizonUnavailable: on a standby, or inside a transaction whose snapshot can be older than the answer
                (REPEATABLE READ, SERIALIZABLE), the one around a TestCase apart.
        """
        self.last = self._final_position() if self._is_on_postgresql() else self._greatest_position()
        return self.last

    def settled(self, *, within: float) -> int:
        """
        The horizon once those who are writing now have ended, or as far as it is known after `within` seconds.

        A transaction that one call has waited for in vain is not waited for again.
        """
        give_up_at = time.monotonic() + within
        self.read()
        wanted = 0 if self._newest is None else self._newest.position
        while self.may_rise_to(wanted) and not self._is_outlasted():
            if time.monotonic() > give_up_at:
                self._outlasting = frozenset() if self._newest is None else self._newest.writers
                break
            time.sleep(_POLL)
            self.read()
        return self.last

    def may_rise_to(self, position: int) -> bool:
        """Whether waiting for other writers can bring what was read last up to there."""
        return self.last < position and self._is_on_postgresql()

    def _is_on_postgresql(self) -> bool:
        return connections[self.using].vendor == "postgresql"

    def _is_outlasted(self) -> bool:
        return self._pending is not None and not self._outlasting.isdisjoint(self._pending.writers)

    def _final_position(self) -> int:
        for _ in range(_LOOKS):
            position, database, *life = self._answer(_LAST_GIVEN_OUT)
            # A second statement, after the first: who starts to write in between draws a later number.
            writers, publishing, isolation, is_standby, *life_then = self._answer(_WRITERS, database)
            self._check_usable(isolation, is_standby=is_standby)
            # Behind a pooler the two may be of two connections, and the server may have crashed in between.
            if life == life_then:
                now = _Sample(position, frozenset(writers), (database, *life))
                return self._resolve(now, publishing=publishing)
        raise HorizonUnavailable(
            self.using,
            "two looks in a row never met the same server: it restarts again and again, or several servers answer by "
            "turns. Connect to the primary only.",
        )

    def _answer(self, statement: str, *parameters: Any) -> Any:
        with connections[self.using].cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchone()

    def _check_usable(self, isolation: str, *, is_standby: bool) -> None:
        if is_standby:
            raise HorizonUnavailable(
                self.using, "it is a standby, which does not know who is writing. Read from the primary."
            )
        if isolation in ("repeatable read", "serializable") and self._is_in_transaction():
            raise HorizonUnavailable(
                self.using,
                f"the open transaction is {isolation.upper()} and may not see what became final after it began. "
                "Read it before the transaction, or under READ COMMITTED.",
            )

    def _is_in_transaction(self) -> bool:
        connection = connections[self.using]
        if connection.atomic_blocks and getattr(connection.atomic_blocks[0], "_from_testcase", False):
            # It looks at what it has written itself, and ends without a commit.
            return False
        # The driver's word: the transaction may have been begun by hand. 0 is none, in psycopg 2 as well.
        return bool(connection.connection.info.transaction_status != 0)

    def _resolve(self, now: _Sample, *, publishing: bool) -> int:
        if self._newest is not None and not now.follows(self._newest):
            self._final, self._pending = 0, None
        self._newest = now
        final, pending = self._final, self._pending
        if not now.writers:
            final, pending = now.position, None
        elif pending is None:
            pending = now
        elif pending.writers.isdisjoint(now.writers):
            final, pending = pending.position, now
        if publishing:
            # One's own uncommitted positions are no business of a later transaction.
            return final
        self._final, self._pending = final, pending or now
        return final

    def _greatest_position(self) -> int:
        # SQLite has one writer at a time: what can be seen is all there will be up to there.
        [position] = self._answer("SELECT COALESCE(MAX(global_position), 0) FROM event_store_storedevent")
        return int(position)


class _OfThisThread(threading.local):
    def __init__(self) -> None:
        self.by_alias: dict[str, Horizon] = {}


_readers = _OfThisThread()


def settled_horizon(using: str) -> int:
    """
    For whoever keeps no reader: the horizon after a wait of 250 ms at most for those who are writing. What it
    remembers in between, so that long transactions do not hide everything, belongs to the thread.

    Raises: HorizonUnavailable.
    """
    return _readers.by_alias.setdefault(using, Horizon(using)).settled(within=LONGEST_WAIT)
