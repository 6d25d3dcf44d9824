"""What an error of a handler means: a conflict, a lost connection, or a failure."""

from __future__ import annotations

import traceback

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from event_store.exceptions import WrongExpectedVersion

_CONFLICTS = ("40001", "40P01")
_SQLITE_BUSY = "SQLITE_BUSY"
_SERVER_GONE = ("57P01", "57P02", "57P03")
_SILENT_FOR_TOO_LONG = "25P03"


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction was in the way: to be repeated at once, not to be counted as a failure."""
    if isinstance(error, WrongExpectedVersion):
        return True
    cause = error.__cause__
    return isinstance(error, DatabaseError) and (
        getattr(cause, "sqlstate", None) in _CONFLICTS
        or str(getattr(cause, "sqlite_errorname", "")).startswith(_SQLITE_BUSY)
    )


def is_lost_connection(error: BaseException, *, using: str) -> bool:
    """Whether the database went away, so that nothing is known of the handler."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state == _SILENT_FOR_TOO_LONG:
        # The handler's own doing: it would happen again and again.
        return False
    if state in _SERVER_GONE or (state or "").startswith("08"):
        return True
    raw = connections[using].connection
    return connections[using].vendor == "postgresql" and (raw is None or bool(raw.closed))


def describe(error: BaseException) -> str:
    """One line: the error's class and words, in characters that every database takes."""
    return storable(f"{type(error).__name__}: {error}")


def trace(error: BaseException) -> str:
    """The traceback, without the values of local variables."""
    return storable("".join(traceback.format_exception(error)))


def storable(text: str) -> str:
    """Words that every database takes: NUL and lone surrogates as escapes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
