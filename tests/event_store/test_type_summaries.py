from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import event_store, event_type_summaries, type_summaries
from event_store.type_summaries import NEWEST, NewestEvent
from tests.event_store.sample import Counted, Noted, NotedLoudly

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 3, 4, 5, 6, 7, 80_900, tzinfo=UTC)


def test_an_empty_store_has_no_types() -> None:
    assert event_type_summaries() == []


def test_each_type_is_summed_up_by_its_newest_events() -> None:
    with event_store.clock(lambda: MOMENT):
        [first] = event_store.append(Noted(), stream="Order$1")
        [second] = event_store.append(Noted(), stream="plain")
        [other] = event_store.append(Counted(number=1), stream="Order$1")

    counted, noted = event_type_summaries()
    assert (counted.type, counted.count) == ("sample.Counted", 1)
    assert (noted.type, noted.count) == ("sample.Noted", 2)
    assert noted.newest == [
        NewestEvent(second.global_position, "plain", MOMENT),
        NewestEvent(first.global_position, "Order", MOMENT),
    ]
    assert [each.global_position for each in counted.newest] == [other.global_position]


def test_counts_and_newest_events_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type_summaries, "COUNTED_UP_TO", 24)
    events = event_store.append([Counted(number=number) for number in range(30)], stream="s")

    [summary] = event_type_summaries()
    assert summary.count == 25
    assert [each.global_position for each in summary.newest] == [
        each.global_position for each in events[: -NEWEST - 1 : -1]
    ]


def test_types_are_read_on_from_a_name_in_one_statement() -> None:
    event_store.append([Counted(number=1), Noted(), NotedLoudly()], stream="s")

    with CaptureQueriesContext(connection) as captured:
        assert [each.type for each in event_type_summaries(limit=2)] == ["sample.Counted", "sample.Noted"]
    assert len(captured) == 1
    assert [each.type for each in event_type_summaries(after="sample.Noted")] == ["sample.NotedLoudly"]
    assert event_type_summaries(after="z") == []
