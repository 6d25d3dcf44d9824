"""Which handler, immediate or durable, wants which event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any, TypeVar

from event_store.context import current_context
from event_store.events import Event, RecordedEvent, event_types
from event_store.exceptions import InvalidSubscriber
from event_store.handlers import Handler, HandlerOrClass, handler_from, has_path, source_of

H = TypeVar("H", bound=HandlerOrClass)


@dataclass(frozen=True)
class Subscriber:
    """
    A handler and the classes of events (with their subclasses) that it wants.

    `given` is what was registered: the handler, or the class that it is the instance of. `failed`, of a durable one, is
    told of an event that could not be handled (read as JSON text) and the error. `only_in` names the only store that
    it reads; None for every store.
    """

    name: str
    event_classes: tuple[type[Event], ...]
    handle: Handler
    given: HandlerOrClass | None = None
    failed: Callable[[RecordedEvent[Any], Exception], None] | None = None
    only_in: str | None = None

    def wants(self, event_class: type[Event]) -> bool:
        return issubclass(event_class, self.event_classes)

    def reads(self, store: str) -> bool:
        return self.only_in in (None, store)

    def types(self) -> frozenset[str]:
        return frozenset().union(*(event_types.types_of(each) for each in self.event_classes))


class SubscriberRegistry:
    """
    Subscribers by name, in the order of their registration.

    A registration replaces the dictionaries as a whole: who is reading one in another thread reads on undisturbed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_name: Mapping[str, Subscriber] = {}
        self._wanting: dict[tuple[type[Event], str], tuple[Subscriber, ...]] = {}

    def add(self, subscriber: Subscriber) -> None:
        """Raises InvalidSubscriber when another function has the name."""
        with self._lock:
            known = self._by_name.get(subscriber.name)
            if known is not None:
                subscriber = _joined(known, subscriber)
            self._keep({**self._by_name, subscriber.name: subscriber})

    def replace(self, subscriber: Subscriber) -> None:
        """Register, in the place of whoever has the name."""
        with self._lock:
            self._keep({**self._by_name, subscriber.name: subscriber})

    def remove(self, subscriber: Subscriber) -> None:
        """Forget it, if it is there."""
        with self._lock:
            self._keep({name: each for name, each in self._by_name.items() if each is not subscriber})

    def copy(self) -> dict[str, Subscriber]:
        return dict(self._by_name)

    def restore(self, subscribers: dict[str, Subscriber]) -> None:
        """Go back to what `copy` gave."""
        with self._lock:
            self._keep(dict(subscribers))

    def get(self, name: str) -> Subscriber | None:
        return self._by_name.get(name)

    def all(self) -> list[Subscriber]:
        return list(self._by_name.values())

    def wanting(self, event_class: type[Event], *, store: str) -> tuple[Subscriber, ...]:
        """Those that want events of this class from the store of this name."""
        # In this order: an answer from subscribers that are being replaced is kept with them, and dropped.
        answers = self._wanting
        found = answers.get((event_class, store))
        if found is None:
            found = tuple(each for each in self.all() if each.reads(store) and each.wants(event_class))
            answers[event_class, store] = found
        return found

    def _keep(self, by_name: Mapping[str, Subscriber]) -> None:
        self._by_name = by_name
        self._wanting = {}


immediate_subscribers = SubscriberRegistry()
durable_subscribers = SubscriberRegistry()
_numbers = count(1)


def subscriber(
    *event_classes: type[Event], durable: bool = False, name: str | None = None, store: str | None = None
) -> Callable[[H], H]:
    """
    Have a handler called with each recorded event of these classes and their subclasses (`Event`: of all).

    It decorates a function, or a class with `__call__(self, event)`, of which it makes one instance.

    Args:
        durable: False: at once, inside the publisher's transaction; an error undoes the publish. True: after the
            publisher's commit, in a transaction of its own together with its checkpoint, retried when it fails.
        name: 1..255 characters; a durable subscriber's checkpoint is kept under it. The dotted path if left out.
        store: the name of the only store that it is for; every store if left out.
    Raises:
        InvalidSubscriber: no classes, something that is no event class, a handler that cannot be called with one event,
            a name taken by another function or for another store.
    """
    check_event_classes(event_classes, where="@subscriber")

    def register(given: H) -> H:
        handler = _known_handler(given) or handler_from(given, where="@subscriber")
        registry = durable_subscribers if durable else immediate_subscribers
        full_name = _name(given, name, durable=durable)
        registry.add(Subscriber(full_name, tuple(event_classes), handler, given, only_in=store))
        return given

    return register


