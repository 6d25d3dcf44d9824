"""Events as rows of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from browser.views.base import BrowserView
from event_store import RecordedEvent


@dataclass(frozen=True)
class LogRow:
    event: RecordedEvent[str]
    summary: str


def global_position(row: LogRow) -> int:
    return row.event.global_position


def log_rows(events: Iterable[RecordedEvent[str]], view: BrowserView) -> list[LogRow]:
    """One row for each, for a page that leaves out those that `view.sight` does not show."""
    return [LogRow(event, view.sight.line(event) if view.may_see_data else "") for event in events]
