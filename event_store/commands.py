"""Commands: orders in the imperative, each handled by exactly one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform
from uuid import UUID

from event_store import context
from event_store.exceptions import DuplicateCommandHandler, InvalidEvent, UnhandledCommand
from event_store.identifiers import new_id
from event_store.messages import Message, TypeRegistry, is_storable

command_types = TypeRegistry("command")
C = TypeVar("C", bound="Command")
command_handlers: dict[type[Command], Callable[[Any], object]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Command(Message, abstract=True):
    """
    An order in the imperative, typed and checked like an event:

        class ConfirmOrder(Command):
            order_id: str
    """

    __registry__: ClassVar[TypeRegistry] = command_types

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


def handles(command_class: type[C]) -> Callable[[Callable[[C], Any]], Callable[[C], Any]]:
    """
    Make a function the one handler of a command:

        @handles(ConfirmOrder)
        def confirm_order(command: ConfirmOrder) -> None: ...

    Raises:
        DuplicateCommandHandler: another function handles it already.
    """
    if not (isinstance(command_class, type) and issubclass(command_class, Command)):
        raise InvalidEvent(f"@handles takes the class of a command, not {command_class!r}.")

    def register(handler: Callable[[C], Any]) -> Callable[[C], Any]:
        known = command_handlers.get(command_class)
        if known is not None and _path(known) != _path(handler):
            raise DuplicateCommandHandler(
                f"{command_class.__name__} is handled by {_path(known)} already; {_path(handler)} cannot handle it too."
            )
        command_handlers[command_class] = handler
        return handler

    return register


def handler_of(command_class: type[Command]) -> Callable[[Any], object] | None:
    return command_handlers.get(command_class)


def dispatch(command: Command, *, command_id: UUID | None = None, correlation_id: UUID | None = None) -> Any:
    """
    Have a command handled now, in the current transaction.

    Events that the handler publishes name the command as their cause.

    Returns:
        What the handler returns.
    Raises:
        UnhandledCommand: nobody handles it.
        Whatever the handler raises.
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
        return handler(command)


def _path(handler: Callable[..., object]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"
