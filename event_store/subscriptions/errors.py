"""What an error of a handler means: a conflict, a lost connection, or a failure."""

from __future__ import annotations

import traceback

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from event_store.exceptions import WrongExpectedVersion

_CONFLICTS = ("40001", "40P01")
_SQLITE_BUSY = "SQLITE_BUSY"
_SERVER_GONE = ("57P01", "57P02", "57P03")


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
    if connections[using].vendor != "postgresql" or error.__cause__ is None:
        return False
    # What a server reports has a state; without one the driver has lost it. Whether the connection is there now says
    # nothing: Django makes a new one when it leaves the transaction. One that was silent for too long (25P03) is the
    # handler's own doing, and would be so again and again.
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state in _SERVER_GONE or state.startswith("08")


def describe(error: BaseException) -> str:
    """One line: the error's class and words, in characters that every database takes."""
    return storable(f"{type(error).__name__}: {error}")


def trace(error: BaseException) -> str:
    """The traceback, without the values of local variables."""
    return storable("".join(traceback.format_exception(error)))


def storable(text: str) -> str:
    """Words that every database takes: NUL and lone surrogates as escapes."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
