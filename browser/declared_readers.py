"""What code declares of subscribers: which events each reads, from where, and what its docstring says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from browser.declared import place_of, words_of
from event_store import (
    Event,
    EventStoreError,
    durable_subscribers,
    event_store,
    immediate_subscribers,
    process_managers,
    type_of,
)

STORE = "default"


@dataclass(frozen=True)
class DeclaredReader:
    """
    A subscriber as its code declares it.

    Attributes:
        types: of the events that it reads, in the order of their names; none for all events.
        declared_in: the dotted path of its function or class, "" where it has none.
        words: the first paragraph of its docstring.
        options: of a durable one, its attributes.
    """

    name: str
    is_process_manager: bool
    types: Sequence[str]
    declared_in: str
    words: str
    options: Any

    @property
    def start(self) -> str | int | datetime:
        """Where it begins when it is new, in words or as a time."""
        start = self.options.start
        words = {"beginning": _("the beginning"), "now": _("the moment at which it is new")}
        return words.get(start, start) if isinstance(start, str) else start

    @property
    def starts_at_a_time(self) -> bool:
        return isinstance(self.options.start, datetime)


def mode() -> str:
    """What runs durable subscribers: "inline", "worker", or the dotted path of the project's own function."""
    return str(event_store.wake_up)


def durable_reader(name: str) -> DeclaredReader | None:
    """None where no code that is loaded here declares it for this store."""
    found = durable_subscribers.get(name)
    if found is None or not found.reads(STORE):
        return None
    manager = process_managers.get(name)
    source: Any = manager or found.given or found.handle
    return DeclaredReader(
        name, manager is not None, _types(found.types()), place_of(_named(source)), words_of(_named(source)), found
    )


def durable_names() -> set[str]:
    return {each.name for each in durable_subscribers.all() if each.reads(STORE)}


def immediate_readers() -> list[DeclaredReader]:
    """Those that are called inside the transaction of whoever publishes, by name."""
    return [
        DeclaredReader(
            each.name,
            False,
            [] if Event in each.event_classes else sorted(map(_type_name, each.event_classes)),
            place_of(_named(each.given or each.handle)),
            words_of(_named(each.given or each.handle)),
            each,
        )
        for each in sorted(immediate_subscribers.all(), key=lambda each: each.name)
        if each.reads(STORE)
    ]


def _types(types: frozenset[str] | None) -> Sequence[str]:
    return sorted(types or ())


def _type_name(event_class: Any) -> str:
    try:
        return type_of(event_class)
    except EventStoreError:
        # A base class, or one that no app has.
        return str(event_class.__name__)


def _named(source: Any) -> Any:
    """A function or a class; of an object its class."""
    return source if hasattr(source, "__qualname__") else type(source)
