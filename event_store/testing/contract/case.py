"""What the parts of the contract share: a store on the backend in question, and events to write."""

from __future__ import annotations

from typing import Any

import pytest

from event_store.backends.base import Backend
from event_store.events import Event, RecordedEvent
from event_store.store import EventStore


class Noted(Event, type="event_store.contract.Noted"):
    text: str = ""


class NotedLoudly(Noted, type="event_store.contract.NotedLoudly"):
    volume: int = 11


class Counted(Event, type="event_store.contract.Counted"):
    number: int


class ContractCase:
    def make_backend(self) -> Backend:
        """A new, empty backend."""
        raise NotImplementedError(f"{type(self).__name__} needs make_backend(self), which returns an empty backend.")

    @pytest.fixture
    def store(self) -> EventStore:
        return EventStore(self.make_backend(), wake_up="worker")


def counted(*numbers: int) -> list[Counted]:
    return [Counted(number=number) for number in numbers]


def numbers(events: Any) -> list[int]:
    """The numbers of `Counted` events, in the order in which they are read."""
    return [event.data.number for event in events]


def positions(store: EventStore, stream: str) -> list[int | None]:
    return [event.position for event in store.events.in_stream(stream)]


def ten_numbers(store: EventStore) -> list[RecordedEvent[Any]]:
    """0 to 9 in the stream `numbers`, with an event of `noise` behind each."""
    recorded = []
    for number in range(10):
        recorded += store.append(Counted(number=number), stream="numbers")
        store.append(Noted(), stream="noise")
    return recorded


def nothing_is_stored(store: EventStore) -> bool:
    return not store.events.exists() and not store.streams.exists()
