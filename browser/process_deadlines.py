"""The deadlines of one process: when each was due, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from event_store.models import Process, ProcessDeadline

MOST_DEADLINES = 400
REACHED, CANCELLED = ProcessDeadline.Status.REACHED, ProcessDeadline.Status.CANCELLED


@dataclass(frozen=True)
class ShownDeadline:
    """
    Attributes:
        outcome: "open", "overdue", "reached" (and no step has handled it yet), "handled" or "cancelled".
        set_in, ended_in: numbers of steps, from 1; `ended_in` None while nobody has handled or cancelled it.
        set_at, ended_at: when the events of those steps were recorded.
    """

    id: int
    name: str
    due_at: datetime
    reason: str
    outcome: str
    set_in: int
    set_at: datetime
    ended_in: int | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.ended_in is None

    @property
    def is_late(self) -> bool:
        """It is due, and nobody has handled it."""
        return self.outcome == "overdue" or (self.outcome == "reached" and self.is_open)


def deadlines_of(process: Process, *, first: int, last: int) -> list[ShownDeadline]:
    """Those that steps `first` to `last` (from 1) have set or ended, and the open ones, in the order they were set in."""
    numbers = (first - 1, last - 1)
    shown = Q(set_by__number__range=numbers) | Q(ended_by__number__range=numbers) | Q(ended_by=None)
    found = (
        ProcessDeadline.objects.filter(shown, process=process)
        .order_by("-pk")
        .values(
            "id", "name", "due_at", "reason", "status", "event_id",
            set_in=F("set_by__number") + 1,
            set_at=F("set_by__event__recorded_at"),
            ended_in=F("ended_by__number") + 1,
            ended_at=F("ended_by__event__recorded_at"),
            ended_by_event=F("ended_by__event__event_id"),
        )[:MOST_DEADLINES]
    )  # fmt: skip
    now = timezone.now()
    return [_shown(dict(each), now) for each in reversed(found)]


def by_step(deadlines: Sequence[ShownDeadline], number: int) -> tuple[list[ShownDeadline], list[ShownDeadline]]:
    """Those that a step has set, and those that it has cancelled."""
    cancelled = [each for each in deadlines if each.ended_in == number and each.outcome == "cancelled"]
    return [each for each in deadlines if each.set_in == number], cancelled


def _shown(row: dict[str, Any], now: datetime) -> ShownDeadline:
    outcome = _outcome(row, now)
    kept = {name: value for name, value in row.items() if name not in ("status", "event_id", "ended_by_event")}
    return ShownDeadline(outcome=outcome, **kept)


def _outcome(row: dict[str, Any], now: datetime) -> str:
    # One that a step has handled is cancelled later on, so that it can be set again: it was reached all the same.
    if row["event_id"] is not None and row["event_id"] == row["ended_by_event"]:
        return "handled"
    if row["status"] == CANCELLED:
        return "cancelled"
    if row["status"] == REACHED:
        return "handled" if row["ended_in"] is not None else "reached"
    return "overdue" if row["due_at"] < now else "open"
