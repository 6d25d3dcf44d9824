"""
Every error of this package.

    EventStoreError
    ├── InvalidEvent (TypeError)             not an event, or a field of the wrong type
    ├── UnstorablePayload (ValueError)       the data or metadata cannot be kept as JSON
    ├── EventTypeError (TypeError)
    │   ├── UnnamedEventType                 a class outside every installed app, without type=
    │   └── DuplicateEventType               two classes claim one type
    ├── InvalidStreamName (ValueError)
    │   └── ReservedStream                   `$…`, or the stream of a process manager
    ├── InvalidExpectedVersion (ValueError)
    ├── InvalidAppendCondition (ValueError)
    ├── InvalidQuery (ValueError)
    ├── WrongExpectedVersion                 the stream has moved on
    │   └── AppendConditionFailed            a stream that the decision was made from has moved on
    ├── DuplicateEvent                       the store already has an event of this id
    ├── EventAlreadyLinked                   the stream already shows this event
    ├── EventNotFound                        no event of this id
    ├── Rejected                             a handler says no to a command
    ├── CommandError (TypeError)
    │   ├── UnhandledCommand                 nobody handles it
    │   └── DuplicateCommandHandler          two functions want to handle it
    ├── InvalidAggregate (TypeError)         its class contradicts itself, or a snapshot would lose something
    ├── InvalidSubscriber (TypeError)
    ├── SubscriptionChanged                  its checkpoint belongs to another stream
    ├── UnknownSubscription (ValueError)     no code declares it, or it has never run
    ├── NotHandledInTime (TimeoutError)      a subscription has not come so far yet
    ├── FailedEventError                     a failed event cannot be retried or skipped now
    ├── FailedCommandError                   a command cannot be delivered again or skipped now
    ├── UnknownProcess (ValueError)          no process of this type and id
    ├── InvalidProcessManager (TypeError)
    │   └── ImpureProcessManager             its apply or act has asked the database
    ├── InvalidProjection (TypeError)
    ├── RebuildFailed                        a projection could not be rebuilt; its rows are as before
    ├── UnreadableEvent (ValueError)         what is stored does not fit the class of today
    ├── SubscribersNestedTooDeeply           what subscribers publish calls subscribers again and again
    ├── BrokenTransaction                    a handler swallowed a database error
    ├── NotMigrated                          the tables are missing
    ├── HorizonUnavailable                   nobody can say here and now up to where everything is final
    └── InvalidStoreSettings (ImproperlyConfigured)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured


class EventStoreError(Exception):
    """Base of all errors of this package."""


class InvalidEvent(EventStoreError, TypeError):
    """What was given is not an event, or a field has the wrong type."""


class UnstorablePayload(EventStoreError, ValueError):
    """The data or the metadata of an event cannot be kept as JSON."""


class EventTypeError(EventStoreError, TypeError):
    """A class cannot be told from its type, or a type from its class."""


class UnnamedEventType(EventTypeError):
    """The class belongs to no installed app and was given no `type=`."""


class DuplicateEventType(EventTypeError):
    """Two classes claim one type."""


class InvalidStreamName(EventStoreError, ValueError):
    """The name of a stream is empty, too long, not a string, or cannot be stored."""


class ReservedStream(InvalidStreamName):
    """The stream belongs to the store or to a process manager."""


class InvalidExpectedVersion(EventStoreError, ValueError):
    """Neither ANY, NO_STREAM, STREAM_EXISTS nor a whole number from -1."""


class InvalidAppendCondition(EventStoreError, ValueError):
    """A condition without streams, or with a version or type of the wrong kind."""


class InvalidQuery(EventStoreError, ValueError):
    """A bound, a limit or a slice that no query can answer."""


class WrongExpectedVersion(EventStoreError):
    """
    A stream is not at the version that the writer believed in; nothing was stored.

    `actual` is None where the database cannot tell (a lost race under REPEATABLE READ or SERIALIZABLE), and `stream`,
    too, when there are several.
    """

    def __init__(self, *, stream: str | None, expected: object, actual: int | None) -> None:
        self.stream, self.expected, self.actual = stream, expected, actual
        super().__init__(f"{self._says()} Nothing was stored: read it again and decide anew.")

    def _says(self) -> str:
        found = {None: "has changed meanwhile", -1: "is empty"}.get(self.actual, f"is at version {self.actual}")
        return f"{_stream(self.stream)} {found}, not at {self.expected}."


class AppendConditionFailed(WrongExpectedVersion):
    """A stream of the append condition has got an event that counts, behind the version that was read (`expected`)."""

    def _says(self) -> str:
        return f"{_stream(self.stream)} of the condition has changed since version {self.expected} was read."


class DuplicateEvent(EventStoreError):
    """The store already has events of these ids; nothing was stored."""

    def __init__(self, event_ids: Sequence[UUID]) -> None:
        self.event_ids = list(event_ids)
        super().__init__(
            f"Already stored: {_listed(event_ids)}. Nothing was stored; use link() to show an event in another stream."
        )


class EventAlreadyLinked(EventStoreError):
    """The stream already shows these events; nothing was linked."""

    def __init__(self, event_ids: Sequence[UUID], *, stream: str) -> None:
        self.event_ids, self.stream = list(event_ids), stream
        super().__init__(f"Stream {stream!r} already shows {_listed(event_ids)}. Nothing was stored.")


class EventNotFound(EventStoreError):
    """The store (or the streams that were asked) has no events of these ids."""

    def __init__(self, event_ids: Sequence[UUID], *, streams: Collection[str] | None = None) -> None:
        self.event_ids, self.streams = list(event_ids), None if streams is None else sorted(streams)
        where = "The store" if streams is None else f"Stream {' or '.join(map(repr, sorted(streams)))}"
        super().__init__(f"{where} has no event {_listed(event_ids)}.")


class Rejected(EventStoreError):
    """
    Raised by the handler of a command to say no: an answer, not a failure. Nothing that it has written is kept.

    Whoever dispatches by hand gets it; a process manager sees `CommandRejected` as its next event.

    Args:
        reason: in words for people; not blank.
    """

    def __init__(self, reason: str) -> None:
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"Rejected: takes the reason in words, not {reason!r}.")
        self.reason = reason
        super().__init__(reason)


class CommandError(EventStoreError, TypeError):
    """A command cannot be brought to exactly one handler."""


class UnhandledCommand(CommandError):
    """Nobody handles the command."""


class DuplicateCommandHandler(CommandError):
    """Two functions want to handle one command."""


class InvalidAggregate(EventStoreError, TypeError):
    """An aggregate's class contradicts itself, or an attribute would not come back from a snapshot as it was."""


