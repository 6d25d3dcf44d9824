"""What can be called with an event: a function, a method, an object with `__call__`, or the class of such objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from event_store.events import Event, RecordedEvent
from event_store.exceptions import InvalidSubscriber

Handler: TypeAlias = Callable[[RecordedEvent[Any]], object]
HandlerOrClass: TypeAlias = Handler | type[Any]
"""A class of handlers is made without arguments."""


def handler_from(given: object, *, where: str) -> Handler:
    """
    The handler itself; of a class, an instance made without arguments.

    Raises:
        InvalidSubscriber: it cannot be called with one event, or what it does would not happen in that call.
    """
    handler = _instance_of(given, where=where) if isinstance(given, type) else given
    if not callable(handler):
        raise InvalidSubscriber(
            f"{where}: {_shown(given)} cannot be called: give a function, a method, or a class with __call__(self, event)."
        )
    kind = _kind_that_only_starts(handler)
    if kind is not None:
        raise InvalidSubscriber(
            f"{where}: {_shown(given)} is {kind}, so that calling it would do nothing yet: give a plain function"
            " (asgiref.sync.async_to_sync waits for a coroutine)."
        )
    _check_takes_one_event(handler, where=where, shown=_shown(given))
    return handler


def source_of(handler: object) -> str:
    """The dotted path of a function, a method or a class; of any other object, that of its class."""
    named: Any = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"


def has_path(handler: object) -> bool:
    """Whether `source_of` names this handler and no other one."""
    is_named = hasattr(handler, "__qualname__") and "<" not in source_of(handler)
    return is_named and getattr(handler, "__self__", None) is None


def _instance_of(handler_class: type[Any], *, where: str) -> object:
    if issubclass(handler_class, Event):
        raise InvalidSubscriber(f"{where}: {handler_class.__name__} is an event class where the handler should be.")
    try:
        inspect.signature(handler_class).bind()
    except TypeError as error:
        raise InvalidSubscriber(
            f"{where}: {handler_class.__name__} cannot be made without arguments ({error}): give its arguments defaults,"
            f" or subscribe an instance, {handler_class.__name__}(…)."
        ) from error
    except ValueError:
        # Some built-in classes do not tell.
        pass
    instance: object = handler_class()
    return instance


def _kind_that_only_starts(handler: Any) -> str | None:
    for called in (handler, getattr(handler, "__call__", None)):  # noqa: B004 - an object's own method
        if inspect.iscoroutinefunction(called):
            return "a coroutine function"
        if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
            return "a generator function"
    return None


def _check_takes_one_event(handler: Callable[..., object], *, where: str, shown: str) -> None:
    try:
        inspect.signature(handler).bind(object())
    except TypeError as error:
        raise InvalidSubscriber(
            f"{where}: {shown} cannot be called with one event ({error}). Of a method, subscribe the bound one."
        ) from error
    except ValueError:
        # Some built-in functions do not tell.
        return


def _shown(given: object) -> str:
    return source_of(given) if callable(given) else repr(given)
