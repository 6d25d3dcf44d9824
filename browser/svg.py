"""The geometry of a process's timeline: lanes, marks, rings, and bars between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise, zip_longest

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from browser.ages import age, duration
from browser.process_deadlines import ShownDeadline
from browser.process_steps import Step
from browser.staggered_labels import Named, StaggeredLabel, fitting, staggered
from browser.text_width import text_width
from browser.time_scale import CHARACTER_WIDTH, Fold, TimeScale
from browser.times import day_and_minutes
from browser.type_names import short_name

LEFT, RIGHT, WIDTH, WIDEST = 84, 28, 960, 2400
EVENTS_Y, COMMANDS_Y, DEADLINES_Y, AXIS_Y, HEIGHT = 40, 74, 108, 134, 158
RAISED_BY, BESIDE = 18, 12
MOST_STEPS = 30
NEAREST = 26
"""Between two marks of a lane, so that a finger can tell them apart."""


@dataclass(frozen=True)
class Mark:
    """
    A step's event, or its commands. `label` is empty where there is no room for it.

    It begins at `label_x` or, with `ends_here`, ends there; `raised`: it stands in the upper row, joined to its mark.
    """

    step: int
    x: float
    label: str
    title: str
    moment: datetime
    count: int = 1
    label_x: float = 0
    ends_here: bool = False
    raised: bool = False


@dataclass(frozen=True)
class Ring:
    """
    A deadline at its due time, or where it was cancelled before; `since` is the x of the step that has set it.

    `above`: its label stands above the line, where it begins at the ring or, with `ends_here`, ends.
    """

    deadline: ShownDeadline
    x: float
    since: float
    label: str
    above: bool = False
    ends_here: bool = False


@dataclass(frozen=True)
class Gap:
    """Time in which nothing happened, folded into a zigzag."""

    x: float
    label: str
    path: str


@dataclass(frozen=True)
class Timeline:
    """Everything that the template draws, in user units; 960 wide or, with many marks, wider. It begins at `top`, 0 or less."""

    events: Sequence[Mark]
    commands: Sequence[Mark]
    rings: Sequence[Ring]
    gaps: Sequence[Gap]
    band: float | None
    wait: tuple[float, float] | None
    wait_label: str
    now: float | None
    start: datetime
    width: int
    bottom: int = HEIGHT
    events_y: int = EVENTS_Y
    commands_y: int = COMMANDS_Y
    deadlines_y: int = DEADLINES_Y
    axis_y: int = AXIS_Y
    left: int = LEFT

    @property
    def top(self) -> int:
        return -RAISED_BY if any(each.raised for each in self.events) else 0

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def band_height(self) -> int:
        return self.axis_y - self.top - 4

    @property
    def right(self) -> int:
        return self.width - RIGHT + 12

    @property
    def first(self) -> int:
        return self.events[0].step

    @property
    def last(self) -> int:
        return self.events[-1].step


def timeline(
    steps: Sequence[Step],
    deadlines: Sequence[ShownDeadline],
    *,
    selected: int,
    waiting_since: datetime | None,
    last: int,
) -> Timeline | None:
    """
    The 30 steps around a selected one; None without any.

    Args:
        deadlines: of those steps, and the open ones.
        selected: the number of the chosen step, 0 for none.
        waiting_since: for a process that still waits; None for one that is done.
        last: the number of the process's last step: behind another one, nothing is drawn.
    """
    steps = _around(steps, selected)
    if not steps:
        return None
    is_newest = steps[-1].number == last
    now = timezone.now() if waiting_since and is_newest else None
    shown = _drawn(deadlines, steps, is_newest=is_newest)
    moments = [each.replayed.event.recorded_at for each in steps]
    due = [moment for moment in map(_moment, shown) if is_newest or moment <= moments[-1]]
    scale, width = _scale([*moments, *due, *([now] if now else [])], len(steps))
    places = list(scale.places[: len(steps)])
    end = scale.x(now) if now else None
    since = _wait_began(steps, waiting_since)
    events = _staggered(
        [_event_mark(*each) for each in zip(steps, places, strict=True)], since, limit=(end or width) - 4, width=width
    )
    wait = (_wait_start(waiting_since, steps, places, since, scale), end) if waiting_since and end is not None else None
    return Timeline(
        events=events,
        commands=_beside([_command_mark(*each) for each in zip(steps, places, strict=True) if each[0].commands], limit=end or width),
        rings=_rings(shown, scale, dict(zip((each.number for each in steps), places, strict=True)), width),
        gaps=[Gap(each.x, _fold_label(each, end), each.zigzag(AXIS_Y)) for each in scale.folds],
        band=next((mark.x for mark in events if mark.step == selected), None),
        wait=wait,
        wait_label=_wait_label(waiting_since, wait),
        now=end,
        start=moments[0],
        width=width,
    )  # fmt: skip


def _around(steps: Sequence[Step], selected: int) -> Sequence[Step]:
    index = next((index for index, each in enumerate(steps) if each.number == selected), 0)
    start = max(0, min(index - MOST_STEPS // 2, len(steps) - MOST_STEPS))
    return steps[start : start + MOST_STEPS]


def _drawn(deadlines: Sequence[ShownDeadline], steps: Sequence[Step], *, is_newest: bool) -> list[ShownDeadline]:
    """Those that were set, or ended, in these steps; and what is still open, where these are the newest."""
    numbers = range(steps[0].number, steps[-1].number + 1)
    return [each for each in deadlines if each.set_in in numbers or each.ended_in in numbers or (each.is_open and is_newest)]  # fmt: skip


def _moment(deadline: ShownDeadline) -> datetime:
    if deadline.outcome == "cancelled" and deadline.ended_at is not None:
        return min(deadline.due_at, deadline.ended_at)
    return deadline.due_at


def _scale(moments: Sequence[datetime], events: int) -> tuple[TimeScale, int]:
    """As wide as it takes to keep the events apart, and the deadlines."""
    scale = TimeScale(moments, left=LEFT + 12, right=WIDTH - RIGHT)
    lanes = sorted(scale.places[:events]), sorted(scale.places[events:])
    nearest = min((after - before for lane in lanes for before, after in pairwise(lane)), default=NEAREST)
    if nearest >= NEAREST:
        return scale, WIDTH
    width = min(WIDEST, round(WIDTH * NEAREST / max(nearest, 1)))
    return TimeScale(moments, left=LEFT + 12, right=width - RIGHT), width


def _event_mark(step: Step, x: float) -> Mark:
    event = step.replayed.event
    return Mark(step.number, x, short_name(event.type), event.type, event.recorded_at)


def _command_mark(step: Step, x: float) -> Mark:
    types, count = [each.type for each in step.commands], len(step.commands)
    several = ngettext("%(count)d command", "%(count)d commands", count) % {"count": count}
    label = short_name(types[0]) if count == 1 else several
    return Mark(step.number, x, label, ", ".join(types[:5]), step.replayed.event.recorded_at, count)


def _rings(deadlines: Sequence[ShownDeadline], scale: TimeScale, places: dict[int, float], width: int) -> list[Ring]:
    rings = sorted(
        (
            Ring(each, x, places.get(each.set_in, LEFT if each.set_in < min(places) else x), _ring_label(each))
            for each in deadlines
            for x in [scale.x(_moment(each))]
        ),
        key=lambda ring: ring.x,
    )
    return [
        _labelled_ring(ring, limit=following.x - 12 if following else width, is_last=following is None)
        for ring, following in zip_longest(rings, rings[1:])
    ]


def _labelled_ring(ring: Ring, *, limit: float, is_last: bool) -> Ring:
    length = len(ring.label) * CHARACTER_WIDTH
    # Beside the ring there is the bar of a late one, or the end of the picture.
    above = ring.deadline.is_late or (is_last and ring.x + 12 + length > limit)
    ends_here = is_last and above and ring.x - 6 + length > limit
    fits = ends_here or ring.x + (-6 if above else 12) + length < limit
    return replace(ring, label=ring.label if fits else "", above=above, ends_here=ends_here)


def _fold_label(fold: Fold, now: float | None) -> str:
    """As much as there is room for, beside the word "now" too."""
    is_beside_now = now is not None and fold.x < now < fold.x + fold.width / 2 + 1
    room = fold.width - (4 * CHARACTER_WIDTH if is_beside_now else 0)
    return fold.label if len(fold.label) * CHARACTER_WIDTH < room or not fold.label else duration(fold.pause)


def _ring_label(deadline: ShownDeadline) -> str:
    due = day_and_minutes(deadline.due_at)
    return due if _moment(deadline) == deadline.due_at else _("was due %(moment)s") % {"moment": due}


def _wait_began(steps: Sequence[Step], waiting_since: datetime | None) -> int | None:
    """The index of the step since which the process waits for what it waits for now; None if it is not among these."""
    anew = [index for index, each in enumerate(steps) if each.waits_anew]
    then = [index for index, each in enumerate(steps) if each.replayed.event.recorded_at == waiting_since]
    return next(reversed([index for index in then if index in anew] or then or anew), None)


def _wait_start(
    waiting_since: datetime, steps: Sequence[Step], places: Sequence[float], since: int | None, scale: TimeScale
) -> float:
    # Several steps of one moment have places of their own.
    if since is not None and steps[since].replayed.event.recorded_at == waiting_since:
        return places[since]
    return LEFT if waiting_since < steps[0].replayed.event.recorded_at else scale.x(waiting_since)


def _wait_label(waiting_since: datetime | None, wait: tuple[float, float] | None) -> str:
    if waiting_since is None or wait is None:
        return ""
    words = _("waits for %(age)s") % {"age": age(waiting_since)}
    return words if wait[0] + (len(words) + 2) * CHARACTER_WIDTH < wait[1] else ""


def _staggered(marks: Sequence[Mark], since: int | None, *, limit: float, width: float) -> list[Mark]:
    """The last label, and that of the event since which the process waits, are dropped last."""
    # Steps come in the order the process has seen its events in, which need not be that of their moments.
    order = sorted(range(len(marks)), key=lambda index: marks[index].x)
    musts = (since, len(marks) - 1)
    named = [Named(marks[index].x, marks[index].label, must=index in musts) for index in order]
    labels = dict(zip(order, staggered(named, limit=limit, width=width), strict=True))
    return [_labelled(mark, labels[index]) for index, mark in enumerate(marks)]


def _labelled(mark: Mark, label: StaggeredLabel | None) -> Mark:
    if label is None:
        return replace(mark, label="")
    return replace(mark, label=label.text, label_x=label.x, ends_here=label.ends_here, raised=label.raised)


def _beside(marks: Sequence[Mark], *, limit: float) -> list[Mark]:
    """Labels to the right of their marks, shortened to what there is before the next one; the last may be to the left."""
    marks = sorted(marks, key=lambda mark: mark.x)
    kept: list[Mark] = []
    taken: float = LEFT
    for mark, following in zip_longest(marks, marks[1:]):
        room = (following.x if following else limit) - BESIDE - (mark.x + BESIDE)
        room_before = mark.x - BESIDE - taken
        ends_here = following is None and room_before > room and fitting(mark.label, room) != mark.label
        label = fitting(mark.label, room_before if ends_here else room)
        label_x = round(mark.x + (-BESIDE if ends_here else BESIDE), 1)
        kept.append(replace(mark, label=label, label_x=label_x, ends_here=ends_here))
        taken = mark.x + 2 * BESIDE + (0 if ends_here else text_width(label, 12))
    return kept
