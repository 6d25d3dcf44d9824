"""`event_store.subscribe` and what it gives."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from event_store import Event, RecordedEvent, event_store, event_stores, subscriber
from event_store.exceptions import InvalidSubscriber
from event_store.subscribers import immediate_subscribers
from tests.event_store.sample import Counted, Noted, NotedLoudly
from tests.event_store.test_handlers import Bell
from tests.event_store.threads import Elsewhere, at_once


@pytest.fixture
def seen() -> list[RecordedEvent[Any]]:
    return []


def texts(seen: list[RecordedEvent[Any]]) -> list[str]:
    return [event.data.text for event in seen]


@pytest.mark.django_db
def test_a_handler_gets_the_events_of_its_classes_until_it_is_unsubscribed(seen: list[Any]) -> None:
    registration = event_store.subscribe(seen.append, Noted)
    event_store.publish([Noted(text="a"), Counted(number=1), NotedLoudly(text="b")], stream="s")
    registration.unsubscribe()
    event_store.publish(Noted(text="c"), stream="s")

    assert texts(seen) == ["a", "b"]


@pytest.mark.django_db
def test_unsubscribing_twice_leaves_the_others_alone(seen: list[Any]) -> None:
    first, _ = event_store.subscribe(seen.append, Noted), event_store.subscribe(seen.append, Noted)
    event_store.publish(Noted(text="both"), stream="s")
    first.unsubscribe()
    first.unsubscribe()
    event_store.publish(Noted(text="one"), stream="s")

    assert texts(seen) == ["both", "both", "one"]


@pytest.mark.django_db
def test_a_handler_may_unsubscribe_itself(seen: list[Any]) -> None:
    def once(event: RecordedEvent[Noted]) -> None:
        seen.append(event)
        registration.unsubscribe()

    registration = event_store.subscribe(once, Noted)
    event_store.publish([Noted(text="a"), Noted(text="b")], stream="s")

    assert texts(seen) == ["a"]


@pytest.mark.django_db
def test_it_takes_its_place_in_the_order_of_registration() -> None:
    order: list[str] = []
    subscriber(Noted, name="first")(lambda event: order.append("first"))
    event_store.subscribe(lambda event: order.append("second"), Event)
    subscriber(Noted, name="third")(lambda event: order.append("third"))

    event_store.publish(Noted(), stream="s")

    assert order == ["first", "second", "third"]


@pytest.mark.django_db
def test_each_subscription_of_a_class_has_an_instance_of_its_own() -> None:
    bells = [event_store.subscribe(Bell, Noted).subscriber.handle for _ in range(2)]

    event_store.publish([Noted(), Noted()], stream="s")

    assert [bell.times for bell in bells if isinstance(bell, Bell)] == [2, 2]


@pytest.mark.django_db
def test_a_store_has_its_own_subscribers_beside_those_of_all_stores(seen: list[Any], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "second": {}}
    event_stores["second"].subscribe(seen.append, Noted)
    subscriber(Noted, name="of all")(seen.append)

    event_store.publish(Noted(text="first"), stream="s")
    event_stores["second"].publish(Noted(text="second"), stream="s")

    assert texts(seen) == ["first", "second", "second"]


@pytest.mark.django_db(transaction=True)
def test_it_is_called_whichever_thread_publishes(seen: list[Any]) -> None:
    event_store.subscribe(seen.append, Noted)

    with Elsewhere() as elsewhere:
        elsewhere.do(lambda: event_store.publish(Noted(text="elsewhere"), stream="s"))

    assert texts(seen) == ["elsewhere"]


def test_threads_may_subscribe_and_unsubscribe_while_others_do() -> None:
    before = immediate_subscribers.all()

    def come_and_go() -> None:
        for _ in range(200):
            registration = event_store.subscribe(print, Noted)
            assert registration.subscriber in immediate_subscribers.wanting(Noted, store="default")
            registration.unsubscribe()
            assert registration.subscriber not in immediate_subscribers.wanting(Noted, store="default")

    assert at_once([come_and_go] * 4) == [None] * 4
    assert immediate_subscribers.all() == before


@pytest.mark.parametrize(
    ("arguments", "what_to_do"),
    [
        ((print,), "event_store.subscribe names no events"),
        ((print, Noted()), "an event of Noted is given: write Noted"),
        ((print, "sample.Noted"), "'sample.Noted' is not an event class"),
        ((None, Noted), "event_store.subscribe: None cannot be called"),
        ((Noted, print), "Noted is an event class where the handler should be"),
        ((Noted(), Noted), "cannot be called"),
        ((partial(print, 1), None), "None is not an event class"),
    ],
)
def test_wrong_arguments_are_refused_with_what_to_do(arguments: Any, what_to_do: str) -> None:
    with pytest.raises(InvalidSubscriber, match=what_to_do):
        event_store.subscribe(*arguments)
