"""What only the memory backend shows; what it shares with the others is in the contract."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from event_store import EventStore, WrongExpectedVersion, event_store, subscriber
from event_store.backends.memory import MemoryBackend
from tests.event_store.sample import Counted, Noted

IN_MEMORY = {"default": {"BACKEND": "event_store.backends.memory.MemoryBackend"}}


def test_writers_take_turns() -> None:
    store = EventStore(MemoryBackend())

    def write(number: int) -> list[Any]:
        return [store.append(Counted(number=number), stream="s", links=[f"t{number}"])[0].position for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        positions = [position for written in pool.map(write, range(8)) for position in written]

    assert sorted(positions) == list(range(400))
    assert [event.position for event in store.events.in_stream("s")] == list(range(400))


def test_of_several_with_one_expected_version_one_wins() -> None:
    store, barrier = EventStore(MemoryBackend()), threading.Barrier(6)

    def write(_: int) -> Any:
        barrier.wait()
        try:
            return store.append(Noted(), stream="s", expected_version=-1)
        except WrongExpectedVersion as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(write, range(6)))

    assert [answer.actual for answer in answers if isinstance(answer, WrongExpectedVersion)] == [0] * 5


def test_nobody_sees_what_a_block_has_not_finished() -> None:
    store, seen = EventStore(MemoryBackend()), []
    reader = threading.Thread(target=lambda: seen.append(store.events.count()))
    with pytest.raises(RuntimeError), store.atomic():
        store.append(Noted(), stream="s")
        reader.start()
        raise RuntimeError
    reader.join(timeout=30)

    assert seen == [0]


def test_a_store_of_the_settings_is_one_for_all_threads(settings: Any) -> None:
    settings.EVENT_STORES = IN_MEMORY
    with ThreadPoolExecutor(1) as pool:
        [event] = pool.submit(lambda: event_store.publish(Noted(), stream="s")).result(timeout=30)

    assert list(event_store.events) == [event]


def test_settings_that_change_begin_with_an_empty_store(settings: Any) -> None:
    settings.EVENT_STORES = IN_MEMORY
    event_store.publish(Noted(), stream="s")
    settings.EVENT_STORES = IN_MEMORY | {"second": IN_MEMORY["default"]}

    assert event_store.events.count() == 0


def test_immediate_subscribers_are_called_and_undo_what_they_refuse(settings: Any) -> None:
    settings.EVENT_STORES = IN_MEMORY

    @subscriber(Noted)
    def refuse(event: Any) -> None:
        raise RuntimeError(event.data.text)

    with pytest.raises(RuntimeError, match="no"):
        event_store.publish(Noted(text="no"), stream="s")

    assert event_store.events.count() == 0


def test_durable_subscribers_do_not_read_it(settings: Any, django_capture_on_commit_callbacks: Any, db: None) -> None:
    settings.EVENT_STORES = IN_MEMORY
    seen: list[Any] = []
    subscriber(Noted, durable=True, name="memory")(seen.append)

    with django_capture_on_commit_callbacks(execute=True) as woken:
        event_store.publish(Noted(), stream="s")

    assert (woken, seen) == ([], [])
