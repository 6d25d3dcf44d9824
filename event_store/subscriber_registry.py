"""Subscribers by name: who wants which event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Generic, TypeVar

from event_store.events import Event
from event_store.exceptions import InvalidSubscriber
from event_store.handlers import Handler, HandlerOrClass, has_path, source_of


@dataclass(frozen=True)
class Subscriber:
    """
    A handler and the classes of events (with their subclasses) that it wants.

    `given` is what was registered: the handler, or the class that it is the instance of. `only_in` names the only store
    that it is for; None for every store.
    """

    name: str
    event_classes: tuple[type[Event], ...]
    handle: Handler
    given: HandlerOrClass | None = None
    only_in: str | None = None

    def wants(self, event_class: type[Event]) -> bool:
        return issubclass(event_class, self.event_classes)

    def reads(self, store: str) -> bool:
        return self.only_in in (None, store)


S = TypeVar("S", bound=Subscriber)


class SubscriberRegistry(Generic[S]):
    """
    Subscribers by name, in the order of their registration.

    A registration replaces the dictionaries as a whole: who is reading one in another thread reads on undisturbed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_name: Mapping[str, S] = {}
        self._wanting: dict[tuple[type[Event], str], tuple[S, ...]] = {}

    def add(self, subscriber: S) -> None:
        """Raises InvalidSubscriber when another function has the name."""
        with self._lock:
            known = self._by_name.get(subscriber.name)
            if known is not None:
                subscriber = _joined(known, subscriber)
            self._keep({**self._by_name, subscriber.name: subscriber})

    def replace(self, subscriber: S) -> None:
        """Register, in the place of whoever has the name."""
        with self._lock:
            self._keep({**self._by_name, subscriber.name: subscriber})

    def remove(self, subscriber: Subscriber) -> None:
        """Forget it, if it is there."""
        with self._lock:
            self._keep({name: each for name, each in self._by_name.items() if each is not subscriber})

    def copy(self) -> dict[str, S]:
        return dict(self._by_name)

    def restore(self, subscribers: dict[str, S]) -> None:
        """Go back to what `copy` gave."""
        with self._lock:
            self._keep(dict(subscribers))

    def get(self, name: str) -> S | None:
        return self._by_name.get(name)

    def all(self) -> list[S]:
        return list(self._by_name.values())

    def wanting(self, event_class: type[Event], *, store: str) -> tuple[S, ...]:
        """Those that want events of this class from the store of this name."""
        # In this order: an answer from subscribers that are being replaced is kept with them, and dropped.
        answers = self._wanting
        found = answers.get((event_class, store))
        if found is None:
            found = tuple(each for each in self.all() if each.reads(store) and each.wants(event_class))
            answers[event_class, store] = found
        return found

    def _keep(self, by_name: Mapping[str, S]) -> None:
        self._by_name = by_name
        self._wanting = {}


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


def known_handler(given: object, subscribers: Iterable[Subscriber]) -> Handler | None:
    """The instance of a class that is registered already: a class has one, however often it is decorated."""
    if not isinstance(given, type):
        return None
    return next((each.handle for each in subscribers if each.given is given), None)


def checked_name(name: object) -> str | None:
    """The name itself. Raises InvalidSubscriber."""
    if name is not None and (not isinstance(name, str) or not 0 < len(name) <= 255 or not name.isprintable()):
        raise InvalidSubscriber(f"A subscriber's name has 1 to 255 printable characters, not {name!r}.")
    return name


def is_same(known: Subscriber, new: Subscriber) -> bool:
    """Whether it is the same handler again, decorated once more: it wants these events, too."""
    return known.given == new.given and known.only_in == new.only_in


def is_reloaded(known: Subscriber, new: Subscriber) -> bool:
    """Whether it is a handler whose module was imported anew."""
    return known.given is not new.given and source_of(known.given) == source_of(new.given) and has_path(new.given)


def _joined(known: S, new: S) -> S:
    if is_same(known, new):
        classes = (*new.event_classes, *known.event_classes)
        return replace(new, event_classes=tuple(dict.fromkeys(classes)))
    if is_reloaded(known, new):
        return new
    raise InvalidSubscriber(
        f"Two subscribers are named {new.name!r}: {source_of(known.given)} and {source_of(new.given)}. "
        "Give one of them another name=."
    )
