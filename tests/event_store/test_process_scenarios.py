"""The testing kit for process managers says what the real ones do, and helps when they do something else."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from catering.commands import ConfirmOrder, RemindManager
from catering.events import CatererConfirmedMenu, CustomerConfirmedMenu, MenuSuggested
from catering.process_managers import CateringMatch
from event_store import (
    Cancel,
    CancelDeadline,
    Command,
    CommandRejected,
    Complete,
    Deadline,
    DeadlineReached,
    Event,
    NewEvent,
    ProcessManager,
    Rejected,
    event_store,
    handles,
)
from event_store.codec import to_plain
from event_store.models import IssuedCommand, Process, ProcessDeadline
from event_store.testing import ProcessScenario, given, in_every_order, run_subscriptions
from tests.event_store.sample import Agreement, CatererSaidYes, Confirm, Counted, CustomerSaidYes

CUSTOMER, CATERER = CustomerSaidYes(order_id="42"), CatererSaidYes(order_id="42")


class Told(Event, type="scenarios.Told"):
    what: str
    process: str = "1"


class Do(Command, type="scenarios.Do"):
    what: str


class DoAgain(Command, type="scenarios.DoAgain", repeatable=True):
    what: str


@handles(Do)
def do(command: Do) -> None:
    if command.what == "no":
        raise Rejected("not that")


@handles(DoAgain)
def do_again(command: DoAgain) -> None:
    pass


class Obedient(ProcessManager):
    """Does what it is told, in so many words."""

    reacts_to = (Told,)

    @dataclass(frozen=True)
    class State:
        seen: tuple[str, ...] = ()

    def process_id(self, event: Any) -> str:
        return str(event.data.process)

    def apply(self, state: State, event: Any) -> State:
        match event.data:
            case Told(what=what):
                seen = what
            case DeadlineReached(name=name):
                seen = f"reached {name}"
            case CommandRejected(reason=reason):
                seen = f"rejected: {reason}"
            case _:
                raise AssertionError(event)
        return replace(state, seen=(*state.seen, seen))

    def act(self, state: State, event: Any) -> Any:
        words = state.seen[-1].split()
        match words:
            case ["do", what]:
                yield Do(what=what).because("told so")
            case ["again", what]:
                yield DoAgain(what=what)
            case ["rejected:", *_]:
                yield Do(what=f"something else {len(state.seen)}")
            case ["wait", name, hours]:
                yield Deadline(name, after=timedelta(hours=int(hours)))
            case ["stop", name]:
                yield CancelDeadline(name)
            case ["reached", name]:
                yield DoAgain(what=name)
            case ["complete"]:
                yield Complete()
            case ["cancel"]:
                yield Cancel()


WORDS = [
    "do a",
    "do b",
    "do no",
    "again a",
    "wait x 2",
    "wait x 3",
    "wait y 2",
    "stop x",
    "complete",
    "cancel",
    "nothing",
]
ORDINARY = [word for word in WORDS if word not in ("complete", "cancel")]


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(25))
def test_a_scenario_does_what_the_real_one_does(seed: int) -> None:
    chance = random.Random(seed)
    scenario = ProcessScenario(Obedient).rejecting(Do(what="no"), "not that")
    now = [scenario.now]
    with event_store.clock(lambda: now[0]):
        for _ in range(15):
            told = Told(what=chance.choice(WORDS if chance.random() < 0.3 else ORDINARY), process=chance.choice("12"))
            event_store.publish(told, stream="s")
            run_subscriptions("Obedient")
            scenario.given(told)
            if chance.random() < 0.4:
                # Hour by hour: each deadline is then reached at its time here, too.
                for _ in range(chance.randrange(4)):
                    scenario.advance(hours=1)
                    now[0] = scenario.now
                    run_subscriptions("Obedient")

    sent = {"1": [], "2": []} | {
        process.key: [
            each.data for each in IssuedCommand.objects.filter(process=process, outcome="accepted").order_by("pk")
        ]
        for process in Process.objects.all()
    }
    for process in Process.objects.all():
        scenario.expect_status(process.status, process_id=process.key)
        open_ones = ProcessDeadline.objects.filter(process=process, status="waiting")
        scenario.expect_deadlines(*open_ones.values_list("name", flat=True), process_id=process.key)
        assert _stored_state(process) == to_plain(scenario.state(process.key))
    assert sorted(map(str, map(to_plain, scenario._sent))) == sorted(str(each) for each in sent["1"] + sent["2"])


def _stored_state(process: Process) -> Any:
    from event_store import replay

    return [*replay(process.type, process.key)][-1].state


def test_both_events_in_every_order_and_delivered_twice() -> None:
    in_every_order(Agreement, CUSTOMER, CATERER).expect(Confirm(order_id="42"))
    in_every_order(Agreement, CUSTOMER, CATERER).each(lambda scenario: scenario.expect_status("completed"))


def test_one_side_alone_is_waited_for() -> None:
    given(Agreement, CUSTOMER).expect().expect_waiting_for(CatererSaidYes).expect_status("waiting")
    given(Agreement, CUSTOMER, CATERER).expect_waiting_for()
    assert given(Agreement, CUSTOMER).state().customer


def test_several_processes_are_told_apart() -> None:
    scenario = given(Agreement, CUSTOMER, CustomerSaidYes(order_id="43"), CATERER)

    scenario.expect(Confirm(order_id="42")).expect_status("waiting", process_id="43")
    with pytest.raises(AssertionError, match="Which process is meant\\? There are '42', '43'"):
        scenario.expect_status("completed")


def test_a_rejected_command_is_seen_and_not_expected() -> None:
    scenario = given(Obedient).rejecting(Do(what="no"), "not that").given(Told(what="do no"))

    scenario.expect(Do(what="something else 2"))
    assert scenario.state().seen == ("do no", "rejected: not that")


def test_time_passes_when_it_is_told_to() -> None:
    scenario = given(
        CateringMatch,
        MenuSuggested(order_id="42", menu_id="vegan", menu="Vegan", caterer_id="fork", price_per_guest=Decimal(20)),
        CustomerConfirmedMenu(order_id="42", menu_id="vegan"),
    )

    scenario.expect_deadlines("the caterer's answer").advance(hours=47).expect()
    scenario.advance(hours=2).expect(RemindManager(order_id="42")).advance(days=30).expect().expect_deadlines()
    scenario.given(CatererConfirmedMenu(order_id="42", caterer_id="fork", menu_id="vegan"))
    scenario.expect(ConfirmOrder(order_id="42", menu_id="vegan"))


def test_an_event_can_bring_its_own_id_time_and_metadata() -> None:
    class Dated(Obedient):
        type = "Dated"

        def process_id(self, event: Any) -> str:
            return f"{event.valid_at:%Y-%m} {event.metadata['by']}"

    told = NewEvent(Told(what="do a"), id=uuid4(), valid_at=datetime(2025, 12, 31, tzinfo=UTC), metadata={"by": "me"})

    given(Dated, told, told).expect(Do(what="a")).expect_status("waiting", process_id="2025-12 me")


@pytest.mark.django_db
def test_an_event_is_given_with_the_time_and_metadata_that_would_be_read_back() -> None:
    seen: list[Any] = []

    class Watching(Obedient):
        type = "Watching"

        def process_id(self, event: Any) -> str:
            seen.append((event.valid_at.isoformat(), event.metadata))
            return "1"

    moment = datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    told = NewEvent(Told(what="do a"), valid_at=moment, metadata={"menus": ("vegan", uuid4())})
    given(Watching, told)
    event_store.publish(told, stream="s")
    run_subscriptions("Watching")

    assert seen[0][0] == "2026-01-31T23:30:00+00:00"
    assert [each for each in seen if each != seen[0]] == []


def test_what_was_expected_and_what_was_found_and_how_it_came_to_it() -> None:
    with pytest.raises(AssertionError) as caught:
        given(Agreement, CUSTOMER, CATERER).expect()

    lines = str(caught.value).splitlines()
    assert lines[:4] == [
        "Agreement was expected to send",
        "  nothing",
        "and this was found:",
        "  Confirm(order_id='42')",
    ]
    assert lines[5:] == [
        "  Agreement$42 step 1: CustomerSaidYes(order_id='42')",
        "      state Agreement.State(customer=True, caterer=False)",
        "  Agreement$42 step 2: CatererSaidYes(order_id='42')",
        "      state Agreement.State(customer=True, caterer=True)",
        "      said Complete(reason='')",
        "      said Confirm(order_id='42')",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: given(Agreement, CUSTOMER).expect_status("completed"), "expected to be\n  completed"),
        (lambda: given(Agreement, CUSTOMER).expect_waiting_for(CustomerSaidYes), "wait for\n  CustomerSaidYes"),
        (lambda: given(Agreement, CUSTOMER).expect_deadlines("a"), "have the deadlines\n  a"),
        (lambda: given(Agreement).state(), "There are none"),
        (lambda: given(Obedient).rejecting(Do, "never").given(Told(what="do a")), "with another one"),
    ],
)
def test_what_does_not_hold_fails(wrong: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        wrong()


def test_wrong_use_is_told() -> None:
    with pytest.raises(TypeError, match="takes a process manager's class first"):
        given(CUSTOMER)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="CustomerSaidYes is the class of an event"):
        given(Agreement, CustomerSaidYes)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Agreement does not react to Counted"):
        given(Agreement, Counted(number=1))
    with pytest.raises(ValueError, match="time goes forward"):
        given(Agreement).advance(hours=-1)
    with pytest.raises(ValueError, match="8 events have more than 5040 orders"):
        in_every_order(Agreement, *[CUSTOMER] * 8)


def test_a_state_that_apply_changes_in_place_is_found() -> None:
    class Sloppy(Agreement):
        type = "Sloppy"

        def apply(self, state: Any, event: Any) -> Any:
            object.__setattr__(state, "customer", True)
            return state

    with pytest.raises(AssertionError, match=r"Sloppy\.apply has changed the state that it was given"):
        given(Sloppy, CUSTOMER)


def test_an_act_that_depends_on_more_than_its_arguments_is_found() -> None:
    class Moody(Agreement):
        type = "Moody"
        asked = 0

        def act(self, state: Any, event: Any) -> Any:
            type(self).asked += 1
            yield Confirm(order_id=str(self.asked))

    with pytest.raises(AssertionError, match=r"Moody\.act, asked twice, said two things"):
        given(Moody, CUSTOMER)
