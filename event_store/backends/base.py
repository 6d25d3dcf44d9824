"""What every storage promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from event_store.append_condition import AppendCondition
from event_store.events import RecordedEvent
from event_store.expected_version import ExpectedVersion

V = TypeVar("V")


@dataclass(frozen=True)
class EncodedEvent:
    """An event ready to be stored; `data` and `metadata` are JSON objects in UTF-8, `valid_at` is aware UTC."""

    id: UUID
    type: str
    schema_version: int
    data: bytes
    metadata: bytes
    correlation_id: UUID | None
    causation_id: UUID | None
    valid_at: datetime | None


@dataclass(frozen=True)
class Appended:
    """Where events came to stand: the stream position of the first, and each one's global position."""

    first_position: int
    global_positions: Sequence[int]
    recorded_at: datetime


@dataclass(frozen=True)
class StreamPosition:
    """One place where an event is shown. `linked_at` is aware UTC."""

    stream: str
    position: int
    written_here: bool
    linked_at: datetime


@dataclass(frozen=True)
class StreamInfo:
    """A stream that shows at least one event; `version` is the position of its last one. `created_at` is aware UTC."""

    name: str
    category: str
    version: int
    created_at: datetime


@dataclass(frozen=True)
class CategoryInfo:
    """The streams of one category; how many show an event was counted up to a number that was asked for."""

    name: str
    streams: int


class Order(Enum):
    """What events are sorted by; the position decides between equal times."""

    POSITION = "position"
    RECORDED_AT = "recorded_at"
    VALID_AT = "valid_at"


@dataclass(frozen=True)
class Bound(Generic[V]):
    """An end of a range; the value itself belongs to it when it is `inclusive`."""

    value: V
    inclusive: bool = False


Scalar: TypeAlias = str | int | float | bool | None
"""What a look-up in JSON can ask for."""

Comparison: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "exists"]


@dataclass(frozen=True)
class JsonValue:
    """
    A scalar at the end of a path of keys. Numbers are equal by value; true is not 1.

    `!=`: there is a value, and another one. `<` and the like: a number is compared with numbers, a text with texts, code
    point by code point. `exists`: there is any value, null among them; `value` does not matter.
    """

    path: tuple[str, ...]
    value: Scalar
    comparison: Comparison = "="


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which events are to be read.

    Positions are those of `stream`, or global without one. All bounds are in that order (the times in the order of
    time) whatever the direction. Times are compared with `valid_at` in that order, else with `recorded_at`.
    A backend is given positions as bounds, never ids or `up_to_horizon`. `beyond` goes on behind an event in the order of time: its time and its position.
    """

    stream: str | None = None
    streams: frozenset[str] | None = None
    category: str | None = None
    types: frozenset[str] | None = None
    excluded_types: frozenset[str] = frozenset()
    event_ids: tuple[UUID, ...] | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    data: tuple[JsonValue, ...] = ()
    metadata: tuple[JsonValue, ...] = ()
    after: Bound[int | UUID] | None = None
    before: Bound[int | UUID] | None = None
    newer_than: Bound[datetime] | None = None
    older_than: Bound[datetime] | None = None
    order: Order = Order.POSITION
    beyond: tuple[datetime, int] | None = None
    up_to_horizon: bool = False
    backward: bool = False
    limit: int | None = None
    as_json: bool = False


class StreamSelection(msgspec.Struct, frozen=True, kw_only=True):
    """Which streams are to be listed, by name. The bounds are exclusive, in the order of names whatever the direction."""

    prefix: str = ""
    category: str | None = None
    after: str | None = None
    before: str | None = None
    backward: bool = False
    limit: int | None = None


class Backend(ABC):
    """
    Every write is atomic and leaves a surrounding transaction usable when it is refused.

    `using` is the alias of the database whose transactions it takes part in; checkpoints and processes are there too.
    `keeps_checkpoints` is False for one that no durable subscriber can read.
    """

    using: str = "default"
    keeps_checkpoints: bool = True

    @abstractmethod
    def append(
        self,
        events: Sequence[EncodedEvent],
        *,
        stream: str,
        expected_version: ExpectedVersion,
        links: Mapping[str, ExpectedVersion],
        condition: AppendCondition | None,
        recorded_at: datetime | None,
    ) -> Appended:
        """
        Store 1..n events at the end of a stream, and show each in the streams of `links`.

        Raises: WrongExpectedVersion, AppendConditionFailed, DuplicateEvent, UnstorablePayload, NotMigrated.
        """

    @abstractmethod
    def link(
        self, event_ids: Sequence[UUID], *, stream: str, expected_version: ExpectedVersion, linked_at: datetime | None
    ) -> int:
        """
        Show 1..n stored events at the end of a stream; the position of the first one there.

        Raises: EventNotFound, EventAlreadyLinked, WrongExpectedVersion, NotMigrated.
        """

    @abstractmethod
    def read(self, selection: Selection) -> list[RecordedEvent[Any]]:
        """The selected events in order, all at once."""

    @abstractmethod
    def count(self, selection: Selection) -> int:
        """How many events `read` would give."""

    @abstractmethod
    def streams_of(self, event_id: UUID) -> list[StreamPosition]:
        """Every stream that shows the event, the one it was written to first. Raises EventNotFound."""

    @abstractmethod
    def positions_of(self, event_id: UUID, *, streams: frozenset[str] | None = None) -> tuple[int, int | None]:
        """
        The event's global position, and with `streams` its position in one of them.

        Raises: EventNotFound, also when none of these streams shows it.
        """

    @abstractmethod
    def streams(self, selection: StreamSelection) -> list[StreamInfo]:
        """The selected streams by name, those without events left out."""

    @abstractmethod
    def recently_changed_streams(self, limit: int) -> list[StreamInfo]:
        """Streams that show the newest events, the last changed one first."""

    @abstractmethod
    def categories(self, limit: int, *, after: str, count_up_to: int) -> list[CategoryInfo]:
        """The first categories by name behind `after`, those without any event left out."""

    @abstractmethod
    def event_types(self) -> list[str]:
        """Every type that the store has events of, by name."""

    @abstractmethod
    def delete_stream(self, stream: str, *, expected_version: ExpectedVersion) -> int:
        """Remove every link of the stream; how many there were. Raises WrongExpectedVersion."""

    @abstractmethod
    def atomic(self) -> AbstractContextManager[Any]:
        """A transaction, or a part of the current one that can be undone by itself. Raises BrokenTransaction."""

    def horizon(self) -> int:
        """
        The global position up to which nothing can appear any more; at least that of every event when nobody writes.

        The greatest position, where writers take turns. Raises HorizonUnavailable where nobody can say.
        """
        newest = self.read(Selection(backward=True, limit=1, as_json=True))
        return newest[0].global_position if newest else 0

    def check_usable(self) -> None:  # noqa: B027 - without transactions there is none to break
        """Raises BrokenTransaction when nothing of the current transaction can be kept."""
