"""Given events, expect commands: process managers tried without a database, by the rules that the real ones follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from math import factorial
from typing import Any

from event_store.codec import decode_plain, encode_metadata, fingerprint, to_plain
from event_store.commands import Command, ReasonedCommand
from event_store.events import Event, NewEvent, RecordedEvent, check_time
from event_store.identifiers import new_id
from event_store.messages import type_of
from event_store.processes.decisions import Decision, decide
from event_store.processes.events import DeadlineReached, rejection_of
from event_store.processes.folding import apply
from event_store.processes.intents import Cancel, CancelDeadline, Deadline
from event_store.processes.manager import ProcessManager, stream_of

MOST_ORDERS = 5040
"""Of seven events."""
MOST_STEPS = 100
START = datetime(2026, 1, 1, tzinfo=UTC)


def given(manager: type[ProcessManager], *events: Event | NewEvent[Any]) -> ProcessScenario:
    """
    The processes of a class after these events, handled in this order:

        given(CateringMatch, CustomerConfirmedMenu(order_id="42"), CatererConfirmedMenu(order_id="42")).expect(
            ConfirmOrder(order_id="42")
        )
    """
    return ProcessScenario(manager).given(*events)


def in_every_order(manager: type[ProcessManager], *events: Event | NewEvent[Any]) -> EveryOrder:
    """As `given`, once for each order of the events, and in each also with every event delivered twice; 7 at most."""
    if factorial(len(events)) > MOST_ORDERS:
        raise ValueError(f"in_every_order: {len(events)} events have more than {MOST_ORDERS} orders.")
    return EveryOrder(manager, events)


@dataclass
class _Step:
    process_id: str
    number: int
    event: RecordedEvent[Any]
    state: Any
    said: list[str] = field(default_factory=list)


@dataclass
class _Deadline:
    duration: timedelta | None
    due_at: datetime
    is_reached: bool = False


class _Process:
    def __init__(self, manager: ProcessManager) -> None:
        self.manager, self.state = manager, manager.State()
        self.status, self.steps = "waiting", 0
        self.accepted: set[str] = set()
        self.deadlines: dict[str, _Deadline] = {}


class ProcessScenario:
    """
    What `given` gives; each method but `expect…` returns the scenario, so that they can be chained.

    Attributes:
        now: its clock. It begins with the year 2026 and moves with `advance`.
    """

    def __init__(self, manager: type[ProcessManager]) -> None:
        if not (isinstance(manager, type) and issubclass(manager, ProcessManager)):
            raise TypeError(f"given: takes a process manager's class first, not {manager!r}.")
        self._manager, self.now = manager, START
        self._processes: dict[str, _Process] = {}
        self._handled: list[RecordedEvent[Any]] = []
        self._sent: list[Command] = []
        self._expected = 0
        self._steps: list[_Step] = []
        self._answers: list[tuple[type[Command] | Command, str]] = []
        self._position = 0

    def given(self, *events: Event | NewEvent[Any]) -> ProcessScenario:
        """These events are published now, and handled at once; a `NewEvent` brings what it sets."""
        for event in events:
            self._deliver(self._recorded(event))
        return self

    def redelivered(self) -> ProcessScenario:
        """Everything that was delivered before comes a second time."""
        for event in list(self._handled):
            self._deliver(event)
        return self

    def rejecting(self, command: type[Command] | Command, reason: str) -> ProcessScenario:
        """From now on the handler says no to commands of this class, or equal to this one."""
        self._answers.append((command, reason))
        return self

    def advance(self, **duration: float) -> ProcessScenario:
        """`advance(hours=49)` moves the clock on; deadlines that become due are reached, each at its time."""
        end = self.now + timedelta(**duration)
        if end < self.now:
            raise ValueError("advance: time goes forward.")
        while (due := self._next_due(end)) is not None:
            process_id, name, deadline = due
            self.now, deadline.is_reached = max(self.now, deadline.due_at), True
            reached = DeadlineReached(
                process_type=self._manager.type, process_id=process_id, name=name, due_at=deadline.due_at
            )
            self._take(process_id, self._recorded(reached))
        self.now = end
        return self

    def expect(self, *commands: Command) -> ProcessScenario:
        """Exactly these commands were sent since the last `expect`, in this order; none of them was rejected."""
        sent, self._expected = self._sent[self._expected :], len(self._sent)
        if sent != list(commands):
            self._fail("send", [repr(each) for each in commands], [repr(each) for each in sent])
        return self

    def expect_status(self, status: str, *, process_id: str | None = None) -> ProcessScenario:
        """The process (the only one there is, if left out) is "waiting", "completed" or "cancelled"."""
        found = self._find(process_id).status
        if found != status:
            self._fail("be", [status], [found])
        return self

    def expect_waiting_for(self, *awaited: Any, process_id: str | None = None) -> ProcessScenario:
        """What `waiting_for` says now: event classes, alternatives as A | B."""
        process = self._find(process_id)
        said = [] if process.status != "waiting" else list(process.manager.waiting_for(process.state))
        if said != list(awaited):
            self._fail("wait for", [_name(each) for each in awaited], [_name(each) for each in said])
        return self

    def expect_deadlines(self, *names: str, process_id: str | None = None) -> ProcessScenario:
        """The deadlines of these names are set, and not reached yet."""
        deadlines = self._find(process_id).deadlines
        found = sorted(name for name, each in deadlines.items() if not each.is_reached)
        if found != sorted(names):
            self._fail("have the deadlines", sorted(names), found)
        return self

    def state(self, process_id: str | None = None) -> Any:
        """The state of the process."""
        return self._find(process_id).state

    def _recorded(self, event: Event | NewEvent[Any]) -> RecordedEvent[Any]:
        new = event if isinstance(event, NewEvent) else NewEvent(event)
        event_id, self._position = new.id or new_id(), self._position + 1
        return RecordedEvent(
            id=event_id,
            type=type_of(type(new.event)),
            schema_version=new.event.__schema_version__,
            data=new.event,
            metadata=decode_plain(encode_metadata(new.metadata)),
            correlation_id=new.correlation_id or event_id,
            causation_id=new.causation_id,
            recorded_at=self.now,
            valid_at=check_time("valid_at", new.valid_at or self.now),
            global_position=self._position,
            stream="Given$1",
            position=self._position - 1,
        )

    def _deliver(self, event: RecordedEvent[Any]) -> None:
        if not isinstance(event.data, tuple(self._manager.reacts_to)):
            raise TypeError(f"{self._manager.__name__} does not react to {type(event.data).__name__}.")
        if any(each.id == event.id for each in self._handled):
            return
        self._handled.append(event)
        for process_id in self._manager().process_ids(event):
            self._take(process_id, event)

    def _take(self, process_id: str, event: RecordedEvent[Any]) -> None:
        process = self._processes.setdefault(process_id, _Process(self._manager(process_id)))
        waiting, taken = deque([event]), 0
        while waiting:
            taken += 1
            if taken > MOST_STEPS:
                self._fail("end", ["once"], ["each rejected command is answered with another one"])
            waiting.extend(self._step(process, waiting.popleft()))

    def _step(self, process: _Process, event: RecordedEvent[Any]) -> Iterator[RecordedEvent[Any]]:
        manager, before = process.manager, to_plain(process.state)
        following = apply(manager, process.state, event)
        if to_plain(process.state) != before:
            raise AssertionError(
                f"{type(manager).__name__}.apply has changed the state that it was given: {event.data!r}"
            )
        process.state = following
        step = _Step(manager.id, process.steps, event, following)
        self._steps.append(step)
        process.steps += 1
        if process.status != "waiting" or not manager.acts_on(event):
            return
        decision = self._decided(manager, following, event)
        self._change_deadlines(process, step, event, decision)
        if decision.end is not None:
            process.status = "cancelled" if isinstance(decision.end, Cancel) else "completed"
            process.deadlines.clear()
            step.said.append(repr(decision.end))
        for reasoned in decision.commands:
            yield from self._send(process, step, reasoned)

    def _decided(self, manager: ProcessManager, state: Any, event: RecordedEvent[Any]) -> Decision:
        decision = decide(manager, state, event)
        if decide(manager, state, event) != decision:
            raise AssertionError(
                f"{type(manager).__name__}.act, asked twice, said two things to {event.data!r}: it depends on more than the "
                "state and the event."
            )
        return decision

    def _change_deadlines(self, process: _Process, step: _Step, event: RecordedEvent[Any], decision: Decision) -> None:
        for each in decision.deadlines:
            step.said.append(repr(each))
            known = process.deadlines.get(each.name)
            if isinstance(each, CancelDeadline):
                process.deadlines.pop(each.name, None)
            elif known is None or not _is_same(known, each):
                process.deadlines[each.name] = _Deadline(each.after, each.due_at(event.recorded_at))

    def _send(self, process: _Process, step: _Step, reasoned: ReasonedCommand) -> Iterator[RecordedEvent[Any]]:
        command, name = reasoned.command, type_of(type(reasoned.command))
        content = fingerprint(name, command)
        rejection = next((reason for rejected, reason in self._answers if _is_meant(rejected, command)), "")
        if content in process.accepted and not command.__repeatable__:
            step.said.append(f"{command!r} (suppressed)")
        elif rejection:
            step.said.append(f"{command!r} (rejected: {rejection})")
            yield self._recorded(
                rejection_of(
                    command,
                    command_id=new_id(),
                    reason=rejection,
                    process_type=self._manager.type,
                    process_id=step.process_id,
                )
            )
        else:
            step.said.append(repr(command))
            process.accepted.add(content)
            self._sent.append(command)

    def _next_due(self, end: datetime) -> tuple[str, str, _Deadline] | None:
        due = [
            (process_id, name, deadline)
            for process_id, process in self._processes.items()
            for name, deadline in process.deadlines.items()
            if not deadline.is_reached and deadline.due_at <= end
        ]
        return min(due, key=lambda each: each[2].due_at, default=None)

    def _find(self, process_id: str | None) -> _Process:
        if process_id is None and len(self._processes) == 1:
            return next(iter(self._processes.values()))
        if process_id not in self._processes:
            raise AssertionError(
                f"Which process is meant? There are {', '.join(map(repr, self._processes)) or 'none'}: process_id=…"
            )
        return self._processes[process_id]

    def _fail(self, verb: str, expected: Sequence[str], found: Sequence[str]) -> None:
        lines = [f"{self._manager.__name__} was expected to {verb}", *_indented(expected), "and this was found:"]
        lines += [*_indented(found), "after these steps:"]
        for step in self._steps:
            lines.append(
                f"  {stream_of(self._manager.type, step.process_id)} step {step.number + 1}: {step.event.data!r}"
            )
            lines += [f"      state {step.state!r}", *(f"      said {each}" for each in step.said)]
        raise AssertionError("\n".join(lines))


class EveryOrder:
    """What `in_every_order` gives."""

    def __init__(self, manager: type[ProcessManager], events: Sequence[Event | NewEvent[Any]]) -> None:
        self._manager, self._events = manager, events

    def expect(self, *commands: Command) -> None:
        """In every order exactly these commands are sent."""
        self.each(lambda scenario: scenario.expect(*commands))

    def each(self, check: Callable[[ProcessScenario], object]) -> None:
        """Have a function look at the scenario of every order."""
        for order in permutations(self._events):
            for times in (1, 2):
                scenario = given(self._manager, *order)
                check(scenario if times == 1 else scenario.redelivered())


def _is_same(known: _Deadline, wanted: Deadline) -> bool:
    if wanted.after is not None:
        return known.duration == wanted.after
    return known.duration is None and known.due_at == wanted.at


def _is_meant(rejected: type[Command] | Command, command: Command) -> bool:
    return isinstance(command, rejected) if isinstance(rejected, type) else command == rejected


def _name(awaited: Any) -> str:
    return awaited.__name__ if isinstance(awaited, type) else str(awaited)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {each}" for each in lines] or ["  nothing"]
