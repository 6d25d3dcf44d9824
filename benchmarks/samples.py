"""What the benchmarks write: one kind of event, ten calls for each stream."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from event_store import Event

CALLS_PER_STREAM = 10
LINKABLE = 200_000
"""How many events are there to be linked."""
TYPE = "benchmark.Noted"
DATA = {"order_id": "42", "text": "x" * 193}
METADATA = {"request_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "user": 7, "path": "y" * 83}
DATA_AS_JSON, METADATA_AS_JSON = (json.dumps(each, separators=(",", ":")) for each in (DATA, METADATA))


class Noted(Event, type=TYPE):
    order_id: str
    text: str


@dataclass(frozen=True)
class Place:
    """Where the events of one call go. `version` is that of the stream before it, `call` counts from 0."""

    run: str
    stream_number: int
    version: int
    call: int

    @property
    def stream(self) -> str:
        return f"Order-{self.run}${self.stream_number}"

    @property
    def category(self) -> str:
        return f"Order-{self.run}"

    @property
    def links(self) -> list[str]:
        """Three further streams, of which no other process writes: a hundred customers, ten caterers, one day."""
        number = self.stream_number
        return [f"Customer-{self.run}${number % 100}", f"Caterer-{self.run}${number % 10}", f"Day-{self.run}$1"]


class Neighbours:
    """
    The events that a stream is to show: neighbours, and others for each stream, so that none has very many links.

    Args:
        count: of stored events; they have the global positions from 1 on.
    """

    def __init__(self, count: int) -> None:
        self._count, self._start = count, 0

    def positions(self, place: Place, events: int) -> range:
        if place.version < 0:
            self._start = random.randrange(self._count - CALLS_PER_STREAM * events + 1)
        first = 1 + self._start + place.version + 1
        return range(first, first + events)


def places(events: int) -> Iterator[Place]:
    """Places for calls of so many events each, in streams that nobody else has."""
    run, call = uuid.uuid4().hex[:12], 0
    while True:
        number, call_in_stream = divmod(call, CALLS_PER_STREAM)
        yield Place(run, number, call_in_stream * events - 1, call)
        call += 1
