"""A handler may say no: an answer that the process sees, and not a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from event_store import (
    Cancel,
    Command,
    CommandRejected,
    Complete,
    Event,
    ProcessManager,
    Rejected,
    dispatch,
    event_store,
    handles,
    replay,
)
from event_store.exceptions import InvalidEvent, WrongExpectedVersion
from event_store.models import IssuedCommand, Process, ProcessStep, Subscription
from event_store.testing import given, run_subscriptions
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db


class SoldOut(Exception):
    pass


class Asked(Event, type="rejecting.Asked"):
    room: str


class Book(Command, type="rejecting.Book"):
    room: str


class Reminded(Command, type="rejecting.Reminded", repeatable=True):
    room: str


full: set[str] = set()
reminders: list[str] = []


@handles(Book, rejected_by=SoldOut)
def book(command: Book) -> None:
    event_store.publish(Noted(text=command.room), stream="booked")
    if command.room in full:
        raise SoldOut(f"{command.room} is full")


@handles(Reminded)
def remind(command: Reminded) -> None:
    reminders.append(command.room)


class Booking(ProcessManager):
    """Takes the room that was asked for, or one floor up."""

    reacts_to = (Asked,)

    @dataclass(frozen=True)
    class State:
        room: str = ""
        refused: tuple[str, ...] = ()

    def process_id(self, event: Any) -> str:
        return "1"

    def apply(self, state: State, event: Any) -> State:
        match event.data:
            case Asked(room=room):
                return replace(state, room=room)
            case CommandRejected(reason=reason):
                return replace(state, room=f"{state.room}+", refused=(*state.refused, reason))
        return state

    def act(self, state: State, event: Any) -> Any:
        if len(state.refused) == 3:
            yield Cancel().because("nothing is free")
        else:
            yield Book(room=state.room).because("it was asked for")

    def waiting_for(self, state: State) -> Any:
        return [Asked]


@pytest.fixture(autouse=True)
def nothing_is_full() -> None:
    full.clear()
    reminders.clear()


def outcomes() -> list[tuple[str, str, str]]:
    return [(each.data["room"], each.outcome, each.rejection) for each in IssuedCommand.objects.order_by("pk")]


def test_a_rejection_is_the_next_step_of_the_process_and_leaves_nothing_of_its_handler() -> None:
    full.add("a")
    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Booking")

    asked, rejected = event_store.events.in_stream("Booking$1")
    assert rejected.data == CommandRejected(
        process_type="Booking",
        process_id="1",
        command_id=IssuedCommand.objects.order_by("pk")[0].command_id,
        command="rejecting.Book",
        data={"room": "a"},
        reason="a is full",
    )
    assert (rejected.causation_id, rejected.correlation_id) == (rejected.data.command_id, asked.correlation_id)
    assert outcomes() == [("a", "rejected", "a is full"), ("a+", "accepted", "")]
    assert [each.data.text for each in event_store.events.in_stream("booked")] == ["a+"]
    assert [each.number for each in ProcessStep.objects.order_by("pk")] == [0, 1]
    assert [each.state for each in replay("Booking", "1")][-1] == {"room": "a+", "refused": ("a is full",)}


def test_a_rejection_says_which_of_several_commands_it_was_and_reads_the_same_ever_after() -> None:
    class Reserve(Command, type="rejecting.Reserve"):
        day: date
        price: Decimal

    @handles(Reserve)
    def reserve(command: Reserve) -> None:
        if command.day.day == 2:
            raise Rejected("closed")

    class Week(ProcessManager):
        reacts_to = (Asked,)

        @dataclass(frozen=True)
        class State:
            refused: tuple[Any, ...] = ()

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: Any, event: Any) -> Any:
            if isinstance(event.data, CommandRejected):
                return replace(state, refused=(*state.refused, event.data.data))
            return state

        def act(self, state: Any, event: Any) -> Any:
            if isinstance(event.data, Asked):
                yield from [Reserve(day=date(2026, 1, day), price=Decimal("1.50")) for day in (1, 2, 3)]

    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Week")

    refused = ({"day": "2026-01-02", "price": "1.50"},)
    assert [each.state for each in replay("Week", "1")][-1] == {"refused": refused}
    scenario = given(Week).rejecting(Reserve(day=date(2026, 1, 2), price=Decimal("1.50")), "closed")
    assert scenario.given(Asked(room="a")).state().refused == refused


def test_a_process_can_give_up_and_says_why() -> None:
    full.update(["a", "a+", "a++"])
    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Booking")
    event_store.publish(Asked(room="b"), stream="s")
    run_subscriptions("Booking")

    process = Process.objects.get()
    assert (process.status, process.waiting_for, process.waiting_since) == ("cancelled", "", None)
    assert (process.version, process.step_count, len(outcomes())) == (4, 5, 3)
    assert list(ProcessStep.objects.order_by("pk").values_list("ended_as", "end_reason", "acted"))[-2:] == [
        ("cancelled", "nothing is free", True),
        ("", "", False),
    ]


def test_a_rejected_command_does_not_count_when_it_is_sent_again() -> None:
    full.add("a")
    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Booking")
    full.clear()
    event_store.publish([Asked(room="a"), Asked(room="a")], stream="s")
    run_subscriptions("Booking")

    assert [outcome for _, outcome, _ in outcomes()] == ["rejected", "accepted", "accepted", "suppressed"]


def test_redelivery_of_an_event_whose_command_was_rejected_changes_nothing() -> None:
    full.add("a")
    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Booking")
    before = [list(model.objects.values()) for model in (Process, ProcessStep, IssuedCommand)]
    Subscription.objects.update(checkpoint=0)
    run_subscriptions("Booking")

    assert [list(model.objects.values()) for model in (Process, ProcessStep, IssuedCommand)] == before


def test_a_repeatable_command_is_sent_each_time() -> None:
    class Nagging(ProcessManager):
        reacts_to = (Asked,)
        State = Booking.State

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: Any, event: Any) -> Any:
            return state

        def act(self, state: Any, event: Any) -> Any:
            yield Reminded(room=event.data.room)

    event_store.publish([Asked(room="a"), Asked(room="a")], stream="s")
    run_subscriptions("Nagging")

    assert reminders == ["a", "a"]
    assert [outcome for _, outcome, _ in outcomes()] == ["accepted", "accepted"]


def test_a_process_that_never_takes_no_for_an_answer_is_parked() -> None:
    class Stubborn(ProcessManager):
        reacts_to = (Asked,)
        State = Booking.State

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: Any, event: Any) -> Any:
            return state

        def act(self, state: Any, event: Any) -> Any:
            yield Book(room="a")

    full.add("a")
    event_store.publish(Asked(room="a"), stream="s")
    with pytest.raises(AssertionError, match="Stubborn answers each rejected command with another one"):
        run_subscriptions("Stubborn")

    assert not ProcessStep.objects.exists()
    assert Process.objects.get().status == "failed"


def test_after_its_end_a_process_shows_the_rejection_and_does_not_act() -> None:
    class Hasty(ProcessManager):
        reacts_to = (Asked,)
        State = Booking.State

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: Any, event: Any) -> Any:
            return state

        def act(self, state: Any, event: Any) -> Any:
            yield Book(room="a")
            yield Complete()

    full.add("a")
    event_store.publish(Asked(room="a"), stream="s")
    run_subscriptions("Hasty")

    assert Process.objects.get().status == "completed"
    assert list(ProcessStep.objects.order_by("pk").values_list("acted", "ended_as")) == [
        (True, "completed"),
        (False, ""),
    ]


def test_whoever_dispatches_by_hand_gets_the_reason() -> None:
    full.add("a")
    with pytest.raises(Rejected, match="a is full") as caught:
        dispatch(Book(room="a"))

    assert isinstance(caught.value.__cause__, SoldOut)
    assert not event_store.events.in_stream("booked").exists()


def test_a_handler_whose_stream_has_moved_on_is_called_again() -> None:
    class Count(Command, type="rejecting.Count"):
        pass

    versions = [7, -1]

    @handles(Count)
    def count(command: Count) -> None:
        event_store.publish(Noted(), stream="counted", expected_version=versions.pop(0))

    dispatch(Count())
    assert event_store.events.in_stream("counted").count() == 1
    versions += [7] * 5
    with pytest.raises(WrongExpectedVersion):
        dispatch(Count())
    assert versions == []


@pytest.mark.parametrize("wrong", ["", " ", None, 7])
def test_a_rejection_needs_a_reason(wrong: Any) -> None:
    with pytest.raises(ValueError, match="takes the reason in words"):
        Rejected(wrong)


@pytest.mark.parametrize("wrong", ["SoldOut", SoldOut(), int])
def test_only_errors_say_no(wrong: Any) -> None:
    with pytest.raises(InvalidEvent, match="rejected_by takes classes of errors"):
        handles(Book, rejected_by=wrong)
