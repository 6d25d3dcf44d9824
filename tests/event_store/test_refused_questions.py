"""Questions with arguments that are not taken: each names the argument, at once and before anything is read."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import event_store
from tests.event_store.sample import Noted
from tests.event_store.wrong_values import (
    ID,
    NO_BOUNDS,
    NO_COUNTS,
    NO_IDS,
    NO_NAMES,
    NO_TIMES,
    NO_TYPES,
    NO_VALUES,
    is_refusal,
    refusal_of,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "argument", "first", "wrong_values"),
    [
        ("streams_of", "event", (), [*NO_IDS, [ID]]),
        ("global_position", "event", (), NO_IDS),
        ("position_in_stream", "stream", (ID,), NO_NAMES),
        ("is_in_stream", "stream", (ID,), NO_NAMES),
        ("recently_changed_streams", "limit", (), NO_COUNTS),
        ("categories", "limit", (), NO_COUNTS),
        ("caused_by", "caused_by", (), [None, ID, str(ID), Noted()]),
        ("clock", "clock", (), [None, 5, datetime(2026, 1, 1)]),
        ("events.in_stream", "stream", (), [*NO_NAMES, "$all", "$", "$Type-x"]),
        ("events.in_streams", "streams", ("s",), [*NO_NAMES, "$type-x"]),
        ("events.in_category", "category", (), [*NO_NAMES[1:], "Order$1"]),
        ("events.of_type", "of_type", (), NO_TYPES),
        ("events.of_type", "of_type", (Noted,), NO_TYPES),
        ("events.not_of_type", "not_of_type", (), NO_TYPES),
        ("events.with_ids", "with_ids", (ID,), [*NO_IDS, [ID]]),
        ("events.with_correlation_id", "with_correlation_id", (), NO_IDS),
        ("events.with_causation_id", "with_causation_id", (), NO_IDS),
        ("events.with_data", "with_data", (), NO_VALUES),
        ("events.with_metadata", "with_metadata", (), NO_VALUES),
        ("events.after", "after", (), NO_BOUNDS),
        ("events.after_or_equal", "after_or_equal", (), NO_BOUNDS),
        ("events.before", "before", (), NO_BOUNDS),
        ("events.before_or_equal", "before_or_equal", (), NO_BOUNDS),
        ("events.newer_than", "newer_than", (), NO_TIMES),
        ("events.newer_than_or_equal", "newer_than_or_equal", (), NO_TIMES),
        ("events.older_than", "older_than", (), NO_TIMES),
        ("events.older_than_or_equal", "older_than_or_equal", (), NO_TIMES),
        ("events.limit", "limit", (), NO_COUNTS),
        ("events.batches", "size", (), [0, *NO_COUNTS]),
        ("streams.with_prefix", "prefix", (), NO_NAMES[1:]),
        ("streams.in_category", "category", (), [*NO_NAMES[1:], "Order$1"]),
        ("streams.after", "after", (), NO_NAMES),
        ("streams.before", "before", (), NO_NAMES),
        ("streams.limit", "limit", (), NO_COUNTS),
        ("streams.batches", "size", (), [0, *NO_COUNTS]),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_read(
    method: str, argument: str, first: Any, wrong_values: list[Any]
) -> None:
    ask = attrgetter(method)(event_store)
    with CaptureQueriesContext(connection) as statements:
        refusals = [refusal_of(lambda wrong: ask(*first, wrong), wrong) for wrong in wrong_values]

    assert [each for each in refusals if not is_refusal(each, argument)] == []
    assert len(statements) == 0


@pytest.mark.parametrize("method", ["position_in_stream", "is_in_stream"])
def test_what_is_no_event_stands_in_no_stream(method: str) -> None:
    ask = getattr(event_store, method)
    refusals = [refusal_of(lambda wrong: ask(wrong, "s"), wrong) for wrong in NO_IDS]

    assert [each for each in refusals if not is_refusal(each, "event")] == []


@pytest.mark.parametrize("index", [3, -1, "a", None, slice(1, 5), slice(None), slice(0, 10, 2), slice(-3, None)])
def test_only_a_beginning_can_be_cut_off(index: Any) -> None:
    for query in (event_store.events, event_store.streams):
        refusal = refusal_of(query.__getitem__, index)

        assert is_refusal(refusal, "Only [:n] is possible")
