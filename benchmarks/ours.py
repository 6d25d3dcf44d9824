"""Writing through the public API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from samples import CALLS_PER_STREAM, DATA, METADATA, Noted, Place
from writing import Write

from event_store import NewEvent, event_store


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
    first_events = list(event_store.events[: CALLS_PER_STREAM * events])

    def link(place: Place) -> None:
        at = place.version + 1
        event_store.link(first_events[at : at + events], stream=place.stream, expected_version=place.version)

    yield link


@contextmanager
def linking_ids(events: int) -> Iterator[Write]:
    """Ids alone: what `link` returns is read in a second round trip."""
    ids = [event.id for event in event_store.events[: CALLS_PER_STREAM * events]]

    def link(place: Place) -> None:
        at = place.version + 1
        event_store.link(ids[at : at + events], stream=place.stream, expected_version=place.version)

    yield link


def store_events(count: int) -> None:
    """Store so many events for `linking`, which get the positions from 1 on in a store that is new."""
    for start in range(0, count, 1000):
        [*_, last] = event_store.append(_new(min(1000, count - start)), stream=f"Linked${start}")
    assert last.global_position == count


def _new(events: int) -> list[NewEvent[Noted]]:
    return [NewEvent(Noted(**DATA), metadata=METADATA) for _ in range(events)]
