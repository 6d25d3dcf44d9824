"""What the benchmarks write: one kind of event, ten calls for each stream."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from event_store import Event

CALLS_PER_STREAM = 10
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


def places(events: int) -> Iterator[Place]:
    """Places for calls of so many events each, in streams that nobody else has."""
    run, call = uuid.uuid4().hex[:12], 0
    while True:
        number, call_in_stream = divmod(call, CALLS_PER_STREAM)
        yield Place(run, number, call_in_stream * events - 1, call)
        call += 1
