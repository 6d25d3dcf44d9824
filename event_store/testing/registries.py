"""Classes and handlers that a test declares, forgotten when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from event_store import commands, streams
from event_store.aggregates.aggregate import aggregate_classes
from event_store.durable import durable_subscribers
from event_store.events import event_types
from event_store.processes.manager import process_managers
from event_store.projections.projection import projections
from event_store.subscribers import immediate_subscribers


@contextmanager
def isolated_registries() -> Iterator[None]:
    """Events, commands, handlers, subscribers, aggregates and process managers declared inside are unknown afterwards."""
    registries: list[Any] = [event_types, commands.command_types, immediate_subscribers, durable_subscribers]
    dictionaries: list[dict[Any, Any]] = [
        commands.command_handlers,
        commands.rival_handlers,
        process_managers,
        projections,
        streams.reserved_categories,
        aggregate_classes,
    ]
    kept = [registry.copy() for registry in registries]
    contents = [dict(dictionary) for dictionary in dictionaries]
    try:
        yield
    finally:
        for registry, entries in zip(registries, kept, strict=True):
            registry.restore(entries)
        for dictionary, content in zip(dictionaries, contents, strict=True):
            dictionary.clear()
            dictionary.update(content)
