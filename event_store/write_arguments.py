"""What publish, append and link are given, checked. Every error names the argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import UUID

from event_store.append_condition import AppendCondition
from event_store.events import Event, NewEvent, RecordedEvent, check_is_event
from event_store.exceptions import InvalidAppendCondition, InvalidEvent, InvalidStreamName
from event_store.expected_version import ANY, ExpectedVersion, check_expected_version
from event_store.streams import check_stream_name, check_writable_stream

Publishable: TypeAlias = Event | NewEvent[Any]
Linkable: TypeAlias = UUID | str | RecordedEvent[Any]
Links: TypeAlias = Iterable[str] | Mapping[str, ExpectedVersion]
OnDuplicate: TypeAlias = Literal["raise", "ignore"]


@dataclass(frozen=True)
class Write:
    """The arguments of one publish or append, checked."""

    events: list[NewEvent[Any]]
    stream: str
    expected_version: ExpectedVersion
    links: Mapping[str, ExpectedVersion]
    condition: AppendCondition | None
    on_duplicate: OnDuplicate


def checked_write(
    events: Publishable | Sequence[Publishable],
    *,
    stream: str,
    expected_version: ExpectedVersion,
    links: Links,
    condition: AppendCondition | None,
    on_duplicate: OnDuplicate,
    is_owner: bool = False,
) -> Write:
    """What is to be written. Only the owner of a reserved stream writes there."""
    new_events, name = _as_list(events), check_stream_name(stream) if is_owner else check_writable_stream(stream)
    return Write(
        new_events,
        name,
        check_expected_version(expected_version),
        _checked_links(links, stream=name),
        _checked_condition(condition),
        _checked_on_duplicate(on_duplicate, new_events),
    )


def _as_list(events: Publishable | Sequence[Publishable]) -> list[NewEvent[Any]]:
    if isinstance(events, (Event, NewEvent)):
        return [_as_new(events)]
    if isinstance(events, (str, bytes, Mapping, type)) or not isinstance(events, Iterable):
        check_is_event("events", events)
    return [_as_new(each) for each in events]


def _as_new(event: Publishable) -> NewEvent[Any]:
    return event if isinstance(event, NewEvent) else NewEvent(event)


def id_of(event: object, *, argument: str) -> UUID:
    return event.id if isinstance(event, RecordedEvent) else _uuid(event, argument)


def linkables(event_ids: Linkable | Iterable[Linkable]) -> list[Linkable]:
    if isinstance(event_ids, (UUID, str, RecordedEvent)) or not isinstance(event_ids, Iterable):
        return [event_ids]
    return list(event_ids)


def _uuid(value: object, argument: str) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise InvalidEvent(f"{argument}: {value!r} is neither the id of an event (a uuid) nor a recorded event.")


def _checked_links(links: Iterable[str] | Mapping[str, ExpectedVersion], *, stream: str) -> dict[str, ExpectedVersion]:
    if links == ():
        return {}
    if isinstance(links, (str, bytes)) or not isinstance(links, Iterable):
        raise InvalidStreamName(f"links: takes a list of stream names, not {links!r}; write links=[{links!r}].")
    versions = links.items() if isinstance(links, Mapping) else ((name, ANY) for name in links)
    checked = {
        check_writable_stream(name, argument="links"): check_expected_version(expected, argument=f"links[{name!r}]")
        for name, expected in versions
    }
    if stream in checked:
        raise InvalidStreamName(f"links: {stream!r} is the stream that the events are written to already.")
    return checked


def _checked_condition(condition: object) -> AppendCondition | None:
    if condition is None or isinstance(condition, AppendCondition):
        return condition
    raise InvalidAppendCondition(f"condition: takes AppendCondition({{stream: version}}), not {condition!r}.")


def _checked_on_duplicate(on_duplicate: object, events: Sequence[NewEvent[Any]]) -> OnDuplicate:
    if on_duplicate == "raise":
        return "raise"
    if on_duplicate != "ignore":
        raise InvalidEvent(f"on_duplicate: takes 'raise' or 'ignore', not {on_duplicate!r}.")
    for each in events:
        if each.id is None:
            raise InvalidEvent(
                f"on_duplicate: 'ignore' tells a repetition by the events' ids: write NewEvent({each.event!r}, id=…)."
            )
    return "ignore"


def repeated(ids: Sequence[UUID]) -> list[UUID]:
    if len(ids) == len(set(ids)):
        return []
    return [event_id for event_id, count in Counter(ids).items() if count > 1]
