"""What processes wait for, and which of them are stuck; for a million of them, by their indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from event_store.models import Process
from event_store.processes.manager import process_managers
from event_store.stores import event_store
from event_store.subscriptions.database import adapted, is_postgresql

DEADLINE_PATIENCE = timedelta(minutes=1)
"""After a deadline has passed, before its process counts as stuck: workers look for what is due every second."""
COUNTED_UP_TO = 10_000

# Each group is found by a jump in an index, each count ends at a number: a GROUP BY would read every row that waits.
_GROUPS = """
WITH RECURSIVE found (type, waiting_for, number) AS (
    SELECT * FROM (
        SELECT p.type, p.waiting_for, 1 AS number FROM event_store_process p
        WHERE p.status = 'waiting'{only} ORDER BY p.type, p.waiting_for LIMIT 1
    ) AS first
    UNION ALL
    SELECT
        coalesce(
            (SELECT p.type FROM event_store_process p WHERE p.status = 'waiting'
                AND p.type = found.type AND p.waiting_for > found.waiting_for LIMIT 1),
            (SELECT p.type FROM event_store_process p WHERE p.status = 'waiting'
                AND p.type > found.type{only} ORDER BY p.type LIMIT 1)
        ),
        coalesce(
            (SELECT p.waiting_for FROM event_store_process p WHERE p.status = 'waiting'
                AND p.type = found.type AND p.waiting_for > found.waiting_for ORDER BY p.waiting_for LIMIT 1),
            (SELECT p.waiting_for FROM event_store_process p WHERE p.status = 'waiting'
                AND p.type > found.type{only} ORDER BY p.type, p.waiting_for LIMIT 1)
        ),
        number + 1
    FROM found WHERE found.type IS NOT NULL AND number < %(limit)s
),
groups AS (
    SELECT type, waiting_for, CASE type {cases} ELSE CAST(NULL AS {time}) END AS since FROM found WHERE type IS NOT NULL
)
SELECT
    type,
    waiting_for,
    (SELECT count(*) FROM (SELECT 1 FROM event_store_process p WHERE p.status = 'waiting'
        AND p.type = groups.type AND p.waiting_for = groups.waiting_for LIMIT %(most)s) AS counted),
    (SELECT count(*) FROM (
        SELECT id FROM (SELECT p.id FROM event_store_process p WHERE p.status = 'waiting'
            AND p.type = groups.type AND p.waiting_for = groups.waiting_for
            AND p.waiting_since < groups.since LIMIT %(most)s) AS too_long
        UNION
        SELECT id FROM (SELECT p.id FROM event_store_process p WHERE p.status = 'waiting'
            AND p.type = groups.type AND p.waiting_for = groups.waiting_for
            AND p.next_deadline < %(late)s LIMIT %(most)s) AS too_late
    ) AS stuck),
    (SELECT min(p.waiting_since) FROM event_store_process p WHERE p.status = 'waiting'
        AND p.type = groups.type AND p.waiting_for = groups.waiting_for),
    (SELECT min(p.next_deadline) FROM event_store_process p WHERE p.status = 'waiting'
        AND p.type = groups.type AND p.waiting_for = groups.waiting_for AND p.next_deadline IS NOT NULL)
FROM groups
"""


@dataclass(frozen=True)
class WaitingGroup:
    """
    Processes of one type that wait for the same.

    `waiting_for` is as in `Process`. `count` and `stuck` end at 10,001, which means more than 10,000. `oldest` is since when the
    first of them waits, `next_deadline` their earliest one that no step has seen yet.
    """

    type: str
    waiting_for: str
    count: int
    stuck: int
    oldest: datetime | None
    next_deadline: datetime | None


def waiting_groups(*, process_type: str = "", limit: int = 100) -> list[WaitingGroup]:
    """
    What processes wait for, the longest wait first; one statement.

    Args:
        process_type: of this type only; of all if left out.
        limit: of more groups the first by their names.
    """
    using, now = event_store.backend.using, timezone.now()
    parameters: dict[str, Any] = {
        "limit": limit,
        "most": COUNTED_UP_TO + 1,
        "late": adapted(now - DEADLINE_PATIENCE, using),
    }
    only = " AND p.type = %(only)s" if process_type else ""
    if only:
        parameters["only"] = process_type
    cases, time = ["WHEN '' THEN NULL"], "timestamptz" if is_postgresql(using) else "text"
    for number, (each, allowed) in enumerate(_allowed().items()):
        cases.append(f"WHEN %(type{number})s THEN CAST(%(since{number})s AS {time})")
        parameters |= {f"type{number}": each, f"since{number}": adapted(now - allowed, using)}
    with connections[using].cursor() as cursor:
        cursor.execute(_GROUPS.format(cases=" ".join(cases), time=time, only=only), parameters)
        groups = [
            WaitingGroup(group_type, waiting_for, count, stuck, _time(oldest), _time(next_deadline))
            for group_type, waiting_for, count, stuck, oldest, next_deadline in cursor.fetchall()
        ]
    return sorted(groups, key=lambda group: (group.oldest or now, group.type, group.waiting_for))


def count_processes(*statuses: str) -> dict[str, int]:
    """How many processes have each of these statuses, in one statement; 10,001 means more than 10,000."""
    counted = "(SELECT count(*) FROM (SELECT 1 FROM event_store_process WHERE status = %s LIMIT %s) AS counted)"
    with connections[event_store.backend.using].cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(counted for _ in statuses)}",
            [each for status in statuses for each in (status, COUNTED_UP_TO + 1)],
        )
        return dict(zip(statuses, cursor.fetchone(), strict=True))


def stuck_processes() -> QuerySet[Process]:
    """Those that wait for the same thing longer than their class allows, or beyond a deadline that nobody has handled."""
    now, allowed = timezone.now(), _allowed()
    stuck = Q(next_deadline__lt=now - DEADLINE_PATIENCE)
    if allowed:
        too_long = Q()
        for process_type, length in allowed.items():
            too_long |= Q(type=process_type, waiting_since__lt=now - length)
        # The bound for all of them is what the index can use.
        stuck |= Q(waiting_since__lt=now - min(allowed.values())) & too_long
    return Process.objects.using(event_store.backend.using).filter(stuck, status=Process.Status.WAITING)


def why_stuck(process: Process) -> str:
    """ "deadline" or "too long"; blank for one that is not stuck."""
    now = timezone.now()
    if process.status != Process.Status.WAITING:
        return ""
    if process.next_deadline is not None and process.next_deadline < now - DEADLINE_PATIENCE:
        return "deadline"
    allowed = _allowed().get(process.type)
    is_late = allowed is not None and process.waiting_since is not None and process.waiting_since < now - allowed
    return "too long" if is_late else ""


def _allowed() -> dict[str, timedelta]:
    return {each.type: each.stuck_after for each in process_managers.values() if each.stuck_after is not None}


def _time(value: Any) -> datetime | None:
    # SQLite gives Django's text, in UTC.
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
