"""Durable subscribers: what each reads, from where, and in how many sequences at once."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from event_store.events import Event, RecordedEvent, event_types
from event_store.exceptions import InvalidStreamName, InvalidSubscriber
from event_store.streams import category_of, check_category, check_stream_name
from event_store.subscriber_registry import Subscriber, SubscriberRegistry

Start: TypeAlias = Literal["beginning", "now"] | int | datetime
"""Where a new subscription begins: with the first event, the next one, the one behind a position, or at an aware time."""

MAX_ATTEMPTS = 20
"""With pauses that grow to 5 minutes: a little more than an hour."""
MOST_PARTITIONS = 1024
LONGEST_SEQUENCE = 255

logger = logging.getLogger("event_store.subscriptions")


@dataclass(frozen=True)
class DurableSubscriber(Subscriber):
    """
    A handler with a checkpoint: it handles every event that it wants, once, in the order of each sequence.

    Attributes:
        stream: only what this stream shows, links too, in its order; its checkpoint is a position there.
        category: only events that were written to a stream of this category.
        start: where it begins when it is new.
        batch_size: how many events one transaction handles at most.
        takes_list: whether the handler is called with a list of events instead of one.
        partitions: how many workers can share it.
        partition_by: the sequence of an event (1..255 characters): events of one sequence are handled in order, by one
            worker, and wait behind the one of them that failed. The stream it was written to if left out.
        max_attempts: after so many failures an event is given up: it waits for somebody to retry or skip it.
        sequences_of: the sequences of an event that belongs to any number of them. The handler is then called with the
            event and each sequence, each time in a transaction of its own.
        failed: told of an event that could not be handled (read as JSON text), its sequence, and the error.
        recovered: told of a sequence that goes on because its failed event was skipped.
    """

    stream: str = ""
    category: str | None = None
    start: Start = "beginning"
    batch_size: int = 1
    takes_list: bool = False
    partitions: int = 1
    partition_by: Callable[[RecordedEvent[Any]], str] | None = None
    max_attempts: int = MAX_ATTEMPTS
    sequences_of: Callable[[RecordedEvent[Any]], Iterable[str]] | None = None
    failed: Callable[[RecordedEvent[Any], str, Exception], None] | None = None
    recovered: Callable[[str], None] | None = None

    def types(self) -> frozenset[str] | None:
        """The types of events that it reads; None for all, those that no class has included."""
        if Event in self.event_classes:
            return None
        return frozenset().union(*(event_types.types_of(each) for each in self.event_classes))

    def wants_shown_in(self, event: RecordedEvent[Any], streams: Collection[str]) -> bool:
        """Whether it wants an event that was just stored, or linked, in these streams."""
        if self.stream:
            return self.stream in streams
        return self.category is None or (event.stream is not None and category_of(event.stream) == self.category)

    def sequences(self, event: RecordedEvent[Any]) -> list[str]:
        """
        The sequences of an event, none when it is not for this subscriber. The event's data is decoded.

        Raises:
            InvalidSubscriber: `partition_by` gave something that cannot name a sequence.
            Whatever `partition_by` raises.
        """
        if self.sequences_of is not None:
            return list(self.sequences_of(event))
        if self.partition_by is None:
            return [stream_sequence(event)]
        sequence = self.partition_by(event)
        if not isinstance(sequence, str) or not 0 < len(sequence) <= LONGEST_SEQUENCE:
            raise InvalidSubscriber(
                f"partition_by of {self.name} gave {sequence!r} for {event.type} {event.id}: "
                f"a sequence is a text of 1 to {LONGEST_SEQUENCE} characters."
            )
        return [sequence]

    def call(self, events: list[RecordedEvent[Any]], sequence: str) -> None:
        """Call the handler with events of which each belongs to the sequence (several only where it takes a list)."""
        handle: Callable[..., object] = self.handle
        if self.takes_list:
            handle(events)
            return
        for event in events:
            if self.sequences_of is None:
                handle(event)
            else:
                handle(event, sequence)


class DurableRegistry(SubscriberRegistry[DurableSubscriber]):
    """Durable subscribers by name. Two of one name are a matter for the system check, not for the import."""

    def __init__(self) -> None:
        super().__init__()
        self._complaints: dict[str, str] = {}

    def add(self, subscriber: DurableSubscriber) -> None:
        try:
            super().add(subscriber)
        except InvalidSubscriber as error:
            # A name that two have would give both one checkpoint: the first one keeps it.
            logger.error("%s", error)  # noqa: TRY400 - its traceback says nothing more
            self._complaints[subscriber.name] = str(error)

    def restore(self, subscribers: dict[str, DurableSubscriber]) -> None:
        super().restore(subscribers)
        self._complaints = {name: text for name, text in self._complaints.items() if name in subscribers}

    def complaints(self) -> list[str]:
        """What is wrong with the names, for the system check."""
        return list(self._complaints.values())


durable_subscribers = DurableRegistry()


def stream_sequence(event: RecordedEvent[Any]) -> str:
    """The sequence of an event by its stream. Those whose stream was deleted share the empty one."""
    return event.stream or ""


def partition_of(sequence: str, partitions: int) -> int:
    """Which of the partitions handles a sequence; the same on every machine and in every version of Python."""
    return zlib.crc32(sequence.encode()) % partitions if partitions > 1 else 0


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """
    The options of `@subscriber(…, durable=True)` as attributes of DurableSubscriber.

    Raises:
        InvalidSubscriber: an unknown option, or a value that it cannot have.
    """
    checked = {}
    for name, value in options.items():
        if name not in _CHECKS:
            raise InvalidSubscriber(f"@subscriber: the option {name!r} is unknown; there are {', '.join(_CHECKS)}.")
        checked[name] = _CHECKS[name](value)
    if checked.get("stream") and checked.get("category") is not None:
        raise InvalidSubscriber("@subscriber: stream and category: a subscription reads one of the two.")
    if checked.get("stream") and options.get("partitions", 1) > 1 and "partition_by" not in options:
        raise InvalidSubscriber(
            "@subscriber: partitions of one stream need partition_by: all its events are one sequence."
        )
    if "batch_size" in checked:
        checked["takes_list"] = True
    return checked


def _stream(value: object) -> str:
    try:
        name = check_stream_name(value)
    except InvalidStreamName as error:
        raise InvalidSubscriber(f"@subscriber: {error}") from error
    if name.startswith("$"):
        raise InvalidSubscriber(f"@subscriber: stream: {name!r} is a query: name event classes, or a category.")
    return name


def _category(value: object) -> str:
    try:
        return check_category(value)
    except InvalidStreamName as error:
        raise InvalidSubscriber(f"@subscriber: {error}") from error


def check_start(value: object) -> Start:
    """The value itself. Raises InvalidSubscriber."""
    if value in ("beginning", "now"):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvalidSubscriber(f'start is {value!r}: "beginning", "now", a position (0 or more) or an aware datetime.')


def _number(name: str, most: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise InvalidSubscriber(f"@subscriber: {name} is {value!r}: a whole number from 1 to {most}.")
        return value

    return check


def _function(value: object) -> Any:
    if not callable(value):
        raise InvalidSubscriber(f"@subscriber: partition_by is {value!r}: a function from an event to a text.")
    return value


_CHECKS: Mapping[str, Callable[[object], Any]] = {
    "stream": _stream,
    "category": _category,
    "start": check_start,
    "batch_size": _number("batch_size", 10_000),
    "partitions": _number("partitions", MOST_PARTITIONS),
    "partition_by": _function,
    "max_attempts": _number("max_attempts", 1_000_000),
}
