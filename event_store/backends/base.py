"""What every storage promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from event_store.events import RecordedEvent
from event_store.expected_version import ExpectedVersion


@dataclass(frozen=True)
class EncodedEvent:
    """An event ready to be stored; `data` and `metadata` are JSON objects in UTF-8."""

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
class Selection:
    """Which events are to be read. Bounds are exclusive, in stream order whatever the direction."""

    stream: str | None = None
    types: frozenset[str] | None = None
    event_ids: tuple[UUID, ...] | None = None
    after: int | UUID | None = None
    before: int | UUID | None = None
    backward: bool = False
    limit: int | None = None
    as_json: bool = False


class Backend(ABC):
    """
    Every write is atomic and leaves a surrounding transaction usable when it is refused.

    `using` is the alias of the database whose transactions it takes part in; checkpoints and processes are there too.
    """

    using: str = "default"

    @abstractmethod
    def append(
        self,
        events: Sequence[EncodedEvent],
        *,
        stream: str,
        expected_version: ExpectedVersion,
        links: Mapping[str, ExpectedVersion],
        recorded_at: datetime | None,
    ) -> Appended:
        """
        Store 1..n events at the end of a stream, and show each in the streams of `links`.

        Raises: WrongExpectedVersion, DuplicateEvent, NotMigrated.
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
        """The selected events in order, all at once. Raises EventNotFound for a bound that is not in the stream."""

    @abstractmethod
    def count(self, selection: Selection) -> int:
        """How many events `read` would give."""

    @abstractmethod
    def streams_of(self, event_id: UUID) -> list[StreamPosition]:
        """Every stream that shows the event, the one it was written to first. Raises EventNotFound."""

    @abstractmethod
    def delete_stream(self, stream: str, *, expected_version: ExpectedVersion) -> int:
        """Remove every link of the stream; how many there were. Raises WrongExpectedVersion."""

    @abstractmethod
    def atomic(self) -> AbstractContextManager[Any]:
        """A transaction, or a part of the current one that can be undone by itself. Raises BrokenTransaction."""
