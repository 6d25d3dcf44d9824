"""`Projection`, the class that users subclass."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model

from event_store.durable import DurableSubscriber, durable_subscribers
from event_store.events import Event, RecordedEvent
from event_store.exceptions import InvalidProjection
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriber_registry import Subscriber, check_event_classes
from event_store.subscribers import immediate_subscribers

MOST_IN_A_BATCH = 10_000

projections: dict[str, type[Projection]] = {}


class Projection:
    """
    Events of the default store folded into rows, which can be thrown away and made anew from the events.

    Class attributes:
        reacts_to: event classes.
        models: the models whose rows it alone writes; what it can be rebuilt beside.
        inline: True: in the publisher's transaction, so that it is never behind; False: a durable subscription.
        name: of the subscription, 1..255 characters; the dotted path if left out.
        batch_size: how many events one transaction handles at most, when it is durable or being rebuilt.
    """

    reacts_to: ClassVar[tuple[type[Event], ...]] = ()
    models: ClassVar[tuple[type[Model], ...]] = ()
    inline: ClassVar[bool] = False
    name: ClassVar[str] = ""
    batch_size: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.reacts_to:
            return
        cls.name = cls.__dict__.get("name") or _path(cls)
        _check(cls)
        projections[cls.name] = cls
        handle = cls().handle
        if cls.inline:
            immediate_subscribers.replace(Subscriber(cls.name, tuple(cls.reacts_to), handle, cls, DEFAULT_STORE))
        else:
            durable_subscribers.replace(
                DurableSubscriber(
                    cls.name, tuple(cls.reacts_to), handle, cls, only_in=DEFAULT_STORE, batch_size=cls.batch_size
                )
            )

    def handle(self, event: RecordedEvent[Any]) -> None:
        """Bring the rows up to date with one event. Writes through `models`, and nothing else."""
        raise InvalidProjection(f"{type(self).__name__} needs handle(self, event).")

    def reset(self) -> None:
        """Make everything as if no event had been handled: deletes all rows of `models`, unless it is overridden."""
        using = event_stores[DEFAULT_STORE].backend.using
        for model in reversed(self.models):
            model._base_manager.using(using).all().delete()


def _path(cls: type[Projection]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _check(cls: type[Projection]) -> None:
    known = projections.get(cls.name)
    if known is not None and _path(known) != _path(cls):
        raise InvalidProjection(f"{_path(known)} and {_path(cls)} are both named {cls.name!r}: give one another name.")
    if not isinstance(cls.name, str) or not 0 < len(cls.name) <= 240 or not cls.name.isprintable():
        raise InvalidProjection(f"{cls.__name__}.name is {cls.name!r}: 1 to 240 printable characters.")
    check_event_classes(cls.reacts_to, where=f"{cls.__name__}.reacts_to")
    if cls.handle is Projection.handle:
        raise InvalidProjection(f"{cls.__name__} needs handle(self, event).")
    if (
        isinstance(cls.batch_size, bool)
        or not isinstance(cls.batch_size, int)
        or not 1 <= cls.batch_size <= MOST_IN_A_BATCH
    ):
        raise InvalidProjection(
            f"{cls.__name__}.batch_size is {cls.batch_size!r}: a number from 1 to {MOST_IN_A_BATCH}."
        )
    for model in cls.models:
        if not (isinstance(model, type) and issubclass(model, Model) and model._meta.managed and not model._meta.proxy):
            raise InvalidProjection(f"{cls.__name__}.models: {model!r} is no model with a table of its own.")
        for other in projections.values():
            if _path(other) != _path(cls) and model in other.models:
                raise InvalidProjection(
                    f"{cls.__name__}.models: {model.__name__} is written by {other.__name__}: one projection owns a table."
                )
