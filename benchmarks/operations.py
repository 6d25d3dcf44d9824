"""What is asked of stores of different size: the same number of rows, however many are stored."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import filling
from filling import Filling
from samples import DATA, METADATA, Noted

from event_store import NewEvent, event_store

PAGE = 100
_A_PAGE, _A_STREAM, _A_CONVERSATION = range(PAGE, PAGE + 1), range(7, 9), range(14, 17)


def _append(_: Filling) -> Sequence[Any]:
    event = NewEvent(Noted(**DATA), metadata=METADATA)
    return event_store.append(event, stream=f"Appended${uuid.uuid4()}", expected_version=-1)


def _read(query: Callable[[Any, Filling], Any]) -> Callable[[Filling], Sequence[Any]]:
    return lambda filled: list(query(event_store.events, filled))


OPERATIONS: dict[str, tuple[Callable[[Filling], Sequence[Any]], range]] = {
    "append an event": (_append, range(1, 2)),
    f"newest {PAGE}": (_read(lambda events, _: events.backward()[:PAGE]), _A_PAGE),
    f"{PAGE} of a frequent type in the middle": (
        _read(
            lambda events, filled: events.of_type(filling.FREQUENT_TYPE).after(filled.any_position(10 * PAGE))[:PAGE]
        ),
        _A_PAGE,
    ),
    f"{PAGE} in the middle": (_read(lambda events, filled: events.after(filled.any_position(PAGE))[:PAGE]), _A_PAGE),
    "a stream": (_read(lambda events, filled: events.in_stream(filled.any_stream())), _A_STREAM),
    "a process’s stream": (_read(lambda events, filled: events.in_stream(filled.any_process_stream())), _A_STREAM),
    "three streams": (
        _read(lambda events, filled: events.in_streams(*(filled.any_stream() for _ in range(3)))),
        range(7, 25),
    ),
    f"a frequent type, newest {PAGE}": (
        _read(lambda events, _: events.of_type(filling.FREQUENT_TYPE).backward()[:PAGE]),
        _A_PAGE,
    ),
    "a rare type": (_read(lambda events, _: events.of_type(filling.RARE_TYPE)[:PAGE]), range(20, 21)),
    f"a frequent category, newest {PAGE}": (
        _read(lambda events, _: events.in_category(filling.FREQUENT_CATEGORY).backward()[:PAGE]),
        _A_PAGE,
    ),
    "a rare category": (_read(lambda events, _: events.in_category(filling.RARE_CATEGORY)[:PAGE]), range(14, 15)),
    "what an event caused": (
        _read(lambda events, filled: events.with_causation_id(filled.any_cause())),
        range(1, 2),
    ),
    "a conversation": (
        _read(lambda events, filled: events.with_correlation_id(filled.any_conversation())),
        _A_CONVERSATION,
    ),
    f"{PAGE} from a time on, by time": (
        _read(lambda events, filled: events.newer_than(filled.any_time(PAGE)).as_at()[:PAGE]),
        _A_PAGE,
    ),
    f"{PAGE} from a time on, by position": (
        _read(lambda events, filled: events.newer_than(filled.any_time(PAGE))[:PAGE]),
        _A_PAGE,
    ),
    f"newest {PAGE} by validity": (_read(lambda events, _: events.as_of().backward()[:PAGE]), _A_PAGE),
    "every type": (lambda _: event_store.event_types(), range(4, 6)),
    "the streams of an event": (lambda filled: event_store.streams_of(filled.any_cause()), range(1, 3)),
}
