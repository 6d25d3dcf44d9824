"""What `@subscriber` takes for a handler, and what it says about the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from event_store import Event, RecordedEvent, event_store, subscriber
from event_store.exceptions import InvalidSubscriber
from event_store.subscribers import durable_subscribers
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted

seen: list[Any] = []


@pytest.fixture(autouse=True)
def forget_what_was_seen() -> None:
    seen.clear()


class Bell:
    """A handler that has a state."""

    def __init__(self, sound: str = "ding") -> None:
        self.sound = sound
        self.times = 0

    def __call__(self, event: RecordedEvent[Any]) -> None:
        self.times += 1
        seen.append(f"{self.sound} {self.times}")

    def ring(self, event: RecordedEvent[Any]) -> None:
        self(event)


@pytest.mark.django_db
def test_of_a_class_one_instance_is_called() -> None:
    assert subscriber(Noted)(Bell) is Bell

    event_store.publish([Noted(), Noted()], stream="s")

    assert seen == ["ding 1", "ding 2"]


@pytest.mark.django_db
def test_a_class_that_is_decorated_twice_has_one_instance() -> None:
    subscriber(Noted)(subscriber(Counted)(Bell))
    subscriber(Event, name="another bell")(Bell)

    event_store.publish([Noted(), Counted(number=1)], stream="s")

    assert seen == ["ding 1", "ding 2", "ding 3", "ding 4"]


@pytest.mark.django_db
def test_a_durable_class_keeps_its_checkpoint_under_its_path() -> None:
    subscriber(Noted, durable=True)(Bell)
    event_store.publish(Noted(), stream="s")

    assert run_subscriptions("tests.event_store.test_handlers.Bell") == 1
    assert seen == ["ding 1"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "handler_of", [lambda bell: bell, lambda bell: bell.ring, lambda bell: partial(Bell.ring, bell)]
)
def test_objects_and_their_methods_are_called(handler_of: Callable[[Bell], Any]) -> None:
    for sound in ("ding", "dong"):
        subscriber(Noted)(handler_of(Bell(sound)))

    event_store.publish(Noted(), stream="s")

    assert seen == ["ding 1", "dong 1"]


@pytest.mark.django_db
def test_a_method_that_is_registered_twice_gets_each_event_once() -> None:
    bell = Bell()
    subscriber(Noted)(bell.ring)
    subscriber(Event)(bell.ring)

    event_store.publish([Noted(), Counted(number=1)], stream="s")

    assert seen == ["ding 1", "ding 2"]


def test_a_reloaded_class_takes_its_own_place() -> None:
    subscriber(Noted, durable=True)(Bell)
    reloaded = type("Bell", (Bell,), {"__module__": Bell.__module__, "__qualname__": "Bell"})
    subscriber(Noted, durable=True)(reloaded)

    found = durable_subscribers.get("tests.event_store.test_handlers.Bell")
    assert found is not None
    assert type(found.handle) is reloaded


def test_two_objects_of_one_name_are_refused() -> None:
    subscriber(Noted, name="bell")(Bell())

    with pytest.raises(InvalidSubscriber, match="Two subscribers are named 'bell'"):
        subscriber(Noted, name="bell")(Bell())


class NeedsArguments:
    def __init__(self, gateway: str) -> None: ...

    def __call__(self, event: RecordedEvent[Any]) -> None: ...


class CannotBeCalled:
    pass


class AsyncBell:
    async def __call__(self, event: RecordedEvent[Any]) -> None: ...


async def wait(event: RecordedEvent[Any]) -> None: ...


def generate(event: RecordedEvent[Any]) -> Iterator[None]:
    yield


async def generate_later(event: RecordedEvent[Any]) -> AsyncIterator[None]:
    yield


def take_nothing() -> None: ...


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize(
    ("handler", "what_to_do"),
    [
        (None, "None cannot be called: give a function"),
        ("tests.handlers.Bell", "'tests.handlers.Bell' cannot be called: give a function"),
        (CannotBeCalled, r"CannotBeCalled cannot be called: .* a class with __call__\(self, event\)"),
        (NeedsArguments, r"NeedsArguments cannot be made without arguments .*'gateway'.*subscribe an instance"),
        (Noted, "Noted is an event class where the handler should be"),
        (wait, "wait is a coroutine function, .* give a plain function"),
        (partial(wait), "is a coroutine function"),
        (AsyncBell, "AsyncBell is a coroutine function"),
        (AsyncBell(), "AsyncBell is a coroutine function"),
        (generate, "generate is a generator function"),
        (generate_later, "generate_later is a generator function"),
        (take_nothing, "take_nothing cannot be called with one event"),
        (Bell.ring, "Of a method, subscribe the bound one"),
    ],
)
def test_what_could_not_handle_an_event_is_refused_with_what_to_do(
    handler: Any, what_to_do: str, durable: bool
) -> None:
    with pytest.raises(InvalidSubscriber, match=what_to_do):
        subscriber(Noted, durable=durable, name="wrong")(handler)


class Tally(dict[str, int]):
    def __call__(self, event: RecordedEvent[Any]) -> None:
        self[event.type] = self.get(event.type, 0) + 1


@pytest.mark.django_db
def test_what_does_not_tell_its_arguments_is_believed() -> None:
    subscriber(Noted)(Tally)
    subscriber(Noted, name="built in")(max)

    with pytest.raises(TypeError, match="not iterable"):
        event_store.publish(Noted(), stream="s")
