"""The same random operations on every backend, and no difference: memory, this run's database, and SQLite beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from event_store import ANY, STREAM_EXISTS, AppendCondition, EventQuery, EventStoreError, NewEvent, RecordedEvent
from event_store.backends.database import DatabaseBackend
from event_store.backends.memory import MemoryBackend
from event_store.store import EventStore
from tests.event_store.sample import Counted, Noted, NotedLoudly

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STREAMS = st.sampled_from(["a", "b", "Order$1", "Order$2"])
VERSIONS = st.sampled_from([ANY, STREAM_EXISTS, -1, 0, 1, 2, 5])
IDS = st.integers(1, 30).map(lambda number: UUID(int=number))
TIMES = st.integers(0, 5).map(lambda days: BEGIN + timedelta(days=days))
DATA = st.one_of(
    st.builds(Counted, number=st.integers(0, 3)),
    st.builds(Noted, text=st.sampled_from(["", "x"])),
    st.just(NotedLoudly()),
)
EVENTS = st.builds(
    NewEvent,
    DATA,
    id=IDS,
    valid_at=st.none() | TIMES,
    metadata=st.dictionaries(st.sampled_from("xy"), st.booleans()),
    causation_id=st.none() | IDS,
)
TYPES = st.sampled_from([[Counted], [Noted], ["sample.NotedLoudly"], [Counted, Noted]])
CONDITIONS = st.none() | st.builds(
    AppendCondition, st.dictionaries(STREAMS, st.integers(-1, 3), min_size=1, max_size=2), types=st.none() | TYPES
)


def narrowed(method: str, argument: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """A method of a query, with the arguments to call it with."""
    return st.just((method, ())) if argument is None else argument.map(lambda value: (method, (value,)))


QUESTIONS = st.lists(
    st.one_of(
        narrowed("in_stream", STREAMS),
        st.lists(STREAMS, max_size=3).map(lambda names: ("in_streams", names)),
        narrowed("in_category", st.sampled_from(["a", "Order"])),
        TYPES.map(lambda types: ("of_type", types)),
        TYPES.map(lambda types: ("not_of_type", types)),
        st.lists(IDS, max_size=5).map(lambda ids: ("with_ids", ids)),
        narrowed("with_correlation_id", IDS),
        narrowed("with_causation_id", IDS),
        narrowed("with_data", st.fixed_dictionaries({"number": st.integers(0, 3)})),
        st.tuples(st.just("number"), st.sampled_from(["!=", "<", ">=", "exists"]), st.integers(0, 3)).map(
            lambda compared: ("where_data", compared)
        ),
        narrowed("with_metadata", st.fixed_dictionaries({"x": st.booleans()})),
        narrowed("after", IDS),
        narrowed("after_or_equal", IDS),
        narrowed("before", IDS),
        narrowed("before_or_equal", IDS),
        narrowed("newer_than", TIMES),
        narrowed("newer_than_or_equal", TIMES),
        narrowed("older_than", TIMES),
        narrowed("older_than_or_equal", TIMES),
        st.tuples(TIMES, TIMES).map(lambda times: ("between", times)),
        narrowed("as_at"),
        narrowed("as_of"),
        narrowed("backward"),
        narrowed("limit", st.integers(0, 4)),
    ),
    max_size=4,
)


class Undone(Exception):
    pass


class Backends(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        databases = [alias for alias in ("default", "archive") if alias in django_settings.DATABASES]
        self.stores = [EventStore(backend) for backend in (MemoryBackend(), *map(_database, databases))]
        self.blocks: list[list[AbstractContextManager[Any]]] = []
        self.now = BEGIN

    @initialize()
    def begin_in_a_block(self) -> None:
        self.begin_a_block()

    def agree(self, ask: Callable[[EventStore], Any]) -> None:
        answers = [_answer(store, ask, self.now) for store in self.stores]
        assert all(answer == answers[0] for answer in answers[1:]), answers

    @rule(
        events=st.lists(EVENTS, max_size=3),
        stream=STREAMS,
        expected=VERSIONS,
        links=st.dictionaries(STREAMS, VERSIONS, max_size=2),
        condition=CONDITIONS,
        on_duplicate=st.sampled_from(["raise", "raise", "ignore"]),
    )
    def publish(self, **arguments: Any) -> None:
        arguments["expected_version"] = arguments.pop("expected")
        arguments["links"].pop(arguments["stream"], None)
        self.now += timedelta(hours=7)
        self.agree(lambda store: store.append(**arguments))

    @rule(stream=STREAMS, events=st.lists(EVENTS, min_size=1, max_size=2))
    def publish_without_doubt(self, stream: str, events: list[Any]) -> None:
        self.agree(lambda store: store.append(events, stream=stream))

    @rule(ids=st.lists(IDS, max_size=3), stream=STREAMS, expected=VERSIONS)
    def link(self, ids: list[UUID], stream: str, expected: Any) -> None:
        self.agree(lambda store: store.link(ids, stream=stream, expected_version=expected))

    @rule(stream=STREAMS, expected=VERSIONS)
    def delete_stream(self, stream: str, expected: Any) -> None:
        self.agree(lambda store: store.delete_stream(stream, expected_version=expected))

    @rule()
    def begin_a_block(self) -> None:
        self.blocks.append([store.atomic() for store in self.stores])
        for block in self.blocks[-1]:
            block.__enter__()

    @precondition(lambda self: len(self.blocks) > 1)
    @rule(undone=st.booleans())
    def end_a_block(self, undone: bool) -> None:
        _end(self.blocks.pop(), undone=undone)

    @rule(question=QUESTIONS, size=st.integers(1, 3))
    def read(self, question: Any, size: int) -> None:
        self.agree(lambda store: list(_query(store, question)))
        self.agree(lambda store: _query(store, question).count())
        self.agree(lambda store: _page_by_page(_query(store, question), size))

    @rule(question=QUESTIONS, size=st.integers(1, 3))
    def page_by_page_is_all_at_once(self, question: Any, size: int) -> None:
        for store in self.stores:
            query = _query(store, question)
            assert _answer(store, lambda _, query=query: _page_by_page(query, size), self.now) == _answer(
                store, lambda _, query=query: list(query), self.now
            )

    @rule(event_id=IDS, stream=STREAMS)
    def find(self, event_id: UUID, stream: str) -> None:
        self.agree(lambda store: store.streams_of(event_id))
        self.agree(lambda store: store.position_in_stream(event_id, stream))
        self.agree(lambda store: store.is_in_stream(event_id, stream))

    @rule(prefix=st.sampled_from(["", "O", "Order$1"]), bound=STREAMS, backward=st.booleans())
    def list_streams(self, prefix: str, bound: str, backward: bool) -> None:
        def ask(store: EventStore) -> list[str]:
            query = store.streams.with_prefix(prefix).after(bound)
            return [stream.name for stream in (query.backward() if backward else query)]

        self.agree(ask)

    @invariant()
    def streams_are_the_same(self) -> None:
        self.agree(lambda store: [(stream.name, stream.category, stream.version) for stream in store.streams])
        self.agree(lambda store: [stream.name for stream in store.recently_changed_streams()])
        self.agree(lambda store: store.categories())
        self.agree(EventStore.event_types)

    def teardown(self) -> None:
        self.agree(lambda store: list(store.events))
        while self.blocks:
            _end(self.blocks.pop(), undone=True)


def _database(alias: str) -> DatabaseBackend:
    return DatabaseBackend(using=alias)


def _query(store: EventStore, question: Any) -> EventQuery[Any]:
    query: EventQuery[Any] = store.events
    for method, arguments in question:
        query = getattr(query, method)(*arguments)
    return query


def _page_by_page(query: EventQuery[Any], size: int) -> list[Any]:
    return [event for page in query.batches(size) for event in page]


def _end(blocks: list[AbstractContextManager[Any]], *, undone: bool) -> None:
    for block in blocks:
        if not undone:
            block.__exit__(None, None, None)
            continue
        with pytest.raises(Undone):
            if not block.__exit__(Undone, error := Undone(), None):
                raise error


def _answer(store: EventStore, ask: Callable[[EventStore], Any], now: datetime) -> Any:
    try:
        with store.clock(lambda: now):
            answer = ask(store)
    except EventStoreError as error:
        return type(error), str(error), vars(error)
    return [_without_position(each) for each in answer] if isinstance(answer, list) else answer


def _without_position(answer: Any) -> Any:
    # Global positions differ, as undone writes leave holes; their order does not.
    if isinstance(answer, RecordedEvent):
        return {name: getattr(answer, name) for name in answer.__struct_fields__ if name != "global_position"}
    return answer


@pytest.mark.django_db(databases=[alias for alias in ("default", "archive") if alias in django_settings.DATABASES])
def test_every_backend_does_the_same() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Backends,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
