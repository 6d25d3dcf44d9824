from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import event_store, sample_streams, stream_samples
from event_store.models import Stream
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db


def sampled(category: str, limit: int) -> tuple[list[str], bool, bool]:
    sample = sample_streams(category, limit=limit)
    return [each.name for each in sample.streams], sample.is_all, sample.is_newest


@pytest.fixture
def streams(db: None) -> None:
    for name in ("a$3", "a$1", "a$2", "b$1", "b$2", "c$1"):
        event_store.append(Noted(), stream=name)


def test_a_category_without_streams_has_a_sample_without_streams() -> None:
    assert sampled("a", 5) == ([], True, True)


def test_a_small_category_is_its_own_sample(streams: None) -> None:
    assert sampled("a", 5) == (["a$2", "a$1", "a$3"], True, True)


def test_of_a_large_category_the_newest_streams_are_taken(streams: None) -> None:
    assert sampled("a", 2) == (["a$2", "a$1"], False, True)


def test_what_is_not_among_the_newest_of_all_comes_by_name(streams: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_samples, "NEWEST", 4)

    assert sampled("a", 2) == (["a$2", "a$3"], False, False)
    assert sampled("a", 4) == (["a$2", "a$1", "a$3"], True, True)


def test_a_sample_is_one_statement_and_tells_how_long_each_stream_is(streams: None) -> None:
    event_store.append(Noted(), stream="a$1")
    event_store.delete_stream("a$2")

    with CaptureQueriesContext(connection) as captured:
        found = sample_streams("a", limit=3).streams
    assert len(captured) == 1
    assert [(each.name, each.version) for each in found] == [("a$2", -1), ("a$1", 1), ("a$3", 0)]
    assert [each.id for each in found] == list(
        Stream.objects.filter(category="a").order_by("-pk").values_list("pk", flat=True)
    )
