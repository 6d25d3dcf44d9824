"""What became of one event in each subscription that wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, FilteredRelation, Q
from django.utils.translation import gettext as _

from browser.policy import Sight
from event_store import (
    EventStoreError,
    RecordedEvent,
    durable_subscribers,
    event_class_of,
    immediate_subscribers,
    process_managers,
)
from event_store.models import FailedEvent, ProcessStep, Subscription

STORE = "default"
MOST_FAILURES = 100


@dataclass(frozen=True)
class Failure:
    """Where the event failed, or waits behind one that did."""

    id: int
    status: str
    sequence: str
    attempts: int
    next_attempt_at: Any
    error: str


@dataclass(frozen=True)
class Outcome:
    """
    One subscription and this event.

    Attributes:
        state: "done", "passed" (its checkpoint is behind the event; whether it handled it is not known), "partly" (some of its
            partitions are), "not_reached", "new" (it has never run), "at_once" (inside the publisher's transaction),
            or the status of a failure.
        reached, partitions: how many of its partitions have passed the event.
        max_attempts: None where no code that is loaded here declares it.
        steps: those of its processes that handled the event.
    """

    name: str
    state: str
    reached: int = 0
    partitions: int = 1
    max_attempts: int | None = None
    is_process_manager: bool = False
    failures: Sequence[Failure] = ()
    steps: Sequence[ProcessStep] = ()

    @property
    def group(self) -> str:
        return _GROUPS[self.state]


_GROUPS = {
    "done": "done",
    "passed": "passed",
    "skipped": "skipped",
    "at_once": "at_once",
    "partly": "open",
    "not_reached": "open",
    "new": "open",
    FailedEvent.Status.RETRYING: "failed",
    FailedEvent.Status.WAITING: "waiting",
    FailedEvent.Status.GIVEN_UP: "failed",
}
# The worst of several says how it stands.
_ORDER = [
    FailedEvent.Status.GIVEN_UP,
    FailedEvent.Status.RETRYING,
    FailedEvent.Status.WAITING,
    FailedEvent.Status.SKIPPED,
]


def streams_subscribed_to() -> list[str]:
    return [each.stream for each in durable_subscribers.all() if each.stream]


def outcomes(
    event: RecordedEvent[str], steps: Sequence[ProcessStep], positions: Mapping[str, int], sight: Sight
) -> list[Outcome]:
    """
    In the order of their names, those that are called at once first. One query.

    Args:
        steps: of processes, with this event.
        positions: of the event in its streams, those that are subscribed to among them.
    """
    known = _Known(event, steps, positions, sight)
    wanting = {each.name: each for each in durable_subscribers.all() if _wants(each, event, positions)}
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(event, wanting):
        rows.setdefault(row["name"], []).append(row)
    durable = (known.outcome(name, wanting.get(name), rows.get(name, [])) for name in sorted({*wanting, *rows}))
    return [*_called_at_once(event), *durable]


def in_words(found: Iterable[Outcome]) -> str:
    """ "3 done, 1 failed"."""
    counts = Counter(each.group for each in found)
    words = {
        "failed": _("%(count)d failed"),
        "waiting": _("%(count)d waiting behind a failed one"),
        "open": _("%(count)d not reached yet"),
        "done": _("%(count)d done"),
        "passed": _("%(count)d passed"),
        "skipped": _("%(count)d skipped"),
        "at_once": _("%(count)d at once"),
    }
    return ", ".join(text % {"count": counts[group]} for group, text in words.items() if counts[group])


def _called_at_once(event: RecordedEvent[str]) -> list[Outcome]:
    try:
        event_class = event_class_of(event.type)
    except EventStoreError:
        return []
    wanting = immediate_subscribers.wanting(event_class, store=STORE) if event_class else ()
    return [Outcome(each.name, "at_once") for each in wanting]


def _wants(subscriber: Any, event: RecordedEvent[str], positions: Mapping[str, int]) -> bool:
    try:
        types = subscriber.types()
    except EventStoreError:
        # A class without a type: the system check tells, and it reads nothing.
        return False
    is_of_type = types is None or event.type in types
    return is_of_type and subscriber.reads(STORE) and bool(subscriber.wants_shown_in(event, positions.keys()))


def _rows(event: RecordedEvent[str], names: Iterable[str]) -> list[dict[str, Any]]:
    """Partitions of these subscriptions, and of those where the event failed, with its failures there."""
    failure = FilteredRelation("failures", condition=Q(failures__event=event.global_position))
    found: Any = Subscription.objects.annotate(failure=failure).filter(
        Q(name__in=list(names)) | Q(failure__isnull=False)
    )
    columns = {f"failure_{name}": F(f"failure__{name}") for name in Failure.__dataclass_fields__}
    found = found.order_by("name", "partition", "failure__id")
    return list(found.values("name", "partition", "checkpoint", **columns)[: 1024 + MOST_FAILURES])


@dataclass(frozen=True)
class _Known:
    event: RecordedEvent[str]
    steps: Sequence[ProcessStep]
    positions: Mapping[str, int]
    sight: Sight

    def outcome(self, name: str, subscriber: Any, rows: Sequence[dict[str, Any]]) -> Outcome:
        """Of one subscription, of which `rows` are the partitions; `subscriber` is None where no code declares it."""
        is_process_manager = name in process_managers
        failures = [
            each for each in _failures(rows) if not is_process_manager or self.sight.process(name, each.sequence)
        ]
        checkpoints = {row["partition"]: row["checkpoint"] for row in rows}
        position = self._position(subscriber)
        reached = sum(each >= position for each in checkpoints.values())
        taken = [step for step in self.steps if step.process.type == name]
        return Outcome(
            name,
            _state(
                subscriber,
                failures,
                taken,
                reached=reached,
                partitions=len(checkpoints),
                is_process_manager=is_process_manager,
            ),
            reached=reached,
            partitions=len(checkpoints),
            max_attempts=subscriber.max_attempts if subscriber else None,
            is_process_manager=is_process_manager,
            failures=failures,
            steps=taken,
        )

    def _position(self, subscriber: Any) -> int:
        if subscriber and subscriber.stream:
            return self.positions[subscriber.stream]
        return self.event.global_position


def _failures(rows: Iterable[dict[str, Any]]) -> list[Failure]:
    found = [
        Failure(**{name: row[f"failure_{name}"] for name in Failure.__dataclass_fields__})
        for row in rows
        if row["failure_id"] is not None
    ]
    return sorted(found, key=lambda each: _ORDER.index(FailedEvent.Status(each.status)))


def _state(
    subscriber: Any,
    failures: Sequence[Failure],
    steps: Sequence[ProcessStep],
    *,
    reached: int,
    partitions: int,
    is_process_manager: bool,
) -> str:
    if failures:
        return failures[0].status
    if steps:
        return "done"
    if not partitions:
        return "new"
    if not reached:
        return "not_reached"
    if reached < partitions:
        return "partly"
    # A later start passes older events over, and so does a process manager whose process_id names none.
    return "done" if subscriber and subscriber.start == "beginning" and not is_process_manager else "passed"
