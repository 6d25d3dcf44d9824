"""Whether the row of each process is what its stream and its steps amount to; and made so again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from event_store.models import Process, ProcessStep, Stream
from event_store.processes import deadlines
from event_store.processes.failed_processes import has_given_up, is_parked
from event_store.processes.folding import apply
from event_store.processes.manager import ProcessManager, process_managers, stream_of
from event_store.store import EventStore
from event_store.stores import event_store
from event_store.subscriptions.database import is_postgresql

READ_SIZE = 200


@dataclass(frozen=True)
class Mismatch:
    """
    A column of a process that is not what it should be.

    `can_be_repaired` is False where the stream cannot be folded, no code declares the type, or rows are missing.
    """

    process_type: str
    process_id: str
    what: str
    stored: Any
    expected: Any
    can_be_repaired: bool = True

    def __str__(self) -> str:
        return f"{self.process_type} {self.process_id}: {self.what} is {self.stored!r}, not {self.expected!r}"


def verify_processes(
    process_type: str = "",
    process_id: str = "",
    *,
    repair: bool = False,
    report: Callable[[int, int], object] = lambda done, end: None,
) -> Iterator[Mismatch]:
    """
    Fold each process anew with today's code and compare; each in a transaction of its own, while others work.

    Args:
        process_type, process_id: only these; all if left out.
        repair: write what is expected.
        report: called with the last id of a row that was looked at, and the greatest there is.
    """
    using = event_store.backend.using
    rows = Process.objects.using(using).order_by("pk")
    if process_type:
        rows = rows.filter(type=process_type)
    if process_id:
        rows = rows.filter(key=process_id)
    done, end = 0, rows.values_list("pk", flat=True).last() or 0
    while ids := list(rows.filter(pk__gt=done, pk__lte=end).values_list("pk", flat=True)[:READ_SIZE]):
        for done in ids:
            yield from _verify(event_store, done, repair=repair)
        report(done, end)
    yield from _missing(event_store, process_type, process_id)


def _missing(store: EventStore, process_type: str, process_id: str) -> Iterator[Mismatch]:
    using = store.backend.using
    for each in [process_type] if process_type else sorted(process_managers):
        streams, last = Stream.objects.using(using).filter(category=each, version__gte=0), ""
        if process_id:
            streams = streams.filter(name=stream_of(each, process_id))
        while names := list(streams.filter(name__gt=last).order_by("name").values_list("name", flat=True)[:READ_SIZE]):
            ids = [name.removeprefix(stream_of(each, "")) for name in names]
            found = set(Process.objects.using(using).filter(type=each, key__in=ids).values_list("key", flat=True))
            for missing in (one for one in ids if one not in found):
                yield Mismatch(each, missing, "row", None, "one, with its steps", can_be_repaired=False)
            last = names[-1]


def _verify(store: EventStore, row_id: int, *, repair: bool) -> list[Mismatch]:
    using = store.backend.using
    with store.atomic():
        rows = Process.objects.using(using)
        # A step that is at it is waited for.
        process = (rows.select_for_update(no_key=True) if is_postgresql(using) else rows).filter(pk=row_id).first()
        if process is None:
            return []
        manager = process_managers.get(process.type)
        if manager is None:
            return [_wrong(process, "type", process.type, "declared by code", can_be_repaired=False)]
        try:
            expected = _expected(store, process, manager(process.key))
        except Exception as error:
            return [_wrong(process, "state", f"{type(error).__name__}: {error}", "a state", can_be_repaired=False)]
        found = [
            _wrong(process, name, getattr(process, name), value)
            for name, value in expected.items()
            if getattr(process, name) != value
        ]
        if found and repair:
            Process.objects.using(using).filter(pk=row_id).update(**expected)
        steps = ProcessStep.objects.using(using).filter(process=row_id).count()
        if steps != expected["step_count"]:
            found.append(_wrong(process, "steps", steps, expected["step_count"], can_be_repaired=False))
    return found


def _expected(store: EventStore, process: Process, manager: ProcessManager) -> dict[str, Any]:
    using = store.backend.using
    end = ProcessStep.objects.using(using).filter(process=process.pk).exclude(ended_as="").order_by("number").first()
    has_failed = is_parked(process, using=using) or has_given_up(process, using=using)
    expected: dict[str, Any] = {"version": -1, "step_count": 0}
    state, awaited = manager.State(), None
    for event in store.events.in_stream(process.stream_name):
        state = apply(manager, state, event)
        now_awaited = manager.awaited_types(state)
        if now_awaited != awaited:
            awaited, expected["waiting_since"] = now_awaited, event.recorded_at
        expected.update(version=event.position, step_count=expected["step_count"] + 1, waiting_for=now_awaited)
    if end is not None:
        expected.update(status=end.ended_as, waiting_for="", waiting_since=None)
    else:
        expected["status"] = Process.Status.FAILED if has_failed else Process.Status.WAITING
    if not has_failed:
        expected["last_error"] = ""
    expected["next_deadline"] = deadlines.next_deadline(process, using=using)
    return expected


def _wrong(process: Process, what: str, stored: Any, expected: Any, *, can_be_repaired: bool = True) -> Mismatch:
    return Mismatch(process.type, process.key, what, stored, expected, can_be_repaired)
