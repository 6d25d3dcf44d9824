"""`ANY`, `NO_STREAM`, `STREAM_EXISTS` or the position of the last event that the writer has read."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

from event_store.exceptions import InvalidExpectedVersion

MAX_VERSION = 2**62


class StreamState(Enum):
    """What a writer may believe of a stream without knowing its version."""

    ANY = "any"
    STREAM_EXISTS = "stream exists"

    def __str__(self) -> str:
        return self.name


ANY: Final = StreamState.ANY
STREAM_EXISTS: Final = StreamState.STREAM_EXISTS
NO_STREAM: Final = -1

ExpectedVersion: TypeAlias = int | StreamState


def check_expected_version(expected: object, *, argument: str = "expected_version") -> ExpectedVersion:
    """
    The expected version itself.

    Raises:
        InvalidExpectedVersion: it is neither a whole number from -1 nor one of the three names.
    """
    if isinstance(expected, StreamState):
        return expected
    if isinstance(expected, bool) or not isinstance(expected, int) or not -1 <= expected < MAX_VERSION:
        raise InvalidExpectedVersion(
            f"{argument}: {expected!r} is not ANY, NO_STREAM, STREAM_EXISTS or the position of the last event "
            "that you have read (a whole number from -1)."
        )
    return expected


def as_number(expected: ExpectedVersion) -> int | None:
    """As the database functions take it: None for ANY, -2 for STREAM_EXISTS, else the version."""
    if isinstance(expected, StreamState):
        return None if expected is ANY else -2
    return expected


def matches(expected: ExpectedVersion, actual: int) -> bool:
    """Whether a stream at version `actual` (-1 when empty) is what the writer believed in."""
    if isinstance(expected, StreamState):
        return expected is ANY or actual >= 0
    return expected == actual