class InvalidSubscriber(EventStoreError, TypeError):
    """`@subscriber` was used without events, or with something that is no event."""


class SubscriptionChanged(EventStoreError):
    """A durable subscriber reads another stream than its checkpoint is for."""

    def __init__(self, name: str, *, was: str, now: str) -> None:
        self.name, self.was, self.now = name, was, now
        super().__init__(
            f"The subscription {name!r} has a checkpoint in {_source(was)}, and now reads {_source(now)}: give it another "
            f"name=, or begin anew with `manage.py remove_subscription {name}`."
        )


class UnknownSubscription(EventStoreError, ValueError):
    """No code declares a durable subscriber of this name, or it has never run."""


class NotHandledInTime(EventStoreError, TimeoutError):
    """A subscription has not handled an event before the time was over."""


class FailedEventError(EventStoreError):
    """A failed event cannot be retried or skipped now: it is gone, not the first of its sequence, or somebody is at it."""


class FailedCommandError(EventStoreError):
    """A command for the outside cannot be retried or skipped now: it has its answer, is not the first, or somebody is at it."""


class UnknownProcess(EventStoreError, ValueError):
    """There is no process of this type and id."""


class InvalidProcessManager(EventStoreError, TypeError):
    """A process manager's class lacks something, or its `act` yielded something unknown."""


class ImpureProcessManager(InvalidProcessManager):
    """`process_id`, `apply`, `act` or `waiting_for` has asked the database."""


class InvalidProjection(EventStoreError, TypeError):
    """A projection's class lacks something, or names something that it cannot have."""


class RebuildFailed(EventStoreError):
    """A projection could not be rebuilt; its live rows are as they were."""


class UnreadableEvent(EventStoreError, ValueError):
    """The stored data of an event does not fit the class that has its type today."""


class SubscribersNestedTooDeeply(EventStoreError):
    """
    Immediate subscribers have published inside each other's calls beyond the limit; nothing was stored.

    `chain` names them, the outermost first.
    """

    def __init__(self, chain: Sequence[str]) -> None:
        self.chain = tuple(chain)
        super().__init__(
            f"Subscribers are {len(chain)} deep in each other's calls, as a circle is: … -> {' -> '.join(chain[-6:])}. "
            "Let one of them publish only what does not lead back to it, or make it durable."
        )


class BrokenTransaction(EventStoreError):
    """A handler caught a database error and went on, although the transaction can only be rolled back."""

    def __init__(self) -> None:
        super().__init__(
            "A database error was caught without an atomic() block around the statement that failed, so nothing of "
            "this transaction can be kept: put `with transaction.atomic():` inside the `try:`."
        )


class NotMigrated(EventStoreError):
    """The tables of the event store are missing from the database."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        database = "" if alias == "default" else f" --database {alias}"
        super().__init__(
            f"The event store's tables or functions are missing from the database {alias!r}: "
            f"run `manage.py migrate event_store{database}`."
        )


class HorizonUnavailable(EventStoreError):
    """Nobody can say here and now up to which position everything is final; `alias` names the database."""

    def __init__(self, alias: str, why: str) -> None:
        self.alias = alias
        super().__init__(f"The horizon of the database {alias!r} cannot be read: {why}")


class InvalidStoreSettings(EventStoreError, ImproperlyConfigured):
    """EVENT_STORES names a store, a backend or an option that does not exist."""


def _source(stream: str) -> str:
    return f"the stream {stream!r}" if stream else "the whole store"


def _stream(name: str | None) -> str:
    return "A stream" if name is None else f"Stream {name!r}"


def _listed(event_ids: Sequence[UUID]) -> str:
    shown = ", ".join(str(event_id) for event_id in event_ids[:3])
    return shown + (f" and {len(event_ids) - 3} more" if len(event_ids) > 3 else "")
