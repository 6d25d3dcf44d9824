"""Metadata, cause and clock of the current block; they follow async tasks."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

Clock = Callable[[], datetime]


# Compared by identity: comparing metadata would ask lazy values, and asgiref compares contexts after each call.
@dataclass(frozen=True, eq=False)
class Context:
    """
    What everything that is published now inherits.

    `subscribers` are those of the block, `reacting` names the ones that are being called.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    clock: Clock | None = None
    subscribers: tuple[Any, ...] = ()
    reacting: tuple[str, ...] = ()


_current: ContextVar[Context] = ContextVar("event_store_context", default=Context())  # noqa: B039 - it is immutable


def current_context() -> Context:
    return _current.get()


def current_time() -> datetime:
    """The time of the block's clock, or of this machine's."""
    clock = current_context().clock
    return datetime.now(UTC) if clock is None else clock()


@contextmanager
def metadata_block(values: Mapping[str, Any]) -> Iterator[None]:
    """Add metadata to everything published inside; inner blocks win. A mapping is asked anew at each publish."""
    outer: Any = current_context().metadata
    with _changed(metadata=ChainMap(values, outer)):  # type: ignore[arg-type]
        yield


@contextmanager
def cause_block(*, causation_id: UUID, correlation_id: UUID | None) -> Iterator[None]:
    """Everything published inside was caused by this message and belongs to its conversation."""
    with _changed(causation_id=causation_id, correlation_id=correlation_id or causation_id):
        yield


@contextmanager
def reaction_block(*, reacting: tuple[str, ...], causation_id: UUID, correlation_id: UUID | None) -> Iterator[None]:
    """As `cause_block`, inside the call of the last one of these subscribers."""
    with _changed(reacting=reacting, causation_id=causation_id, correlation_id=correlation_id or causation_id):
        yield


@contextmanager
def handling_block(
    *, metadata: Mapping[str, Any], causation_id: UUID | None, correlation_id: UUID | None
) -> Iterator[None]:
    """As `cause_block`, with the metadata of the event that is handled and no subscribers in place of the block's."""
    inherited = {"causation_id": causation_id, "correlation_id": correlation_id or causation_id}
    with _changed(metadata=metadata, subscribers=(), **inherited):
        yield


@contextmanager
def subscriber_block(subscriber: Any) -> Iterator[None]:
    """One more subscriber for what is published inside."""
    with _changed(subscribers=(*current_context().subscribers, subscriber)):
        yield


@contextmanager
def clock_block(clock: Clock) -> Iterator[None]:
    """Everything published inside is recorded at the time that `clock()` says (aware)."""
    with _changed(clock=clock):
        yield


@contextmanager
def _changed(**changes: Any) -> Iterator[None]:
    token = _current.set(replace(current_context(), **changes))
    try:
        yield
    finally:
        _current.reset(token)
