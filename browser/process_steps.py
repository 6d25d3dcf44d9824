"""The steps of one process as its page shows them: replayed with today's code, beside what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from browser.process_deadlines import ShownDeadline, by_step, deadlines_of
from browser.state_diff import Comparison, compare
from event_store import ReplayedStep, initial_state, replay
from event_store.models import IssuedCommand, Process

SHOWN, REPLAYED = 200, 2_000
MOST_DEVIATIONS = 5
MOST_CHANGES, MOST_VISITED = 5, 400
NOTHING = Comparison((), ())


@dataclass(frozen=True)
class Step:
    """
    A replayed step with what was recorded of it; `number` counts from 1.

    `waits_anew`: it waits for something else than before. `is_unfolded`: an earlier step has raised.
    """

    number: int
    replayed: ReplayedStep
    commands: Sequence[IssuedCommand]
    ended_as: str
    end_reason: str
    waiting_for: str
    waits_anew: bool
    is_unfolded: bool
    changes: Comparison
    deadlines_set: Sequence[ShownDeadline] = ()
    deadlines_cancelled: Sequence[ShownDeadline] = ()


@dataclass(frozen=True)
class Deviation:
    """Where today's code and the record part: `what` is "state" for what the step folds into, "act" for what it says."""

    number: int
    what: str


@dataclass(frozen=True)
class Steps:
    """
    The steps around a chosen one.

    Attributes:
        rows: of steps `first` to `last`; 200 at most.
        total: how many there are.
        deadlines: that these steps have set or ended, and those that are open, in the order they were set in.
        deviations: among the 2,000 steps that were replayed, `replayed_from` to `replayed_to`; the first 5.
        failed_at: the number of the step that cannot be folded, 0 for none.
    """

    rows: Sequence[Step]
    at: int
    total: int
    replayed_from: int
    replayed_to: int
    deadlines: Sequence[ShownDeadline]
    deviations: Sequence[Deviation]
    failed_at: int

    @property
    def first(self) -> int:
        return self.rows[0].number if self.rows else 0

    @property
    def last(self) -> int:
        return self.rows[-1].number if self.rows else 0

    @property
    def chosen(self) -> Step | None:
        return next((each for each in self.rows if each.number == self.at), None)

    @property
    def previous_page(self) -> int:
        """The step that leads to the page before, 0 for none."""
        return max(0, self.first - 1)

    @property
    def next_page(self) -> int:
        return self.last + 1 if 0 < self.last < self.total else 0


def steps_around(process: Process, at: int, *, may_see_payload: bool) -> Steps:
    """
    Args:
        at: the number of the chosen step; 0 for the state before the first one.
        may_see_payload: whether to tell states apart.
    """
    chosen = max(at, 1) - 1
    first, window = chosen // SHOWN * SHOWN, chosen // REPLAYED * REPLAYED
    shown: list[ReplayedStep] = []
    deviations: list[Deviation] = []
    failed_at, is_off, awaited = 0, False, ""
    previous: dict[int, str] = {}
    for each in replay(process.type, process.key, start=window):
        if first <= each.number < first + SHOWN:
            shown.append(each)
            previous[each.number] = awaited
        if each.error and not failed_at:
            failed_at = (each.failed_at or 0) + 1
        deviations += _deviations(each, is_off=is_off)
        is_off, awaited = is_off or each.state_differs, each.waiting_for
    deadlines = deadlines_of(process, first=first + 1, last=first + SHOWN)
    rows = [_step(each, previous[each.number], may_see_payload=may_see_payload) for each in shown]
    return Steps(
        rows=[_with_deadlines(each, deadlines) for each in rows],
        at=at,
        total=process.version + 1,
        replayed_from=window + 1,
        replayed_to=min(process.version + 1, window + REPLAYED),
        deadlines=deadlines,
        deviations=sorted(deviations, key=lambda each: each.number)[:MOST_DEVIATIONS],
        failed_at=failed_at,
    )


def state_at(process: Process, at: int) -> Any:
    """The state after a step as plain data, before the first for 0; None where it cannot be folded."""
    if at == 0:
        return initial_state(process.type)
    return next((each.state for each in replay(process.type, process.key, start=at - 1, limit=1)), None)


def _deviations(step: ReplayedStep, *, is_off: bool) -> list[Deviation]:
    # Once the states have parted they stay so: what counts is the step that did it.
    found = [Deviation(step.number, "state")] if step.state_differs and not is_off and step.number else []
    return [*found, Deviation(step.number + 1, "act")] if step.differs and not step.error else found


def _step(replayed: ReplayedStep, awaited: str, *, may_see_payload: bool) -> Step:
    recorded = replayed.recorded
    ended_as = recorded.ended_as if recorded else ""
    is_comparable = may_see_payload and replayed.state_before is not None and replayed.state is not None
    return Step(
        number=replayed.number + 1,
        replayed=replayed,
        commands=list(recorded.commands.all()) if recorded else [],
        ended_as=ended_as,
        end_reason=recorded.end_reason if recorded else "",
        waiting_for="" if ended_as else replayed.waiting_for,
        waits_anew=replayed.waiting_for != awaited,
        is_unfolded=bool(replayed.error) and replayed.failed_at != replayed.number,
        changes=compare(replayed.state_before, replayed.state, most=MOST_CHANGES, visits=MOST_VISITED)
        if is_comparable
        else NOTHING,
    )


def _with_deadlines(step: Step, deadlines: Sequence[ShownDeadline]) -> Step:
    found, cancelled = by_step(deadlines, step.number)
    # The end of a process cancels whatever was open, which goes without saying.
    return replace(step, deadlines_set=found, deadlines_cancelled=[] if step.ended_as else cancelled)
