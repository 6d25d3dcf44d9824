"""Events and a process manager that the tests of the store use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from event_store import Command, Complete, Event, ProcessManager, RecordedEvent, event_store, handles


class Course(Enum):
    STARTER = "starter"
    MAIN = "main"


@dataclass(frozen=True)
class Dish:
    name: str
    price: Decimal


class Noted(Event, type="sample.Noted"):
    text: str = ""


class NotedLoudly(Noted, type="sample.NotedLoudly"):
    volume: int = 11


class Counted(Event, type="sample.Counted"):
    number: int


class Everything(Event, type="sample.Everything"):
    text: str
    identifier: UUID
    moment: datetime
    day: date
    price: Decimal
    course: Course
    dish: Dish
    dishes: tuple[Dish, ...]
    pauses: list[timedelta]
    stock: dict[str, int]
    labels: frozenset[str]
    ratio: float
    note: str | None = None


class CustomerSaidYes(Event, type="sample.CustomerSaidYes"):
    order_id: str


class CatererSaidYes(Event, type="sample.CatererSaidYes"):
    order_id: str


class Confirmed(Event, type="sample.Confirmed"):
    order_id: str


class Confirm(Command, type="sample.Confirm"):
    order_id: str


@handles(Confirm)
def confirm(command: Confirm) -> None:
    event_store.publish(Confirmed(order_id=command.order_id), stream=f"Order${command.order_id}")


class Agreement(ProcessManager):
    """Confirms an order once both sides have said yes."""

    reacts_to = (CustomerSaidYes, CatererSaidYes)

    @dataclass(frozen=True)
    class State:
        customer: bool = False
        caterer: bool = False

    def process_id(self, event: RecordedEvent[Any]) -> str:
        return str(event.data.order_id)

    def apply(self, state: State, event: RecordedEvent[Any]) -> State:
        if isinstance(event.data, CustomerSaidYes):
            return replace(state, customer=True)
        return replace(state, caterer=True)

    def act(self, state: State, event: RecordedEvent[Any]) -> Any:
        if state.customer and state.caterer:
            yield Confirm(order_id=self.id).because("both said yes")
            yield Complete()

    def waiting_for(self, state: State) -> Any:
        if not state.customer:
            yield CustomerSaidYes
        if not state.caterer:
            yield CatererSaidYes


HOSTILE_NAMES = [
    "a/b", "100%", "a?b", "a#b", "a b", "'", '"', "a\nb", "a\tb", "\u202etxet", "🍲" * 255, "..", "~", "\u00e9", "e\u0301", "%s", "\\",
]  # fmt: skip
