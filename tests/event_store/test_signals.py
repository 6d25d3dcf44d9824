from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from event_store import NewEvent, RecordedEvent, event_store, subscriber
from event_store.signals import post_append, pre_append
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db

Receive = Callable[[Signal, Callable[..., None]], None]


@pytest.fixture
def receive() -> Iterator[Receive]:
    """`receive(signal, receiver)`, until the test ends."""
    connected: list[tuple[Signal, Callable[..., None]]] = []

    def receive(signal: Signal, receiver: Callable[..., None]) -> None:
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield receive
    for signal, receiver in connected:
        signal.disconnect(receiver)


def test_pre_append_shows_what_is_about_to_be_stored(receive: Receive) -> None:
    seen: list[Any] = []

    def look(*, sender: Any, events: list[NewEvent[Any]], stream: str, **_: Any) -> None:
        seen.append((sender.alias, [each.event for each in events], stream, event_store.events.exists()))

    receive(pre_append, look)
    event_store.publish([Noted(text="a"), Counted(number=1)], stream="s")

    assert seen == [("default", [Noted(text="a"), Counted(number=1)], "s", False)]


@pytest.mark.parametrize("verb", ["publish", "append"])
def test_a_receiver_of_pre_append_that_raises_keeps_the_events_out(receive: Receive, verb: str) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError("read-only")

    receive(pre_append, refuse)
    with pytest.raises(PermissionError, match="read-only"):
        getattr(event_store, verb)(Noted(), stream="s")

    assert not event_store.events.exists()


def test_a_receiver_of_pre_append_cannot_change_the_list(receive: Receive) -> None:
    receive(pre_append, lambda *, events, **_: events.clear())

    assert len(event_store.publish(Noted(), stream="s")) == 1


def test_post_append_comes_after_the_immediate_subscribers_and_can_undo_all(receive: Receive) -> None:
    order: list[str] = []
    subscriber(Noted, name="first")(lambda event: order.append("subscriber"))

    def refuse(*, events: list[RecordedEvent[Any]], **_: Any) -> None:
        order.append(f"post_append {events[0].position}")
        raise PermissionError

    receive(post_append, refuse)
    with pytest.raises(PermissionError):
        event_store.publish(Noted(), stream="s")

    assert order == ["subscriber", "post_append 0"]
    assert not event_store.events.exists()


def test_nothing_is_sent_where_nothing_is_stored(receive: Receive) -> None:
    seen: list[Any] = []
    receive(pre_append, lambda **_: seen.append("pre"))
    receive(post_append, lambda **_: seen.append("post"))

    event_store.publish([], stream="s")
    [event] = event_store.publish(Noted(), stream="s")
    event_store.link(event, stream="t")

    assert seen == ["pre", "post"]
