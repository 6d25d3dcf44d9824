"""A process manager that does what each event tells it, and the account of what it has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from event_store import (
    CancelDeadline,
    Command,
    CommandRejected,
    Complete,
    Deadline,
    DeadlineReached,
    Event,
    ProcessManager,
    RecordedEvent,
    Rejected,
    event_store,
    handles,
    replay,
    verify_processes,
)
from event_store.models import FailedEvent, IssuedCommand, Process, ProcessStep, StreamLink

SHARED = "Shared"
"""A stream that errands of all processes write with the version that they have read."""
PATIENCE = timedelta(hours=1)

broken: set[str] = set()
"""Errands that fail at present."""


class Asked(Event, type="errands.Asked"):
    """`errands` are "do x", "refuse x", "share x", "again x", "wait", "stop" and "complete"."""

    process: str
    errands: tuple[str, ...]


class Done(Event, type="errands.Done"):
    process: str
    errand: str


class Do(Command, type="errands.Do"):
    process: str
    errand: str


class DoAgain(Command, type="errands.DoAgain", repeatable=True):
    process: str
    errand: str


@handles(Do)
def do(command: Do) -> None:
    if command.errand in broken:
        raise ValueError(f"{command.errand} is broken")
    done, word = Done(process=command.process, errand=command.errand), command.errand.split()[0]
    event_store.publish(done, stream=f"Done${command.process}")
    if word == "refuse":
        raise Rejected("not today")
    if word == "share":
        newest = event_store.events.in_stream(SHARED).last()
        version = -1 if newest is None or newest.position is None else newest.position
        event_store.publish(Asked(process="", errands=()), stream=SHARED, expected_version=version)


@handles(DoAgain)
def do_again(command: DoAgain) -> None:
    event_store.publish(Done(process=command.process, errand=command.errand), stream=f"Done${command.process}")


class Errands(ProcessManager):
    reacts_to = (Asked,)
    partitions = 2

    @dataclass(frozen=True)
    class State:
        seen: tuple[int, ...] = ()

    def process_id(self, event: RecordedEvent[Any]) -> str | None:
        return event.data.process or None

    def apply(self, state: State, event: RecordedEvent[Any]) -> State:
        return replace(state, seen=(*state.seen, event.global_position))

    def act(self, state: State, event: RecordedEvent[Any]) -> Iterator[Any]:
        match event.data:
            case Asked(errands=errands):
                yield from map(self._intent, errands)
            case CommandRejected():
                yield DoAgain(process=self.id, errand="console")
            case DeadlineReached():
                yield DoAgain(process=self.id, errand="hurry")

    def _intent(self, errand: str) -> Any:
        match errand.split(maxsplit=1)[0]:
            case "wait":
                return Deadline("patience", after=PATIENCE)
            case "stop":
                return CancelDeadline("patience")
            case "complete":
                return Complete()
            case "again":
                return DoAgain(process=self.id, errand=errand)
        return Do(process=self.id, errand=errand)


# ---- what must hold


def check_nothing_is_half_done(key: str) -> None:
    """At any moment: each event handled by the process has left everything, each other one nothing."""
    process = Process.objects.filter(type="Errands", key=key).first()
    steps = list(ProcessStep.objects.filter(process=process).order_by("number")) if process else []
    links = list(StreamLink.objects.filter(stream__name=f"Errands${key}").order_by("position"))
    commands = list(IssuedCommand.objects.filter(process=process).order_by("pk")) if process else []

    assert [link.position for link in links] == list(range(len(links)))
    assert [(step.number, step.event_id) for step in steps] == [(link.position, link.event_id) for link in links]
    assert (process.version + 1, process.step_count) == (len(steps), len(steps)) if process else not steps
    assert {command.step_id for command in commands} <= {step.pk for step in steps}
    _check_effects(key, commands)
    _check_order(key, commands)


def check_settled(*keys: str, asked: int | None = None) -> None:
    """
    After everything: exactly one effect for each command, and the processes are what their streams amount to.

    Args:
        asked: how many events were published for each of them, if it is to be looked at.
    """
    assert not FailedEvent.objects.exists()
    for key in keys:
        check_nothing_is_half_done(key)
        [*_] = steps = list(replay("Errands", key))
        assert not [step for step in steps if step.differs]
        published = event_store.events.of_type(Asked, DeadlineReached).as_json()
        wanted = [each.id for each in published if f'"{key}"' in each.data]
        handled = [step.event.id for step in steps if not isinstance(step.event.data, CommandRejected)]
        assert [each for each in handled if each in wanted] == handled
        assert set(wanted) - set(handled) == _deadlines_called_off(key, set(wanted) - set(handled))
        if asked is not None:
            assert sum(isinstance(step.event.data, Asked) for step in steps) == asked
        assert list(verify_processes("Errands", key)) == []


def _check_effects(key: str, commands: Sequence[IssuedCommand]) -> None:
    accepted = [each for each in commands if each.outcome == IssuedCommand.Outcome.ACCEPTED]
    effects = Counter(each.causation_id for each in event_store.events.in_stream(f"Done${key}"))
    once = Counter(each.fingerprint for each in accepted if each.type == "errands.Do")

    assert effects == Counter(each.command_id for each in accepted)
    assert all(number == 1 for number in once.values())
    # What was asked for again, and refused neither time, was done the first time.
    assert {each.fingerprint for each in commands if each.outcome == IssuedCommand.Outcome.SUPPRESSED} <= set(once)
    for each in commands:
        assert (each.outcome == IssuedCommand.Outcome.REJECTED) == each.data["errand"].startswith("refuse")


def _check_order(key: str, commands: Sequence[IssuedCommand]) -> None:
    seen = list(event_store.events.in_stream(f"Errands${key}"))
    delivered = [each.global_position for each in seen if not isinstance(each.data, CommandRejected)]
    answers = [each.data.command_id for each in seen if isinstance(each.data, CommandRejected)]

    assert delivered == sorted(delivered)
    assert answers == [each.command_id for each in commands if each.outcome == IssuedCommand.Outcome.REJECTED]


def _deadlines_called_off(key: str, missing: set[Any]) -> set[Any]:
    from event_store.models import ProcessDeadline

    called_off = ProcessDeadline.objects.filter(process__key=key, status=ProcessDeadline.Status.CANCELLED)
    return missing & set(called_off.values_list("event_id", flat=True))
