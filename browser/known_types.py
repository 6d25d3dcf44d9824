"""The types of events that a visitor is told of."""

from __future__ import annotations

from collections.abc import Iterator

from browser.policy import Sight
from event_store import EventTypeSummary, event_classes, event_store, event_type_summaries

AT_ONCE, MOST = 100, 1_000


def known_types(sight: Sight) -> list[str]:
    """
    Those that the store has events of, by name. To visitors whom a policy limits: of the first 1,000 those that code
    declares, and those with an event that may be seen among the newest, as the catalogue lists them.
    """
    if not sight.is_limited:
        return event_store.event_types()
    declared, summaries = event_classes(), list(_summaries())
    newest = [each.global_position for summary in summaries if summary.type not in declared for each in summary.newest]
    seen = set(sight.of_events(newest, lambda position: position))
    return [
        each.type
        for each in summaries
        if each.type in declared or any(event.global_position in seen for event in each.newest)
    ]


def _summaries() -> Iterator[EventTypeSummary]:
    after = ""
    for _batch in range(MOST // AT_ONCE):
        found = event_type_summaries(after=after, limit=AT_ONCE)
        yield from found
        if len(found) < AT_ONCE:
            return
        after = found[-1].type
