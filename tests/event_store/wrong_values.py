"""What the arguments of the store do not take, and how a refusal is to look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from event_store import Event, EventStoreError
from tests.event_store.sample import Noted

ID = UUID(int=7)
HOSTILE = ["\0", "a\0b", "\ud800", "x\udfffy"]
NO_NAMES = ["", "x" * 256, None, 5, 1.5, b"s", ["s"], object(), *HOSTILE]
NO_STREAMS = [*NO_NAMES, "$all", "$type-x", "Agreement$1"]
NO_VERSIONS = [None, "1", b"1", 1.0, True, -2, 2**62, -(2**70), [0], float("nan")]
NO_EVENTS = [None, 5, "text", b"text", {"a": 1}, {}, Noted, Event(), object()]
NO_IDS = [None, 5, "", "no uuid", b"x" * 16, 1.5, *HOSTILE]
NO_TIMES = [None, 5, "2026-01-01", date(2026, 1, 1), datetime(2026, 1, 1), datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))]  # fmt: skip
NO_JSON = [object(), float("nan"), float("-inf"), 1j, {1j: 1}, Noted, 10**5000, *HOSTILE, *({text: 1} for text in HOSTILE)]  # fmt: skip
NO_COUNTS = [None, -1, 2**63, 1.0, "3", True, [1]]
NO_BOUNDS = [None, -2, 2**63, 1.5, True, "5", str(ID), [1]]
NO_TYPES = [None, 5, int, Noted(), [Noted], "", *HOSTILE]
NO_VALUES: list[Any] = [None, "a", 5, [], {}, {"": 1}, {5: 1}, {'"': 1}, {"\\": 1}, {"a": {}}, {"a": [1]}, {"a": {1}}, {"a": object()}, {"a": float("nan")}, {"a": 2**63}, {"a": 1e300}, {"a": 1, "b": ()}, *({text: 1} for text in HOSTILE), *({"a": text} for text in HOSTILE)]  # fmt: skip


def refusal_of(call: Callable[[Any], Any], wrong: Any) -> Exception:
    """The error that the call with this value raises."""
    try:
        answer = call(wrong)
    except Exception as error:
        return error
    return AssertionError(f"{wrong!r} was taken, and gave {answer!r}")


def is_refusal(error: Exception, argument: str) -> bool:
    """Whether it is an error of ours and one of Python's for wrong arguments, and begins with the argument's name."""
    return (
        isinstance(error, EventStoreError)
        and isinstance(error, (ValueError, TypeError))
        and str(error).startswith(argument)
    )
