"""Which code wants the events of a type: process managers, durable subscribers, and those called at once."""

from __future__ import annotations

from dataclasses import dataclass

from browser.declared_readers import STORE
from browser.type_names import short_name
from event_store import Event, durable_subscribers, immediate_subscribers, process_managers


@dataclass(frozen=True)
class Reader:
    """`kind`: process, durable or immediate. `stream` and `category`: it reads no others, "" for all."""

    name: str
    kind: str
    stream: str = ""
    category: str = ""

    @property
    def short_name(self) -> str:
        return short_name(self.name)


def readers_of(event_class: type[Event] | None) -> list[Reader]:
    """
    Process managers first, then durable subscribers, then immediate ones.

    Args:
        event_class: None for a type that no loaded code declares: only subscribers of all events want it.
    """
    durable = [
        Reader(
            each.name,
            "process" if each.name in process_managers else "durable",
            stream=each.stream,
            category=each.category or "",
        )
        for each in durable_subscribers.all()
        if each.reads(STORE)
        and (_wants_any(each.event_classes) or (event_class is not None and each.wants(event_class)))
    ]
    at_once = immediate_subscribers.all() if event_class is not None else []
    immediate = [
        Reader(each.name, "immediate")
        for each in at_once
        if each.reads(STORE) and event_class and each.wants(event_class)
    ]
    return sorted([*durable, *immediate], key=lambda each: ("process", "durable", "immediate").index(each.kind))


def _wants_any(event_classes: tuple[type[Event], ...]) -> bool:
    return Event in event_classes