@dataclass(frozen=True)
class Registration:
    """What `event_store.subscribe` gives."""

    subscriber: Subscriber

    def unsubscribe(self) -> None:
        """Have the handler called no more; repeating it changes nothing."""
        immediate_subscribers.remove(self.subscriber)


def immediate_subscriber(
    handler: HandlerOrClass, event_classes: tuple[type[Event], ...], *, store: str, where: str
) -> Subscriber:
    """A subscriber of one store, under a name that no other one has. Raises InvalidSubscriber."""
    checked = handler_from(handler, where=where)
    check_event_classes(event_classes, where=where)
    name = f"{source_of(handler)} #{next(_numbers)}"
    return Subscriber(name, event_classes, checked, handler, only_in=store)


def called_at_once(event_class: type[Event], *, store: str) -> tuple[Subscriber, ...]:
    """Whom a publish calls: in the order of their registration those of the process, then those of the block."""
    registered = immediate_subscribers.wanting(event_class, store=store)
    of_block: tuple[Subscriber, ...] = current_context().subscribers
    if not of_block:
        return registered
    return registered + tuple(each for each in of_block if each.reads(store) and each.wants(event_class))


def check_event_classes(event_classes: Iterable[object], *, where: str) -> None:
    """Raises InvalidSubscriber unless there is at least one class and each is an event class."""
    classes = list(event_classes)
    if not classes:
        raise InvalidSubscriber(f"{where} names no events: give it one or more event classes, Event for all.")
    for each in classes:
        if isinstance(each, Event):
            raise InvalidSubscriber(
                f"{where}: an event of {type(each).__name__} is given: write {type(each).__name__}."
            )
        if not (isinstance(each, type) and issubclass(each, Event)):
            raise InvalidSubscriber(f"{where}: {each!r} is not an event class, such as OrderConfirmed.")


def _known_handler(given: object) -> Handler | None:
    # A class has one instance, however often it is decorated.
    if not isinstance(given, type):
        return None
    known = (*immediate_subscribers.all(), *durable_subscribers.all())
    return next((each.handle for each in known if each.given is given), None)


def _name(handler: object, name: str | None, *, durable: bool) -> str:
    if name is None:
        return _name_from_source(handler, durable=durable)
    if not isinstance(name, str) or not 0 < len(name) <= 255 or not name.isprintable():
        raise InvalidSubscriber(f"A subscriber's name has 1 to 255 printable characters, not {name!r}.")
    return name


def _name_from_source(handler: object, *, durable: bool) -> str:
    source = source_of(handler)
    if has_path(handler):
        return source
    if durable:
        raise InvalidSubscriber(f"{source} has no path of its own to keep a checkpoint under: give it a name=.")
    # A method is made anew each time that it is asked for; its object stays.
    return f"{source} {id(getattr(handler, '__self__', handler)):x}"


def _joined(known: Subscriber, new: Subscriber) -> Subscriber:
    if known.given == new.given and known.only_in == new.only_in:
        # The same handler again, decorated once more: it wants these events, too.
        classes = (*new.event_classes, *known.event_classes)
        return replace(new, event_classes=tuple(dict.fromkeys(classes)))
    if known.given is not new.given and source_of(known.given) == source_of(new.given) and has_path(new.given):
        # Its module was reloaded.
        return new
    raise InvalidSubscriber(
        f"Two subscribers are named {new.name!r}: {source_of(known.given)} and {source_of(new.given)}. "
        "Give one of them another name=."
    )
