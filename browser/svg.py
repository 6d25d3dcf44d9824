"""The geometry of a process's timeline: lanes, marks, and idle time folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from browser.ages import duration
from browser.type_names import short_name
from event_store import RecordedEvent
from event_store.models import IssuedCommand

LEFT, RIGHT, WIDTH = 84, 16, 960
GAP_WIDTH = 56
EVENTS_Y, COMMANDS_Y, AXIS_Y, HEIGHT = 40, 76, 106, 132
CHARACTER_WIDTH = 7.2
SHORTEST_GAP = timedelta(seconds=60)


@dataclass(frozen=True)
class Mark:
    """A step's event or one of its commands. `label` is empty where it would lie on its neighbour's; it ends at its mark or begins."""

    step: int
    x: float
    label: str
    title: str
    is_selected: bool
    ends_here: bool = False


@dataclass(frozen=True)
class Gap:
    """Time in which nothing happened, folded into a zigzag."""

    x: float
    label: str
    path: str


@dataclass(frozen=True)
class Timeline:
    """Everything that the template draws; lengths in user units of a 960 wide picture."""

    events: Sequence[Mark]
    commands: Sequence[Mark]
    gaps: Sequence[Gap]
    wait: tuple[float, float] | None
    now: float | None
    start: datetime
    width: int = WIDTH
    height: int = HEIGHT
    events_y: int = EVENTS_Y
    commands_y: int = COMMANDS_Y
    axis_y: int = AXIS_Y
    left: int = LEFT
    right: int = WIDTH - RIGHT


def timeline(
    steps: Sequence[tuple[int, RecordedEvent[Any], Sequence[IssuedCommand]]],
    *,
    selected: int,
    waits_until: datetime | None,
) -> Timeline:
    """
    Args:
        steps: number, event and commands of each step, in order.
        selected: the number of the chosen step, 0 for none.
        waits_until: now, for a process that still waits; None for one that is done.
    """
    moments = [event.recorded_at for _, event, _ in steps] + ([waits_until] if waits_until else [])
    scale = _Scale(moments)
    events = _labelled(
        [
            Mark(number, scale.x(index), short_name(event.type), event.type, number == selected)
            for index, (number, event, _) in enumerate(steps)
        ],
        limit=scale.x(len(moments) - 1) if waits_until else WIDTH,
    )
    commands = _labelled(
        [
            Mark(number, scale.x(index) + 14 * place, short_name(each.type), each.type, number == selected)
            for index, (number, _, issued) in enumerate(steps)
            for place, each in enumerate(issued)
        ],
        limit=WIDTH,
    )
    now = scale.x(len(moments) - 1) if waits_until else None
    wait = (scale.x(len(steps) - 1), now) if now is not None else None
    return Timeline(events, commands, scale.gaps, wait, now, moments[0])


class _Scale:
    """Time to x: proportional, but what is idle for long gets a fixed width, and every step its own place."""

    def __init__(self, moments: Sequence[datetime]) -> None:
        pauses = [max(after - before, timedelta(0)) for before, after in pairwise(moments)]
        active = sum((pause for pause in pauses if pause <= SHORTEST_GAP), timedelta(0))
        longest = max(SHORTEST_GAP, active * 0.05)
        folded = [pause > longest for pause in pauses]
        room = WIDTH - LEFT - RIGHT - 24
        widths = _widths(pauses, folded, room)
        self._x = [float(LEFT + 12)]
        self.gaps: list[Gap] = []
        for pause, is_folded, width in zip(pauses, folded, widths, strict=True):
            if is_folded:
                self.gaps.append(_gap(self._x[-1] + width / 2, pause, width))
            self._x.append(self._x[-1] + width)

    def x(self, index: int) -> float:
        return round(self._x[index], 1)


def _widths(pauses: Sequence[timedelta], folded: Sequence[bool], room: float) -> list[float]:
    if not pauses:
        return []
    # Steps share the room evenly, softened by how long each took: many steps at one moment stay apart.
    weights = [
        2.0 if is_folded else 1.0 + min(pause / SHORTEST_GAP, 1.0)
        for pause, is_folded in zip(pauses, folded, strict=True)
    ]
    return [room * weight / sum(weights) for weight in weights]


def _gap(x: float, pause: timedelta, width: float) -> Gap:
    left = round(x - 12, 1)
    path = f"M{left} {AXIS_Y} l4 -7 l8 14 l8 -14 l4 7"
    label = duration(pause)
    return Gap(round(x, 1), label if len(label) * CHARACTER_WIDTH < width else "", path)


def _labelled(marks: Sequence[Mark], *, limit: float) -> list[Mark]:
    """Labels begin at their mark and give way to the next one; one that would leave the picture ends at its mark."""
    kept: list[Mark] = []
    end = 0.0
    for index, mark in enumerate(marks):
        following = marks[index + 1].x - 10 if index + 1 < len(marks) else limit
        length = len(mark.label) * CHARACTER_WIDTH
        start = mark.x - 6
        turned = start + length > limit and index + 1 == len(marks)
        start = mark.x + 6 - length if turned else start
        fits = start >= end and (turned or start + length < following)
        kept.append(replace(mark, label=mark.label if fits else "", ends_here=turned))
        end = start + length + 8 if fits else end
    return kept
