"""What a process manager may do, and how its events become a state: pure, checked, and not from the start each time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import Cancel, Complete, Event, ProcessManager, event_store
from event_store.exceptions import ImpureProcessManager, InvalidProcessManager
from event_store.models import IssuedCommand, Process, ProcessStep
from event_store.processes.folding import FOLDED_IN_FULL, apply, code_of_manager
from event_store.testing import run_subscriptions
from tests.event_store.sample import Agreement, Confirm, Counted, Noted

pytestmark = pytest.mark.django_db


class Paid(Event, type="states.Paid"):
    amount: Decimal


class Account(ProcessManager):
    """Adds up."""

    reacts_to = (Paid,)
    folded: int = 0

    @dataclass(frozen=True)
    class State:
        total: Decimal = Decimal(0)
        seen: frozenset[int] = frozenset()
        by_day: dict[int, Decimal] = field(default_factory=dict)

    def process_id(self, event: Any) -> str:
        return "1"

    def apply(self, state: State, event: Any) -> State:
        type(self).folded += 1
        return replace(
            state,
            total=state.total + event.data.amount,
            seen=state.seen | {event.position},
            by_day={**state.by_day, event.position % 7: event.data.amount},
        )

    def act(self, state: State, event: Any) -> Any:
        return ()


def pay(times: int) -> None:
    event_store.publish([Paid(amount=Decimal("0.10"))] * times, stream="payments")
    run_subscriptions("Account")


def folds_of_the_next_step() -> int:
    before = Account.folded
    pay(1)
    return Account.folded - before


def state_before_last() -> Any:
    step = ProcessStep.objects.order_by("-number").first()
    assert step is not None
    return step.state_before


def test_a_long_process_does_not_cost_its_length_at_each_step() -> None:
    pay(FOLDED_IN_FULL + 20)
    number = FOLDED_IN_FULL + 20

    assert folds_of_the_next_step() == 2
    assert state_before_last()["total"] == f"{number * Decimal('0.10')}"
    assert state_before_last()["seen"] == list(range(number))


def test_a_short_one_is_folded_anew_whatever_code_has_folded_it_before() -> None:
    pay(FOLDED_IN_FULL)

    assert folds_of_the_next_step() == FOLDED_IN_FULL + 1
    assert set(ProcessStep.objects.filter(number__lt=FOLDED_IN_FULL).values_list("usable_by", flat=True)) == {""}


def test_other_code_folds_a_long_one_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pay(FOLDED_IN_FULL + 5)
    monkeypatch.setattr(Account, "version", 2)

    assert folds_of_the_next_step() == FOLDED_IN_FULL + 6
    assert folds_of_the_next_step() == 2
    assert ProcessStep.objects.order_by("-number")[0].code_version == 2


def test_a_state_that_json_does_not_give_back_is_folded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Loose(Account.State):
        seen: Any = frozenset()

    monkeypatch.setattr(Account, "State", Loose)
    pay(FOLDED_IN_FULL + 5)

    assert folds_of_the_next_step() == FOLDED_IN_FULL + 6


def test_without_its_source_code_cannot_be_told_from_other_code() -> None:
    made = type("Made", (ProcessManager,), {"reacts_to": (Paid,), "State": Account.State, "__module__": "nowhere"})

    assert code_of_manager(made("1")) == ""
    assert len(code_of_manager(Account("1"))) == 64


def test_the_number_of_statements_does_not_grow_with_the_process() -> None:
    pay(FOLDED_IN_FULL + 5)
    with CaptureQueriesContext(connection) as before:
        pay(1)
    pay(40)
    with CaptureQueriesContext(connection) as after:
        pay(1)

    assert len(after) == len(before)


def declare(**methods: Any) -> type[ProcessManager]:
    body = {
        "reacts_to": (Noted,),
        "State": Agreement.State,
        "process_id": lambda self, event: "1",
        "apply": lambda self, state, event: state,
        "act": lambda self, state, event: (),
        "__module__": __name__,
        **methods,
    }
    return type("Odd", (ProcessManager,), body)


def asks_the_orm(*_: Any) -> Any:
    return Group.objects.first()


def asks_the_store(*_: Any) -> Any:
    return event_store.events.first()


def publishes(*_: Any) -> Any:
    return event_store.publish(Noted(), stream="from inside")


def acts_lazily(*_: Any) -> Any:
    yield Confirm(order_id=str(Group.objects.count()))


@pytest.mark.parametrize("method", ["process_id", "apply", "act", "waiting_for"])
@pytest.mark.parametrize("impure", [asks_the_orm, asks_the_store, publishes, acts_lazily])
def test_the_database_is_out_of_bounds(method: str, impure: Any) -> None:
    declare(**{method: impure})
    event_store.publish(Noted(), stream="s")

    # A generator is no state in the first place.
    said = r"Odd\.apply gave <generator" if (method, impure) == ("apply", acts_lazily) else f"Odd.{method} has asked"
    with pytest.raises(AssertionError, match=said):
        run_subscriptions("Odd")
    assert not event_store.events.in_stream("from inside").exists()
    # It is out of bounds inside only.
    assert not Group.objects.exists()


def test_an_impure_one_is_told_what_to_do() -> None:
    with pytest.raises(ImpureProcessManager, match="Put what it needs into the event, or do it in the handler"):
        declare(process_id=asks_the_orm)("1").process_ids(event_store.publish(Noted(), stream="s")[0])


def test_apply_gives_a_state() -> None:
    manager = declare(apply=lambda self, state, event: None)("1")
    [event] = event_store.publish(Noted(), stream="s")

    with pytest.raises(InvalidProcessManager, match=r"Odd\.apply gave None for sample\.Noted"):
        apply(manager, Agreement.State(), event)


def test_a_process_has_one_end() -> None:
    declare(act=lambda self, state, event: [Complete(), Cancel()])
    event_store.publish(Noted(), stream="s")

    with pytest.raises(AssertionError, match="it is one of the two"):
        run_subscriptions("Odd")


def confirms(self: ProcessManager, state: Any, event: Any) -> Any:
    yield Confirm(order_id=str(event.data.number))


@pytest.mark.parametrize("by_time", [False, True])
def test_history_is_linked_and_folded_and_not_acted_on(by_time: bool) -> None:
    with event_store.clock(lambda: datetime(2026, 1, 1, tzinfo=UTC)):
        old = event_store.publish([Counted(number=1), Counted(number=2)], stream="s")
    [new] = event_store.publish(Counted(number=3), stream="s")
    acts_from = datetime(2026, 1, 2, tzinfo=UTC) if by_time else new.global_position
    declare(reacts_to=(Counted,), act=confirms, acts_from=acts_from)
    run_subscriptions("Odd")

    assert [each.id for each in event_store.events.in_stream("Odd$1")] == [each.id for each in (*old, new)]
    assert [each.acted for each in ProcessStep.objects.order_by("number")] == [False, False, True]
    assert [each.data for each in IssuedCommand.objects.all()] == [{"order_id": "3"}]
    assert Process.objects.get().status == "waiting"


def test_a_new_one_can_start_with_what_is_published_now() -> None:
    event_store.publish(Counted(number=1), stream="s")
    declare(reacts_to=(Counted,), act=confirms, start="now")
    run_subscriptions("Odd")
    event_store.publish(Counted(number=2), stream="s")
    run_subscriptions("Odd")

    assert [each.data.number for each in event_store.events.in_stream("Odd$1")] == [2]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"version": 0}, "version is 0"),
        ({"version": True}, "version is True"),
        ({"start": "yesterday"}, "start is 'yesterday'"),
        ({"acts_from": "now"}, "acts_from is 'now'"),
        ({"acts_from": datetime(2026, 1, 1)}, "start is datetime"),
    ],
)
def test_an_attribute_that_makes_no_sense_is_refused(attributes: Any, message: str) -> None:
    with pytest.raises(InvalidProcessManager, match=message):
        declare(**attributes)
