"""Writes with arguments that are not taken: each names the argument, stores nothing, and leaves the transaction usable."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from event_store import AppendCondition, EventStore, NewEvent, event_store
from event_store.backends.database import DatabaseBackend
from event_store.backends.memory import MemoryBackend
from event_store.exceptions import InvalidEvent, InvalidStoreSettings
from tests.event_store.sample import Counted, Noted
from tests.event_store.test_store import nothing_is_stored
from tests.event_store.wrong_values import (
    HOSTILE,
    ID,
    NO_EVENTS,
    NO_IDS,
    NO_JSON,
    NO_NAMES,
    NO_STREAMS,
    NO_TIMES,
    NO_TYPES,
    NO_VERSIONS,
    is_refusal,
    refusal_of,
)

pytestmark = pytest.mark.django_db


def published(**arguments: Any) -> Any:
    return event_store.publish(**({"events": Noted(), "stream": "s"} | arguments))


def appended(**arguments: Any) -> Any:
    return event_store.append(**({"events": Noted(), "stream": "s"} | arguments))


def linked(**arguments: Any) -> Any:
    return event_store.link(**({"event_ids": [ID], "stream": "s"} | arguments))


def published_new(**fields: Any) -> Any:
    return event_store.publish([Noted(), NewEvent(**({"event": Noted()} | fields))], stream="s")


def published_if(versions: Any, **options: Any) -> Any:
    return event_store.publish(Noted(), stream="s", condition=AppendCondition(versions, **options))


@pytest.mark.parametrize(
    ("argument", "call", "wrong_values"),
    [
        ("event", lambda wrong: published(events=wrong), NO_EVENTS),
        ("event", lambda wrong: published(events=[Noted(), wrong]), [*NO_EVENTS, [], [Noted()]]),
        ("stream", lambda wrong: published(stream=wrong), NO_STREAMS),
        ("expected_version", lambda wrong: published(expected_version=wrong), NO_VERSIONS),
        ("links", lambda wrong: published(links=wrong), [None, 5, "t", b"t", ["s"], {"s": -1}]),
        ("links", lambda wrong: published(links=["t", wrong]), NO_STREAMS),
        ("links['t']", lambda wrong: published(links={"t": wrong}), NO_VERSIONS),
        ("condition", lambda wrong: published(condition=wrong), [5, "s", {"s": 1}, AppendCondition, []]),
        ("on_duplicate", lambda wrong: published(on_duplicate=wrong), [None, "skip", True, 1, [], "IGNORE"]),
        ("on_duplicate", lambda wrong: published(events=wrong, on_duplicate="ignore"), [Noted(), [NewEvent(Noted())]]),
        ("event", lambda wrong: appended(events=wrong), NO_EVENTS),
        ("stream", lambda wrong: appended(stream=wrong), NO_STREAMS),
        ("expected_version", lambda wrong: appended(expected_version=wrong), NO_VERSIONS),
        ("links", lambda wrong: appended(links=[wrong]), NO_STREAMS),
        ("condition", lambda wrong: appended(condition=wrong), [5, {"s": 1}]),
        ("on_duplicate", lambda wrong: appended(on_duplicate=wrong), [None, "skip"]),
        ("event_ids", lambda wrong: linked(event_ids=wrong), NO_IDS),
        ("event_ids", lambda wrong: linked(event_ids=[ID, wrong]), [*NO_IDS, [ID]]),
        ("stream", lambda wrong: linked(stream=wrong), NO_STREAMS),
        ("expected_version", lambda wrong: linked(expected_version=wrong), NO_VERSIONS),
        ("stream", lambda wrong: event_store.delete_stream(stream=wrong), NO_STREAMS),
        ("expected_version", lambda wrong: event_store.delete_stream("s", expected_version=wrong), NO_VERSIONS),
        ("event", lambda wrong: published_new(event=wrong), [*NO_EVENTS, NewEvent(Noted())]),
        ("id", lambda wrong: published_new(id=wrong), [5, "", str(ID), b"x" * 16]),
        ("valid_at", lambda wrong: published_new(valid_at=wrong), NO_TIMES[1:]),
        ("correlation_id", lambda wrong: published_new(correlation_id=wrong), [5, "", str(ID)]),
        ("causation_id", lambda wrong: published_new(causation_id=wrong), [5, "", str(ID)]),
        ("metadata", lambda wrong: published_new(metadata=wrong), [None, 5, "a", [("a", 1)]]),
        ("metadata", lambda wrong: published_new(metadata={"a": {"b": [wrong]}}), NO_JSON),
        ("metadata", lambda wrong: published_new(metadata={wrong: 1}), [1j, Noted, *HOSTILE]),
        ("versions", published_if, [None, 5, "s", [], {}]),
        ("versions", lambda wrong: published_if({wrong: 1}), [name for name in NO_NAMES if name != ["s"]]),
        ("versions['s']", lambda wrong: published_if({"s": wrong}), NO_VERSIONS),
        ("types", lambda wrong: published_if({"s": -1}, types=wrong), [[], "Noted", Noted, 5]),
        ("types", lambda wrong: published_if({"s": -1}, types=[Noted, wrong]), NO_TYPES),
    ],
)
def test_a_write_with_a_wrong_argument_names_it_and_stores_nothing(
    argument: str, call: Any, wrong_values: list[Any]
) -> None:
    with transaction.atomic():
        refusals = [refusal_of(call, wrong) for wrong in wrong_values]
        assert nothing_is_stored()
        event_store.publish(Noted(), stream="s", expected_version=-1)

    assert [each for each in refusals if not is_refusal(each, argument)] == []


@pytest.mark.parametrize("backend", [None, "default", MemoryBackend, DatabaseBackend, object()])
def test_a_store_needs_a_backend(backend: Any) -> None:
    with pytest.raises(InvalidStoreSettings, match="^backend: "):
        EventStore(backend)


@pytest.mark.parametrize("made", [None, "x", 5, str(ID)])
def test_made_ids_are_uuids(made: Any) -> None:
    for backend in (MemoryBackend(), DatabaseBackend()):
        store = EventStore(backend, new_id=lambda: made)
        with pytest.raises(InvalidEvent, match="^new_id: "):
            store.publish([NewEvent(Counted(number=1), id=ID), Noted()], stream="s")
    assert nothing_is_stored()
