"""`@subscriber`: code that reacts to events, at once or durably."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from event_store.context import current_context
from event_store.durable import DurableSubscriber, checked_options, durable_subscribers
from event_store.events import Event
from event_store.exceptions import InvalidSubscriber
from event_store.handlers import HandlerOrClass, handler_from, has_path, source_of
from event_store.subscriber_registry import (
    Subscriber,
    SubscriberRegistry,
    check_event_classes,
    checked_name,
    known_handler,
)

# With batch_size a handler takes a list.
H = TypeVar("H", bound=Callable[..., Any])

immediate_subscribers: SubscriberRegistry[Subscriber] = SubscriberRegistry()
_numbers = count(1)


def subscriber(
    *event_classes: type[Event],
    durable: bool = False,
    name: str | None = None,
    store: str | None = None,
    **options: Any,
) -> Callable[[H], H]:
    """
    Have a handler called with each recorded event of these classes and their subclasses (`Event`: of all).

    It decorates a function, or a class with `__call__(self, event)`, of which it makes one instance.

    Args:
        durable: False: at once, inside the publisher's transaction; an error undoes the publish. True: after the
            publisher's commit, in a transaction of its own together with its checkpoint, retried when it fails.
        name: 1..255 characters; a durable subscriber's checkpoint is kept under it. The dotted path if left out.
        store: the name of the only store that it is for; every store if left out.
        options: of a durable one: `stream` or `category`, `start`, `batch_size`, `partitions`, `partition_by`,
            `max_attempts`; see `DurableSubscriber`.
    Raises:
        InvalidSubscriber: no classes, something that is no event class, a handler that cannot be called with one event,
            a wrong option, a name taken by another function or for another store.
    """
    check_event_classes(event_classes, where="@subscriber")
    checked_name(name)
    if options and not durable:
        raise InvalidSubscriber(
            f"@subscriber: {', '.join(options)}: only a durable subscriber (durable=True) has that."
        )
    attributes = checked_options(options)

    def register(given: H) -> H:
        known = known_handler(given, (*immediate_subscribers.all(), *durable_subscribers.all()))
        handler = known or handler_from(given, where="@subscriber")
        if durable:
            durable_subscribers.add(
                DurableSubscriber(
                    name or _path_of(given), tuple(event_classes), handler, given, only_in=store, **attributes
                )
            )
        else:
            immediate_subscribers.add(
                Subscriber(name or _path_or_number(given), tuple(event_classes), handler, given, only_in=store)
            )
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


def _path_of(handler: object) -> str:
    if not has_path(handler):
        raise InvalidSubscriber(
            f"{source_of(handler)} has no path of its own to keep a checkpoint under: give it a name=."
        )
    return source_of(handler)


def _path_or_number(handler: object) -> str:
    if has_path(handler):
        return source_of(handler)
    # A method is made anew each time that it is asked for; its object stays.
    return f"{source_of(handler)} {id(getattr(handler, '__self__', handler)):x}"
