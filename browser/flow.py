"""Which type of event follows which within a stream: how often, how much later, and in which streams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

RARE, USUAL = 0.02, 0.1
MOST_EXAMPLES = 20

Step = tuple[str, datetime]
Place = str | None
"""A type; None is the beginning of a stream where it comes first, and its end so far where it comes last."""


@dataclass(frozen=True)
class Track:
    """
    What was read of one stream, from its first event.

    `steps`: type and time of each event; None for one that the visitor may not see. `is_cut`: the stream goes on.
    """

    stream: str
    steps: Sequence[Step | None]
    is_cut: bool = False


@dataclass(frozen=True)
class Transition:
    """
    `target` comes directly after `source`, `count` times: `share` (0..1) of all that comes after `source`.

    `pause`: the median of the time between the two; None at the beginning and at the end of a stream. `examples`: up to 20
    streams in which it happens, in the order of the tracks.
    """

    source: Place
    target: Place
    count: int
    share: float
    pause: timedelta | None
    examples: Sequence[str]

    @property
    def key(self) -> tuple[Place, Place]:
        return self.source, self.target


@dataclass(frozen=True)
class Flow:
    """`events`: how many of each type. Transitions with the most frequent first."""

    events: Counter[str]
    streams: int
    transitions: Sequence[Transition]


@dataclass(frozen=True)
class Folded:
    """What is shown of a flow, and how much was folded away."""

    transitions: Sequence[Transition]
    types: Sequence[str]
    hidden_transitions: int = 0
    hidden_types: int = 0


@dataclass
class _Sum:
    count: int = 0
    pauses: list[timedelta] = field(default_factory=list)
    examples: dict[str, None] = field(default_factory=dict)


def flow_of(tracks: Iterable[Track]) -> Flow:
    """An event that may not be seen parts its stream: nothing is said of what comes before and after it."""
    sums: dict[tuple[Place, Place], _Sum] = defaultdict(_Sum)
    events: Counter[str] = Counter()
    streams = 0
    for track in tracks:
        seen = [step[0] for step in track.steps if step is not None]
        events.update(seen)
        streams += bool(seen)
        for source, target, pause in _moves(track):
            _add(sums[source, target], track.stream, pause)
    return Flow(events, streams, _transitions(sums))


def folded(flow: Flow, *, rare: float = RARE) -> Folded:
    """
    Without the transitions that make up less than `rare` of what follows their source, and without types that only these
    lead to. The most frequent end stays.
    """
    end = next((each for each in flow.transitions if each.target is None), None)
    kept = [each for each in flow.transitions if each.share >= rare or each is end]
    reached = _reached(flow, kept)
    kept = [each for each in kept if each.source in reached]
    types = [each for each in flow.events if each in reached]
    return Folded(kept, types, len(flow.transitions) - len(kept), len(flow.events) - len(types))


def unfolded(flow: Flow) -> Folded:
    return Folded(flow.transitions, list(flow.events))


def usual_path(transitions: Sequence[Transition]) -> list[Transition]:
    """
    From the beginning always to the most frequent next type, until most streams end there, or hardly any goes on to one that
    is new; and the end there, if there is one.

    Args:
        transitions: the most frequent first.
    """
    path: list[Transition] = []
    places: list[Place] = [None]
    while following := [each for each in transitions if each.source == places[-1]]:
        end = next((each for each in following if each.target is None), None)
        onward = [each for each in following if each.target not in places]
        if onward and onward[0].share >= USUAL and (end is None or end.count <= sum(each.count for each in onward)):
            path.append(onward[0])
            places.append(onward[0].target)
            continue
        return [*path, end] if end else path
    return path


def _moves(track: Track) -> Iterator[tuple[Place, Place, timedelta | None]]:
    steps = track.steps
    if steps and steps[0] is not None:
        yield None, steps[0][0], None
    for before, after in pairwise(steps):
        if before is not None and after is not None:
            # A process may be shown an event later than the next one.
            yield before[0], after[0], max(after[1] - before[1], timedelta(0))
    if steps and steps[-1] is not None and not track.is_cut:
        yield steps[-1][0], None, None


def _add(total: _Sum, stream: str, pause: timedelta | None) -> None:
    total.count += 1
    if pause is not None:
        total.pauses.append(pause)
    if len(total.examples) < MOST_EXAMPLES:
        total.examples[stream] = None


def _transitions(sums: dict[tuple[Place, Place], _Sum]) -> list[Transition]:
    leaving: Counter[Place] = Counter()
    for (source, _target), each in sums.items():
        leaving[source] += each.count
    found = [
        Transition(
            source,
            target,
            each.count,
            each.count / leaving[source],
            _median(each.pauses) if each.pauses else None,
            list(each.examples),
        )
        for (source, target), each in sums.items()
    ]
    return sorted(found, key=lambda each: (-each.count, each.source or "", each.target or "", each.source is None))


def _median(pauses: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(each.total_seconds() for each in pauses))


def _reached(flow: Flow, transitions: Sequence[Transition]) -> set[Place]:
    """The types that these lead to, from the beginning or from what nothing is known to come before."""
    following: dict[Place, list[Place]] = defaultdict(list)
    for each in transitions:
        following[each.source].append(each.target)
    preceded = {each.target for each in flow.transitions if each.source != each.target}
    waiting: list[Place] = [None, *(each for each in flow.events if each not in preceded)]
    reached = set(waiting)
    while waiting:
        fresh = set(following[waiting.pop()]) - reached
        reached |= fresh
        waiting.extend(fresh)
    return reached
