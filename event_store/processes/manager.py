"""`ProcessManager`, the class that users subclass."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeAlias, Union, get_args, get_origin

from event_store.commands import Command, ReasonedCommand
from event_store.durable import MOST_PARTITIONS, DurableSubscriber, Start, check_start, durable_subscribers
from event_store.events import Event, RecordedEvent
from event_store.exceptions import InvalidProcessManager, InvalidSubscriber
from event_store.messages import type_of
from event_store.processes import runner
from event_store.processes.events import CommandRejected, DeadlineReached
from event_store.processes.intents import Cancel, CancelDeadline, Complete, Deadline
from event_store.processes.purity import pure
from event_store.stores import DEFAULT_STORE
from event_store.streams import check_stream_name, reserve_category
from event_store.subscriber_registry import check_event_classes

Intent: TypeAlias = Command | ReasonedCommand | Deadline | CancelDeadline | Complete | Cancel
Awaited: TypeAlias = Any
"""An event class, or alternatives: `A | B`."""

ANY_EVENT = "*"
LONGEST_AWAITED = 1000

process_managers: dict[str, type[ProcessManager]] = {}


class ProcessManager:
    """
    Turns several events into the next command; one process for each id.

    Each event of `reacts_to` is linked into the process's own stream, `type$id`, and folded into its state. `apply`
    and `act` are pure: they see the state and the event, and nothing else. The rest happens once, in one transaction.
    Besides those events they see `DeadlineReached` of the deadlines, and `CommandRejected` of the commands, that `act` has
    yielded.

    Class attributes:
        reacts_to: event classes.
        State: a frozen data class that can be built without arguments and kept as JSON.
        type: the name of the processes and of their streams' category; the class's name if left out.
        stuck_after: a process that waits longer for the same thing counts as stuck.
        version: of its code, 1 or more, kept with each step. Raise it when what it calls has changed what `apply` gives:
            long processes are then folded anew.
        start: where it begins when it is new: "beginning", "now", a global position or an aware time.
        acts_from: history that is older (than a global position or an aware time) is linked and folded, and not acted on.
        partitions: how many workers can share its processes, 1 to 1024; each process is handled by one at a time.
    """

    reacts_to: ClassVar[tuple[type[Event], ...]] = ()
    State: ClassVar[type[Any]]
    type: ClassVar[str] = ""
    stuck_after: ClassVar[timedelta | None] = None
    version: ClassVar[int] = 1
    start: ClassVar[Start] = "beginning"
    acts_from: ClassVar[int | datetime | None] = None
    partitions: ClassVar[int] = 1

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.reacts_to:
            return
        cls.type = cls.__dict__.get("type", cls.__name__)
        _check(cls)
        process_managers[cls.type] = cls
        reserve_category(cls.type, owner=f"{cls.__module__}.{cls.__qualname__}")
        durable_subscribers.replace(
            DurableSubscriber(
                cls.type,
                (*cls.reacts_to, DeadlineReached, CommandRejected),
                partial(runner.handle, cls),
                only_in=DEFAULT_STORE,
                start=cls.start,
                partitions=cls.partitions,
                sequences_of=lambda event: cls().process_ids(event),
                failed=partial(runner.fail, cls),
                recovered=partial(runner.recover, cls),
            )
        )

    def __init__(self, process_id: str = "") -> None:
        self.id = process_id

    def process_id(self, event: RecordedEvent[Any]) -> str | Iterable[str] | None:
        """Which process an event belongs to: one id, several, or None for "not for me"."""
        raise InvalidProcessManager(f"{type(self).__name__} needs process_id(self, event).")

    def apply(self, state: Any, event: RecordedEvent[Any]) -> Any:
        """The next state. Pure."""
        raise InvalidProcessManager(f"{type(self).__name__} needs apply(self, state, event).")

    def act(self, state: Any, event: RecordedEvent[Any]) -> Iterable[Intent]:
        """
        What is to happen now. Pure.

        Yields commands, `Deadline`, `CancelDeadline`, `Complete` or `Cancel`, each with `.because(reason)` if there is one.
        """
        raise InvalidProcessManager(f"{type(self).__name__} needs act(self, state, event).")

    def waiting_for(self, state: Any) -> Iterable[Awaited]:
        """
        What would move it on: each event class that is still missing; alternatives as `A | B`.

        [A, B] reads "A and B", [A | B] reads "A or B". Any event it reacts to, if left out.
        """
        return [ANY_EVENT]

    def process_ids(self, event: RecordedEvent[Any]) -> list[str]:
        """`process_id` as a list without repetitions; of what the store itself says, the process that it is for."""
        if isinstance(event.data, DeadlineReached | CommandRejected):
            own = event.data.process_id if event.data.process_type == self.type else None
            # What was rejected within a step is in the process's stream already.
            return [] if own is None or event.stream == stream_of(self.type, own) else [own]
        with pure(f"{type(self).__name__}.process_id"):
            named = self.process_id(event)
            # A generator is asked here, too.
            named = named if named is None or isinstance(named, str) or not isinstance(named, Iterable) else list(named)
        if named is not None and not isinstance(named, Iterable):
            raise InvalidProcessManager(
                f"{type(self).__name__}.process_id gave {named!r}: an id is a non-empty string."
            )
        ids = [named] if isinstance(named, str) else list(named or ())
        for each in ids:
            if not isinstance(each, str) or not each:
                raise InvalidProcessManager(
                    f"{type(self).__name__}.process_id gave {each!r}: an id is a non-empty string."
                )
            check_stream_name(stream_of(self.type, each), argument=f"the stream of {type(self).__name__} {each[:40]}")
        return list(dict.fromkeys(ids))

    def acts_on(self, event: RecordedEvent[Any]) -> bool:
        """Whether an event is new enough to be acted on."""
        if self.acts_from is None:
            return True
        moment = event.global_position if isinstance(self.acts_from, int) else event.recorded_at
        return bool(moment >= self.acts_from)  # type: ignore[operator]

    def awaited_types(self, state: Any) -> str:
        """
        `waiting_for` as it is stored: alternatives joined by " | ", missing groups by " & ", `*` for any event.

        Raises:
            InvalidProcessManager: something that is no event class, or more than can be shown.
        """
        with pure(f"{type(self).__name__}.waiting_for"):
            awaited = " & ".join(" | ".join(_alternatives(self, each)) for each in self.waiting_for(state))
        if len(awaited) > LONGEST_AWAITED:
            raise InvalidProcessManager(
                f"{type(self).__name__}.waiting_for names {len(awaited)} characters of types, {LONGEST_AWAITED} at most."
            )
        return awaited


def stream_of(process_type: str, process_id: str) -> str:
    """The name of a process's own stream."""
    return f"{process_type}${process_id}"


