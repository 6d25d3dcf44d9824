"""Commands: orders in the imperative, each handled by exactly one function."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform, overload
from uuid import UUID, uuid5

from event_store import context
from event_store.exceptions import (
    DuplicateCommandHandler,
    InvalidEvent,
    Rejected,
    UnhandledCommand,
    WrongExpectedVersion,
)
from event_store.identifiers import new_id
from event_store.messages import Message, TypeRegistry, is_storable
from event_store.stores import event_store

command_types = TypeRegistry("command")
C = TypeVar("C", bound="Command")
command_handlers: dict[type[Command], CommandHandler] = {}
rival_handlers: dict[type[Command], str] = {}
"""Commands that more than one function wants to handle, and which."""

CONFLICTS_IN_A_ROW = 5
MAX_ATTEMPTS = 10
TIMEOUT = 60.0
LONGEST_TIMEOUT = 86_400


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Command(Message, abstract=True):
    """
    An order in the imperative, typed and checked like an event:

        class ConfirmOrder(Command):
            order_id: str

    A process sends an equal one only once, unless the class says so: `class Remind(Command, repeatable=True)`.
    """

    __registry__: ClassVar[TypeRegistry] = command_types
    __repeatable__: ClassVar[bool] = False

    def __init_subclass__(cls, *, repeatable: bool | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if repeatable is not None:
            cls.__repeatable__ = repeatable

    def because(self, reason: str) -> ReasonedCommand:
        """This command with the reason why it is sent, for the record. Raises InvalidEvent for what is no text."""
        if not isinstance(reason, str) or not is_storable(reason):
            raise InvalidEvent(f"because: takes a text without NUL and lone surrogates, not {reason!r}.")
        return ReasonedCommand(self, reason)


@dataclass(frozen=True)
class ReasonedCommand:
    """A command and the reason that its process manager gives for it."""

    command: Command
    reason: str


@dataclass(frozen=True)
class Delivery:
    """
    One attempt at having a command done outside this database.

    Attributes:
        idempotency_key: the same at each attempt at the same command, and no other's: for a service that does nothing a
            second time for it.
        attempt: from 1.
    """

    idempotency_key: UUID
    attempt: int = 1

    def id_for(self, name: str) -> UUID:
        """The same at each attempt: for an event that tells of the answer, published with `on_duplicate="ignore"`."""
        return uuid5(self.idempotency_key, name)


@dataclass(frozen=True)
class CommandHandler:
    """
    The function that handles a command, and the errors by which it says no.

    One for the `outside` is called with a `Delivery`, too; `max_attempts` and `timeout` (seconds) are those of `@handles`.
    """

    function: Callable[..., Any]
    rejected_by: tuple[type[Exception], ...] = ()
    outside: bool = False
    max_attempts: int = MAX_ATTEMPTS
    timeout: float = TIMEOUT


Errors = type[Exception] | tuple[type[Exception], ...]


@overload
def handles(
    command_class: type[C], *, rejected_by: Errors = (), outside: Literal[False] = False
) -> Callable[[Callable[[C], Any]], Callable[[C], Any]]: ...


@overload
def handles(
    command_class: type[C],
    *,
    rejected_by: Errors = (),
    outside: Literal[True],
    max_attempts: int = MAX_ATTEMPTS,
    timeout: float = TIMEOUT,
) -> Callable[[Callable[[C, Delivery], Any]], Callable[[C, Delivery], Any]]: ...


def handles(
    command_class: type[C],
    *,
    rejected_by: Errors = (),
    outside: bool = False,
    max_attempts: int = MAX_ATTEMPTS,
    timeout: float = TIMEOUT,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    Make a function the one handler of a command:

        @handles(ConfirmOrder, rejected_by=OrderClosed)
        def confirm_order(command: ConfirmOrder) -> None: ...

        @handles(ChargeCard, rejected_by=CardRefused, outside=True)
        def charge_card(command: ChargeCard, delivery: Delivery) -> None: ...

    Two of them are an error that `manage.py check` reports; the command is then handled by neither.

    Args:
        rejected_by: errors of the domain that are an answer and not a failure; as if the handler raised
            `Rejected(str(error))`.
        outside: it changes something that no transaction of ours can undo. A process manager's command is then
            delivered after the commit, at least once, in no transaction, and those of one process in their order.
        max_attempts: after so many failures a delivery is given up: it waits for somebody to retry or skip it.
        timeout: seconds after which an attempt without an answer counts as lost, and the next one is made. The handler
            has to give up before that.
    Raises:
        InvalidEvent: something else than a command, or a class of errors, is given.
        ValueError: max_attempts or timeout is not above 0.
    """
    classes = rejected_by if isinstance(rejected_by, tuple) else (rejected_by,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Exception)):
            raise InvalidEvent(f"@handles: rejected_by takes classes of errors, not {each!r}.")
    if not (isinstance(command_class, type) and issubclass(command_class, Command)):
        raise InvalidEvent(f"@handles takes the class of a command, not {command_class!r}.")
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:
        raise ValueError(f"@handles: max_attempts is {max_attempts!r}: a whole number from 1.")
    if not isinstance(timeout, int | float) or not 0 < timeout < LONGEST_TIMEOUT:
        raise ValueError(f"@handles: timeout is {timeout!r}: seconds, more than 0 and less than a day.")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        handler = CommandHandler(function, classes, outside, max_attempts, timeout)
        known = command_handlers.setdefault(command_class, handler)
        if _path(known.function) == _path(function):
            # The same place in the source again is a reload.
            command_handlers[command_class] = handler
        else:
            rival_handlers[command_class] = f"{_path(known.function)} and {_path(function)}"
        return function

    return register


