"""
Processes for a store that `Filling` has filled: one for each stream `OrderMatch$…`, with the steps, commands and deadlines
that its events have led to, and subscriptions with events that failed.

Of every 100 processes 40 wait (for one of three things, every second one with a deadline), one has failed, two are
cancelled, the others are completed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from filling import STREAMS_PER_PROCESS, Filling, event_id

TYPE = "OrderMatch"
COMMAND = "benchmark.Close"
WAITING_FOR = ("benchmark.ItemAdded", "benchmark.Closed", "benchmark.Closed | benchmark.Recalled")
SUBSCRIPTIONS, FAILURES = 8, 200
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_COMMAND_IDS = 10_000_000_000
_AT_ONCE = 5_000


def declare() -> type[Any]:
    """The process manager whose processes these are, and its events."""
    from event_store import Command, Event, ProcessManager, handles

    class Opened(Event, type="benchmark.Opened"):
        order_id: str
        text: str

    class ItemAdded(Event, type="benchmark.ItemAdded"):
        order_id: str
        text: str

    class Closed(Event, type="benchmark.Closed"):
        order_id: str
        text: str

    class Close(Command, type=COMMAND):
        order_id: str

    @handles(Close)
    def close(command: Close) -> None:
        """Nothing is sent here."""

    class OrderMatch(ProcessManager):
        """Closes an order once it has three items."""

        reacts_to = (Opened, ItemAdded, Closed)

        @dataclass(frozen=True)
        class State:
            order_id: str = ""
            items: int = 0
            closed: bool = False

        def process_id(self, event: Any) -> str:
            return str(event.data.order_id)

        def apply(self, state: State, event: Any) -> State:
            if isinstance(event.data, ItemAdded):
                return replace(state, items=state.items + 1)
            return replace(state, order_id=event.data.order_id, closed=isinstance(event.data, Closed))

        def act(self, state: State, event: Any) -> Any:
            if state.items == 3:
                yield Close(order_id=state.order_id).because("three items are enough")

        def waiting_for(self, state: State) -> Any:
            if not state.closed:
                yield Closed

    return OrderMatch


class ProcessFilling:
    """
    Args:
        filling: what the database of Django's connection has been filled with.
    """

    def __init__(self, filling: Filling) -> None:
        self._filling = filling

    def store(self) -> None:
        from event_store.models import IssuedCommand, Process, ProcessDeadline, ProcessStep

        for model, rows in (
            (Process, self._processes()),
            (ProcessStep, self._steps()),
            (IssuedCommand, self._commands()),
            (ProcessDeadline, self._deadlines()),
        ):
            model.objects.bulk_create(rows, batch_size=_AT_ONCE)
        self._store_subscriptions()

    def any_key(self) -> str:
        return str(random.randrange(self._filling.processes))

    def any_command(self) -> UUID:
        return event_id(_COMMAND_IDS + random.randrange(self._filling.processes))

    def _processes(self) -> Iterator[Any]:
        from event_store.models import Process

        for number in range(self._filling.processes):
            status = _status_of(number)
            waits = status == "waiting"
            yield Process(
                id=1 + number,
                type=TYPE,
                key=str(number),
                status=status,
                waiting_for=WAITING_FOR[number % 3] if waits else "",
                waiting_since=_time_of(number) if waits else None,
                next_deadline=_deadline_of(number) if waits and number % 2 else None,
                version=_last_step(number),
                step_count=_last_step(number) + 1,
                last_error="ValueError: no such order" if status == "failed" else "",
                started_at=_time_of(number),
                updated_at=_time_of(number),
            )

    def _steps(self) -> Iterator[Any]:
        from event_store.models import ProcessStep, StreamLink

        links = StreamLink.objects.filter(stream__category=TYPE).order_by("event_id")
        for event, stream, position in links.values_list("event_id", "stream_id", "position").iterator():
            process = stream - self._filling.streams
            yield ProcessStep(
                id=process * 100 + position,
                process_id=process,
                event_id=event,
                number=position,
                state_before={"order_id": str(process), "items": max(0, position - 1), "closed": False},
                handled_at=_time_of(process),
            )

    def _commands(self) -> Iterator[Any]:
        from event_store.models import IssuedCommand

        for number in range(self._filling.processes):
            yield IssuedCommand(
                command_id=event_id(_COMMAND_IDS + number),
                step_id=(1 + number) * 100 + 3,
                process_id=1 + number,
                type=COMMAND,
                data={"order_id": str(number)},
                fingerprint=f"{number:064x}",
                reason="three items are enough",
                outcome="accepted",
                issued_at=_time_of(number),
            )

    def _deadlines(self) -> Iterator[Any]:
        from event_store.models import ProcessDeadline

        for number in range(1, self._filling.processes, 2):
            if _status_of(number) == "waiting":
                step = (1 + number) * 100
                yield ProcessDeadline(
                    process_id=1 + number, name="closing", due_at=_deadline_of(number), set_by_id=step
                )

    def _store_subscriptions(self) -> None:
        from event_store.models import FailedEvent, Subscription

        newest = self._filling.count
        Subscription.objects.bulk_create(
            Subscription(id=1 + number, name=f"subscription_{number}", checkpoint=newest - number * 1000)
            for number in range(SUBSCRIPTIONS)
        )
        FailedEvent.objects.bulk_create(
            FailedEvent(
                subscription_id=1 + number % SUBSCRIPTIONS,
                event_id=newest - number,
                sequence=f"Order${number}",
                status="given_up",
                attempts=5,
                parked_at=_FIRST,
                error="ValueError: no such order",
            )
            for number in range(FAILURES)
        )


def _status_of(number: int) -> str:
    place = number % 100
    return "waiting" if place < 40 else "failed" if place < 41 else "cancelled" if place < 43 else "completed"


def _last_step(number: int) -> int:
    # As `Filling` gives versions to streams.
    return 7 if number * STREAMS_PER_PROCESS % 140 < 20 else 6


def _time_of(number: int) -> datetime:
    return _FIRST + timedelta(seconds=number)


def _deadline_of(number: int) -> datetime:
    """Half of them are past."""
    return datetime.now(UTC) + timedelta(hours=1 if number % 4 == 1 else -1, seconds=number)
