"""Who runs which partition: leases with fencing numbers, shared out among the workers that are alive."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Q

from event_store.models import Subscription, Worker
from event_store.subscriptions.database import adapted, database_time, skip_locked

LEASE_SECONDS = 30.0


def new_worker_name() -> str:
    """The host, the process, and eight digits that no later process has."""
    return f"{socket.gethostname()[:200]}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Capability:
    """What a worker may run: these subscriptions, these partitions; empty for all."""

    subscriptions: frozenset[str] = frozenset()
    partitions: frozenset[int] = frozenset()

    def includes(self, row: Subscription) -> bool:
        return (not self.subscriptions or row.name in self.subscriptions) and (
            not self.partitions or row.partition in self.partitions
        )


class Leases:
    """
    The leases of one worker. All times are the database's.

    Args:
        seconds: how long a lease holds without being renewed.
    """

    def __init__(self, name: str, capability: Capability, *, using: str, seconds: float = LEASE_SECONDS) -> None:
        self.name, self.capability, self.using = name, capability, using
        self._length = timedelta(seconds=seconds)

    def report(self) -> list[Worker]:
        """Say that this worker is alive, forget those that are dead, and name those that are left, the oldest first."""
        now = database_time(self.using)
        workers = Worker.objects.using(self.using)
        if not workers.filter(name=self.name).update(seen_at=now):
            workers.create(
                name=self.name,
                subscriptions=sorted(self.capability.subscriptions),
                partitions=sorted(self.capability.partitions),
                started_at=now,
                seen_at=now,
            )
        # A clock that went back must not keep the dead alive.
        workers.filter(Q(seen_at__lt=now - self._length) | Q(seen_at__gt=now + self._length)).delete()
        return list(workers.order_by("pk"))

    def renew(self, rates: dict[int, float]) -> None:
        """
        Prolong every lease that is held; one whose row is locked is being worked on, and not to be taken anyhow.

        Args:
            rates: events a second of late, by the id of the row.
        """
        if not rates:
            return
        until = adapted(database_time(self.using) + self._length, self.using)
        rate_of_each = " ".join(["WHEN %s THEN %s"] * len(rates))
        self._execute(
            f"UPDATE event_store_subscription SET lease_until = %s, rate = CASE id {rate_of_each} END WHERE id IN"  # noqa: S608 - fixed words only
            f" (SELECT id FROM event_store_subscription WHERE owner = %s{skip_locked(self.using)})",
            [until, *(value for pair in rates.items() for value in pair), self.name],
        )

    def acquire(self, row: Subscription) -> bool:
        """Take a partition that nobody holds, or whose holder has not been heard of for too long."""
        now = database_time(self.using)
        return self._execute(
            "UPDATE event_store_subscription SET owner = %s, lease_until = %s, fence = fence + 1, rate = NULL WHERE id ="  # noqa: S608 - fixed words only
            " (SELECT id FROM event_store_subscription WHERE id = %s AND fence = %s AND"
            f" (owner = '' OR lease_until IS NULL OR lease_until < %s OR lease_until > %s){skip_locked(self.using)})",
            [
                self.name,
                adapted(now + self._length, self.using),
                row.pk,
                row.fence,
                adapted(now, self.using),
                adapted(now + 2 * self._length, self.using),
            ],
        )

    def release(self, row_ids: Collection[int]) -> None:
        """Give partitions back, for others to take at once."""
        mine = Subscription.objects.using(self.using).filter(pk__in=row_ids, owner=self.name)
        mine.update(owner="", lease_until=None, rate=None)

    def sign_off(self) -> None:
        """Give everything back, and be gone."""
        Subscription.objects.using(self.using).filter(owner=self.name).update(owner="", lease_until=None, rate=None)
        Worker.objects.using(self.using).filter(name=self.name).delete()

    def _execute(self, sql: str, parameters: list[Any]) -> bool:
        with connections[self.using].cursor() as cursor:
            cursor.execute(sql, parameters)
            return bool(cursor.rowcount == 1)


def is_free(row: Subscription, now: datetime) -> bool:
    return not row.owner or row.lease_until is None or row.lease_until < now


def share_of(name: str, rows: Iterable[Subscription], workers: Sequence[Worker]) -> set[int]:
    """
    The ids of the partitions that a worker is to have, so that all have as many as each other.

    Every worker works it out from the same rows, and comes to the same answer.
    """
    mine: set[int] = set()
    abilities = [(each.name, Capability(frozenset(each.subscriptions), frozenset(each.partitions))) for each in workers]
    turns: dict[tuple[str, ...], int] = {}
    for row in sorted(rows, key=lambda each: (each.name, each.partition)):
        able = tuple(worker for worker, capability in abilities if capability.includes(row))
        if not able:
            continue
        turn = turns.get(able, 0)
        turns[able] = turn + 1
        if able[turn % len(able)] == name:
            mine.add(row.pk)
    return mine