def handler_of(command_class: type[Command]) -> CommandHandler:
    """
    Raises:
        UnhandledCommand: nobody handles it.
        DuplicateCommandHandler: two functions want to.
    """
    name, handler = command_class.__name__, command_handlers.get(command_class)
    if handler is None:
        raise UnhandledCommand(
            f"Nobody handles {name}: decorate a function in a commands module with @handles({name})."
        )
    if command_class in rival_handlers:
        raise DuplicateCommandHandler(
            f"{name} is handled by {rival_handlers[command_class]}: take @handles({name}) off one of them."
        )
    return handler


def dispatch(command: Command, *, command_id: UUID | None = None, correlation_id: UUID | None = None) -> Any:
    """
    Have a command handled now, in a transaction of the default store's database, or a savepoint of the current one.

    Events that the handler publishes name the command as their cause. When a stream has moved on meanwhile, the handler
    is called again, a few times. The handler of a command for the outside is called once, in no transaction of its own:
    only those of process managers are recorded and tried again.

    Returns:
        What the handler returns.
    Raises:
        UnhandledCommand, DuplicateCommandHandler: nobody handles it, or two want to.
        Rejected: the handler says no; nothing that it has written is kept.
        Whatever else the handler raises; nothing is kept then, either.
    """
    if not isinstance(command, Command):
        raise InvalidEvent(f"{command!r} is not a command: give an instance of a subclass of event_store.Command.")
    handler, command_id = handler_of(type(command)), command_id or new_id()
    correlation_id = correlation_id or context.current_context().correlation_id
    with context.cause_block(causation_id=command_id, correlation_id=correlation_id):
        return deliver(command, Delivery(command_id)) if handler.outside else _handled(handler, command)


def deliver(command: Command, delivery: Delivery) -> Any:
    """Call the handler of a command for the outside, once. Returns and raises as `dispatch`."""
    handler = handler_of(type(command))
    try:
        return handler.function(command, delivery)
    except handler.rejected_by as error:
        raise _rejection(error) from error


def _handled(handler: CommandHandler, command: Command) -> Any:
    for attempt in range(CONFLICTS_IN_A_ROW):
        try:
            with event_store.atomic():
                return handler.function(command)
        except handler.rejected_by as error:
            raise _rejection(error) from error
        except WrongExpectedVersion:
            if attempt == CONFLICTS_IN_A_ROW - 1:
                raise
            time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, hides nothing
    raise AssertionError("unreachable")


def _rejection(error: Exception) -> Rejected:
    return Rejected(str(error) or type(error).__name__)


def _path(handler: Callable[..., object]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"
