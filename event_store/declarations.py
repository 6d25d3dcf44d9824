"""The events and commands that the loaded code declares, by type."""

from __future__ import annotations

from typing import Any

from event_store.commands import Command, command_types
from event_store.events import Event, event_types
from event_store.exceptions import UnnamedEventType
from event_store.messages import TypeRegistry, type_of


def event_classes() -> dict[str, type[Event]]:
    """
    Every event class by its type, in the order of the types; not the abstract ones, nor those that have no type.

    Of two classes with one type the one that was declared first (`manage.py check` reports both).
    """
    return _by_type(event_types)


def command_classes() -> dict[str, type[Command]]:
    """Every command class, likewise."""
    return _by_type(command_types)


def _by_type(registry: TypeRegistry) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in registry.classes():
        try:
            found.setdefault(type_of(each), each)
        except UnnamedEventType:
            continue
    return dict(sorted(found.items()))
