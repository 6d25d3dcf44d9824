"""Writing through the public API."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from samples import CALLS_PER_STREAM, DATA, LINKABLE, METADATA, Neighbours, Noted, Place
from writing import Write

from event_store import NewEvent, RecordedEvent, event_store


@contextmanager
def publishing(events: int) -> Iterator[Write]:
    def publish(place: Place) -> None:
        event_store.publish(_new(events), stream=place.stream, expected_version=place.version)

    yield publish


@contextmanager
def publishing_with_links(events: int) -> Iterator[Write]:
    def publish(place: Place) -> None:
        event_store.publish(_new(events), stream=place.stream, expected_version=place.version, links=place.links)

    yield publish


@contextmanager
def linking(events: int) -> Iterator[Write]:
    """Recorded events, as a subscriber has them at hand: one round trip."""
    with _linking(events, lambda event: event) as write:
        yield write


@contextmanager
def linking_ids(events: int) -> Iterator[Write]:
    """Ids alone: what `link` returns is read in a second round trip."""
    with _linking(events, lambda event: event.id) as write:
        yield write


@contextmanager
def _linking(events: int, given: Callable[[RecordedEvent[Any]], Any]) -> Iterator[Write]:
    count = 2 * CALLS_PER_STREAM * max(events, 100)
    start = random.randrange(LINKABLE - count + 1)
    at_hand = [given(each) for each in event_store.events.after(start)[:count]]
    neighbours = Neighbours(count)

    def link(place: Place) -> None:
        wanted = [at_hand[position - 1] for position in neighbours.positions(place, events)]
        event_store.link(wanted, stream=place.stream, expected_version=place.version)

    yield link


def _new(events: int) -> list[NewEvent[Noted]]:
    return [NewEvent(Noted(**DATA), metadata=METADATA) for _ in range(events)]
