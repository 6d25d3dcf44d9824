"""Commands: orders in the imperative, each handled by exactly one function."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform
from uuid import UUID

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

CONFLICTS_IN_A_ROW = 5


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
class CommandHandler:
    """The function that handles a command, and the errors by which it says no."""

    function: Callable[[Any], Any]
    rejected_by: tuple[type[Exception], ...] = ()


def handles(
    command_class: type[C], *, rejected_by: type[Exception] | tuple[type[Exception], ...] = ()
) -> Callable[[Callable[[C], Any]], Callable[[C], Any]]:
    """
    Make a function the one handler of a command:

        @handles(ConfirmOrder, rejected_by=OrderClosed)
        def confirm_order(command: ConfirmOrder) -> None: ...

    Args:
        rejected_by: errors of the domain that are an answer and not a failure; as if the handler raised
            `Rejected(str(error))`.
    Raises:
        DuplicateCommandHandler: another function handles it already.
    """
    classes = rejected_by if isinstance(rejected_by, tuple) else (rejected_by,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Exception)):
            raise InvalidEvent(f"@handles: rejected_by takes classes of errors, not {each!r}.")
    if not (isinstance(command_class, type) and issubclass(command_class, Command)):
        raise InvalidEvent(f"@handles takes the class of a command, not {command_class!r}.")

    def register(handler: Callable[[C], Any]) -> Callable[[C], Any]:
        known = command_handlers.get(command_class)
        if known is not None and _path(known.function) != _path(handler):
            raise DuplicateCommandHandler(
                f"{command_class.__name__} is handled by {_path(known.function)} already; {_path(handler)} cannot handle "
                "it too."
            )
        command_handlers[command_class] = CommandHandler(handler, classes)
        return handler

    return register


def dispatch(command: Command, *, command_id: UUID | None = None, correlation_id: UUID | None = None) -> Any:
    """
    Have a command handled now, in a transaction of the default store's database, or a savepoint of the current one.

    Events that the handler publishes name the command as their cause. When a stream has moved on meanwhile, the handler
    is called again, a few times.

    Returns:
        What the handler returns.
    Raises:
        UnhandledCommand: nobody handles it.
        Rejected: the handler says no; nothing that it has written is kept.
        Whatever else the handler raises; nothing is kept then, either.
    """
    if not isinstance(command, Command):
        raise InvalidEvent(f"{command!r} is not a command: give an instance of a subclass of event_store.Command.")
    handler = command_handlers.get(type(command))
    if handler is None:
        raise UnhandledCommand(
            f"Nobody handles {type(command).__name__}: decorate a function in a commands module with "
            f"@handles({type(command).__name__})."
        )
    inherited = correlation_id or context.current_context().correlation_id
    with context.cause_block(causation_id=command_id or new_id(), correlation_id=inherited):
        return _handled(handler, command)


def _handled(handler: CommandHandler, command: Command) -> Any:
    for attempt in range(CONFLICTS_IN_A_ROW):
        try:
            with event_store.atomic():
                return handler.function(command)
        except handler.rejected_by as error:
            raise Rejected(str(error) or type(error).__name__) from error
        except WrongExpectedVersion:
            if attempt == CONFLICTS_IN_A_ROW - 1:
                raise
            time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads rivals, hides nothing
    raise AssertionError("unreachable")


def _path(handler: Callable[..., object]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"
