"""What `act` may yield, besides commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from event_store.exceptions import InvalidProcessManager
from event_store.messages import is_storable

LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class _Reasoned:
    reason: str = ""

    def because(self, reason: str) -> Self:
        """The same with the reason why, for the record. Raises InvalidProcessManager for what is no text."""
        if not isinstance(reason, str) or not is_storable(reason):
            raise InvalidProcessManager(f"because: takes a text without NUL and lone surrogates, not {reason!r}.")
        return replace(self, reason=reason)


@dataclass(frozen=True)
class Complete(_Reasoned):
    """The process has done its work: later events are linked and shown, and not acted on; its deadlines are off."""


@dataclass(frozen=True)
class Cancel(_Reasoned):
    """The process has nothing more to do, without having done its work; otherwise as `Complete`."""


@dataclass(frozen=True)
class Deadline(_Reasoned):
    """
    Have a `DeadlineReached` of this name arrive at the process.

    Once set, the same again changes nothing, also when it was reached; another time sets it anew. `CancelDeadline` ends
    it, so that it can be set again. It needs a worker (`manage.py run_subscriptions`).

    Args:
        name: 1..255 characters; a process has one deadline of each name at a time.
        after: how long after the event that sets it was recorded; more than nothing.
        at: the aware time itself, in place of `after`; in the past: at once.
    """

    name: str
    after: timedelta | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if (self.after is None) == (self.at is None):
            raise InvalidProcessManager(f"Deadline {self.name!r}: give it either after=timedelta(…) or at=datetime(…).")
        if self.after is not None and not (isinstance(self.after, timedelta) and self.after > timedelta(0)):
            raise InvalidProcessManager(
                f"Deadline {self.name!r}: after is {self.after!r}: a timedelta of more than nothing."
            )
        if self.at is not None and (not isinstance(self.at, datetime) or self.at.utcoffset() is None):
            raise InvalidProcessManager(f"Deadline {self.name!r}: at is {self.at!r}: a datetime with a time zone.")

    def due_at(self, since: datetime) -> datetime:
        """When it is due, if it is set by an event of this time. Raises InvalidProcessManager beyond the year 9999."""
        try:
            return self.at if self.at is not None else since + (self.after or timedelta(0))
        except OverflowError:
            raise InvalidProcessManager(
                f"Deadline {self.name!r}: {self.after} after {since} is no date any more."
            ) from None


@dataclass(frozen=True)
class CancelDeadline(_Reasoned):
    """The deadline of this name is off; nothing happens where there is none."""

    name: str

    def __post_init__(self) -> None:
        _check_name(self.name)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not is_storable(name):
        raise InvalidProcessManager(f"A deadline's name is a text of 1 to {LONGEST_NAME} characters, not {name!r}.")