def _alternatives(manager: ProcessManager, awaited: Awaited) -> Iterator[str]:
    if awaited == ANY_EVENT:
        yield ANY_EVENT
        return
    origin: Any = get_origin(awaited)
    classes = get_args(awaited) if origin in (types.UnionType, Union) else (awaited,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Event)):
            raise InvalidProcessManager(
                f"{type(manager).__name__}.waiting_for gave {each!r}: it names event classes, alternatives as A | B."
            )
        yield type_of(each)


def _check(cls: type[ProcessManager]) -> None:
    known = process_managers.get(cls.type)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InvalidProcessManager(
            f"{known.__module__}.{known.__qualname__} and {cls.__module__}.{cls.__qualname__} are both named "
            f"{cls.type!r}: give one of them a type of its own (type = …)."
        )
    if not cls.type or "$" in cls.type or len(cls.type) > 100 or not cls.type.isprintable():
        raise InvalidProcessManager(f"{cls.__name__}.type is {cls.type!r}: 1 to 100 printable characters without $.")
    check_event_classes(cls.reacts_to, where=f"{cls.__name__}.reacts_to")
    if not isinstance(cls.partitions, int) or not 1 <= cls.partitions <= MOST_PARTITIONS:
        raise InvalidProcessManager(
            f"{cls.__name__}.partitions is {cls.partitions!r}: a whole number from 1 to {MOST_PARTITIONS}."
        )
    if isinstance(cls.version, bool) or not isinstance(cls.version, int) or cls.version < 1:
        raise InvalidProcessManager(f"{cls.__name__}.version is {cls.version!r}: a whole number from 1.")
    _check_start(cls)
    if not (isinstance(getattr(cls, "State", None), type) and is_dataclass(cls.State)):
        raise InvalidProcessManager(f"{cls.__name__} needs a State: a frozen data class with defaults for all fields.")
    try:
        cls.State()
    except TypeError as error:
        raise InvalidProcessManager(
            f"{cls.__name__}.State() does not work: {error}. Give its fields defaults."
        ) from error


def _check_start(cls: type[ProcessManager]) -> None:
    try:
        check_start(cls.start)
        if cls.acts_from is not None:
            check_start(cls.acts_from)
    except InvalidSubscriber as error:
        raise InvalidProcessManager(f"{cls.__name__}: {error}") from error
    if isinstance(cls.acts_from, str):
        raise InvalidProcessManager(f"{cls.__name__}.acts_from is {cls.acts_from!r}: a position or an aware datetime.")
