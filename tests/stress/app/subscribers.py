"""One subscription of each kind; each notes what it handles, in the transaction of its checkpoint."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from event_store import Event, RecordedEvent, event_store, subscriber
from tests.stress.app.events import Followed, Other, Written
from tests.stress.app.models import Effect

FEED = "Feed"
"""The stream that one subscription reads; writers link into it."""


def note(subscription: str, *events: RecordedEvent[Any]) -> None:
    Effect.objects.bulk_create(
        Effect(
            subscription=subscription,
            event_position=event.global_position,
            stream=event.stream or "",
            stream_position=-1 if event.position is None else event.position,
        )
        for event in events
    )
    if random.random() < 0.02:
        # Long enough to be killed or stopped in between.
        time.sleep(0.02)


def noting(subscription: str) -> Callable[[RecordedEvent[Any]], None]:
    return lambda event: note(subscription, event)


subscriber(Written, Other, durable=True, name="everything")(noting("everything"))
subscriber(Written, Other, durable=True, name="in four", partitions=4)(noting("in four"))
subscriber(Other, durable=True, name="by type")(noting("by type"))
subscriber(Event, durable=True, name="by category", category="Order")(noting("by category"))
subscriber(Event, durable=True, name="one stream", stream=FEED)(noting("one stream"))


@subscriber(Written, Other, durable=True, name="in batches", batch_size=20, partitions=2)
def note_list(events: list[RecordedEvent[Any]]) -> None:
    note("in batches", *events)


@subscriber(Other, durable=True, name="following")
def follow(event: RecordedEvent[Other]) -> None:
    note("following", event)
    event_store.publish(Followed(position=event.global_position), stream=f"Followed${event.data.writer}")
