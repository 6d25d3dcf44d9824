"""A process manager that does and keeps what each event tells it, for the pages of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from event_store import Cancel, CancelDeadline, Command, Complete, Deadline, Event, ProcessManager, handles
from event_store import RecordedEvent as Recorded
from event_store import event_store as store
from event_store.testing import isolated_registries, run_subscriptions

PATIENCE = "the courier's answer"


class Told(Event, type="shipments.Told"):
    """`says` are "send", "send twice", "wait", "stop", "complete" and "cancel"."""

    parcel: str
    facts: dict[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()


class Answered(Event, type="shipments.Answered"):
    parcel: str


class Send(Command, type="shipments.Send", repeatable=True):
    parcel: str


@handles(Send)
def send(command: Send) -> None:
    """Nothing to do: what counts is that it was sent."""


with isolated_registries():

    class Shipments(ProcessManager):
        """
        Sends parcels.

        Only the first paragraph is shown at the top of lists.
        """

        reacts_to = (Told, Answered)
        stuck_after = timedelta(days=3)

        @dataclass(frozen=True)
        class State:
            facts: dict[str, Any] = field(default_factory=dict)
            answers: int = 0

        def process_id(self, event: Recorded[Any]) -> str:
            return str(event.data.parcel)

        def apply(self, state: State, event: Recorded[Any]) -> State:
            if isinstance(event.data, Told):
                return replace(state, facts=event.data.facts)
            return replace(state, answers=state.answers + 1)

        def act(self, state: State, event: Recorded[Any]) -> Iterator[Any]:
            for word in event.data.says if isinstance(event.data, Told) else ():
                match word:
                    case "send":
                        yield Send(parcel=self.id).because("it is packed")
                    case "send twice":
                        yield Send(parcel=self.id)
                        yield Send(parcel=self.id)
                    case "wait":
                        yield Deadline(PATIENCE, after=timedelta(hours=1)).because("couriers forget")
                    case "stop":
                        yield CancelDeadline(PATIENCE)
                    case "complete":
                        yield Complete().because("all is done")
                    case "cancel":
                        yield Cancel()

        def waiting_for(self, state: State) -> list[Any]:
            return [Answered] if state.answers == 0 else [Told | Answered]


def tell(parcel: str, *says: str, at: datetime | None = None, run: bool = True, **facts: Any) -> None:
    """Publish one event of a parcel, at a time if one is given, and have its process handle it, unless told not to."""
    told = Told(parcel=parcel, facts=facts, says=says)
    if at is None:
        store.publish(told, stream=f"Shipment${parcel}")
    else:
        with store.clock(lambda: at):
            store.publish(told, stream=f"Shipment${parcel}")
    if run:
        run_subscriptions("Shipments")
