"""`Event` as written, `NewEvent` with its id and times set, `RecordedEvent` as read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar, cast, dataclass_transform
from uuid import UUID

import msgspec

from event_store.exceptions import InvalidEvent
from event_store.messages import Message, TypeRegistry, type_of

event_types = TypeRegistry("event")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Event(Message, abstract=True):
    """
    A fact in the past tense. Subclass it with annotated fields:

        class CustomerConfirmedMenu(Event):
            order_id: str
            menu_id: str | None = None

    Fields take what msgspec can check: str, int, float, bool, uuid, datetime, date, Decimal, enums, nested
    data classes, optional values, lists, tuples, sets and mappings. A list given for a tuple becomes one.
    """

    __registry__: ClassVar[TypeRegistry] = event_types


E = TypeVar("E", bound=Event)
D = TypeVar("D")


@dataclass(frozen=True)
class NewEvent(Generic[E]):
    """
    An event to be published, with what the store would otherwise set itself.

    Args:
        id: its id in the whole store; a time-ordered uuid if left out.
        valid_at: aware; when the fact became true, if not when it is recorded.
        metadata: JSON values, added to those of the current block.
        correlation_id: the conversation it belongs to.
        causation_id: the message that directly caused it.
    """

    event: E
    id: UUID | None = None
    valid_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: UUID | None = None
    causation_id: UUID | None = None

    def __post_init__(self) -> None:
        check_is_event("event", self.event)
        for name in ("id", "correlation_id", "causation_id"):
            _check_kind(name, getattr(self, name), UUID)
        if not isinstance(self.metadata, Mapping):
            raise InvalidEvent(f"metadata: takes a mapping, not {self.metadata!r}.")
        if self.valid_at is not None:
            check_time("valid_at", self.valid_at)


class RecordedEvent(msgspec.Struct, Generic[D], frozen=True, kw_only=True):
    """
    An event as it stands in the store.

    `data` is the typed event, or a plain dict where no class has its type. `stream` and `position` are those it was
    read from: the linked stream when that was asked, else the stream it was written to (None once that is deleted).
    Times are aware UTC, to the microsecond.
    """

    id: UUID
    type: str
    schema_version: int
    data: D
    metadata: Mapping[str, Any]
    correlation_id: UUID | None
    causation_id: UUID | None
    recorded_at: datetime
    valid_at: datetime
    global_position: int
    stream: str | None
    position: int | None


def event_class_of(type_name: str) -> type[Event] | None:
    """
    The class whose events are stored under this type; None where no code that is loaded here has it.

    Raises:
        DuplicateEventType: two classes claim the type.
    """
    return cast("type[Event] | None", event_types.find(type_name))


def check_is_event(name: str, value: object) -> None:
    """
    Raises InvalidEvent for anything that is not an instance of a concrete event class, UnnamedEventType and
    DuplicateEventType for one that could not be read back.
    """
    if isinstance(value, type) and issubclass(value, Event):
        raise InvalidEvent(
            f"{name}: {value.__name__} is the class of an event, not an event: write {value.__name__}(…)."
        )
    if not isinstance(value, Event):
        raise InvalidEvent(f"{name}: {value!r} is not an event, give an instance of a subclass of event_store.Event.")
    if value.__is_abstract__:
        raise InvalidEvent(
            f"{name}: {type(value).__name__} is a base for other events, give an instance of one of those."
        )
    event_types.find(type_of(type(value)))


def check_time(name: str, value: object) -> datetime:
    """An aware time as UTC, years 1 to 9999. Raises InvalidEvent."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidEvent(f"{name}: takes a datetime with a time zone, not {value!r}.")
    try:
        # Not astimezone: a subclass of datetime stays one, which no JSON takes.
        return _EPOCH + (value - _EPOCH)
    except OverflowError:
        raise InvalidEvent(f"{name}: {value!r} is outside the years 1 to 9999 in UTC.") from None


def _check_kind(name: str, value: object, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise InvalidEvent(f"{name}: takes {kind.__name__}, not {value!r}.")
