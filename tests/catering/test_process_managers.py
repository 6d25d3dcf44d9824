"""Given confirmations in any order, expect one command; given anything, expect who is waited for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from catering import order_desk
from catering.commands import ConfirmOrder, RemindManager
from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    CustomerDeclinedMenu,
    MenuSuggested,
    OrderCancelled,
)
from catering.models import OrderSummary
from catering.process_managers import ANY_MENU, CateringMatch
from catering.waiting import STUCK_AFTER, Answer, Answers, WaitingFor, waiting_for
from event_store import event_store
from event_store.models import IssuedCommand, Process, StoredEvent, Subscription
from event_store.testing import given as given_events
from event_store.testing import in_every_order, run_subscriptions
from tests.catering.conftest import AWAITED, confirm_both

VEGAN = MenuSuggested(order_id="1", menu_id="vegan", menu="Vegan", caterer_id="fork", price_per_guest=Decimal(20))
GRILL = MenuSuggested(order_id="1", menu_id="grill", menu="Grill", caterer_id="oak", price_per_guest=Decimal(30))
CUSTOMER_VEGAN = CustomerConfirmedMenu(order_id="1", menu_id="vegan")
CUSTOMER_GRILL = CustomerConfirmedMenu(order_id="1", menu_id="grill")
CUSTOMER_ANY = CustomerConfirmedMenu(order_id="1")
CATERER_VEGAN = CatererConfirmedMenu(order_id="1", caterer_id="fork", menu_id="vegan")
CATERER_GRILL = CatererConfirmedMenu(order_id="1", caterer_id="oak", menu_id="grill")
CATERER_ANY = CatererConfirmedMenu(order_id="1", caterer_id="fork")
NO_VEGAN = CatererDeclinedMenu(order_id="1", caterer_id="fork", menu_id="vegan")
VEGAN_UNWANTED = CustomerDeclinedMenu(order_id="1", menu_id="vegan")
CANCELLED = OrderCancelled(order_id="1")
BOTH_CONFIRM = (
    lambda menu: CustomerConfirmedMenu(order_id="1", menu_id=menu),
    lambda menu: CatererConfirmedMenu(order_id="1", caterer_id="fork", menu_id=menu),
)


@pytest.fixture
def given(place: Callable[..., str]) -> Callable[..., Process]:
    """Publish these events about a new order, one after the other, and have each handled; the process afterwards."""

    def given(*events: Any) -> Process:
        place()
        run_subscriptions()
        for event in events:
            event_store.publish(_about_1001(event), stream="Test$1")
            run_subscriptions()
        return Process.objects.get()

    return given


def _about_1001(event: Any) -> Any:
    return type(event)(**vars(event) | {"order_id": "1001"})


def commands() -> list[tuple[str, dict[str, Any], str]]:
    return [(each.type, each.data, each.reason) for each in IssuedCommand.objects.order_by("pk")]


def confirm_order(menu_id: str | None, reason: str) -> tuple[str, dict[str, Any], str]:
    return ("catering.ConfirmOrder", {"order_id": "1001", "menu_id": menu_id}, reason)


@pytest.mark.parametrize("events", list(itertools.permutations([CUSTOMER_VEGAN, CATERER_VEGAN])))
def test_the_same_menu_in_either_order_confirms_the_order(
    given: Callable[..., Process], events: Sequence[Any], types_in: Callable[[str], list[str]]
) -> None:
    process = given(*events)

    assert process.status == Process.Status.COMPLETED
    assert commands() == [confirm_order("vegan", "both confirmed “vegan”")]
    assert types_in("Order$1001") == ["OrderPlaced", "OrderConfirmed"]


def test_other_menus_in_any_order_do_not_disturb() -> None:
    in_every_order(CateringMatch, CUSTOMER_VEGAN, CATERER_GRILL, CATERER_VEGAN).expect(
        ConfirmOrder(order_id="1", menu_id="vegan")
    )


def test_two_menus_that_both_confirmed_give_one_command_whichever_comes_first() -> None:
    for chosen, other in [("vegan", "grill"), ("grill", "vegan")]:
        match = given_events(CateringMatch, *(event(chosen) for event in BOTH_CONFIRM))
        match.expect(ConfirmOrder(order_id="1", menu_id=chosen)).expect_status("completed")
        match.given(*(event(other) for event in BOTH_CONFIRM)).expect().redelivered().expect()


@pytest.mark.parametrize(
    ("events", "menu"),
    [
        ([CUSTOMER_ANY, CATERER_VEGAN], "vegan"),
        ([CUSTOMER_VEGAN, CATERER_ANY], "vegan"),
        ([CATERER_ANY, CUSTOMER_ANY], None),
    ],
)
def test_an_event_without_a_menu_matches_on_the_order_alone(events: Sequence[Any], menu: str | None) -> None:
    in_every_order(CateringMatch, *events).expect(ConfirmOrder(order_id="1", menu_id=menu))


def test_a_caterer_who_is_silent_for_two_days_has_the_manager_reminded_once() -> None:
    silent = given_events(CateringMatch, VEGAN, CUSTOMER_VEGAN).expect_deadlines("the caterer's answer")

    silent.advance(hours=47).expect().advance(hours=2).expect(RemindManager(order_id="1"))
    silent.redelivered().advance(hours=1000).expect().expect_status("waiting")
    silent.given(CATERER_VEGAN).expect(ConfirmOrder(order_id="1", menu_id="vegan")).expect_status("completed")


def test_an_answer_in_time_spares_the_manager() -> None:
    given_events(CateringMatch, VEGAN, CUSTOMER_VEGAN).advance(hours=47).given(CATERER_VEGAN).expect(
        ConfirmOrder(order_id="1", menu_id="vegan")
    ).expect_deadlines().advance(hours=100).expect()


def test_an_order_that_was_cancelled_is_confirmed_no_more() -> None:
    given_events(CateringMatch, VEGAN, CUSTOMER_VEGAN, CANCELLED, CATERER_VEGAN).expect().expect_status("cancelled")


def test_a_confirmation_that_is_refused_leaves_nothing_to_wait_for() -> None:
    refused = given_events(CateringMatch).rejecting(ConfirmOrder, "Order 1 is cancelled already")

    refused.given(CUSTOMER_VEGAN, CATERER_VEGAN).expect()
    refused.given(CUSTOMER_GRILL, CATERER_GRILL).redelivered().expect()


def test_the_reason_names_the_menu_as_people_do(given: Callable[..., Process]) -> None:
    given(VEGAN, CUSTOMER_VEGAN, CATERER_VEGAN)

    assert commands() == [confirm_order("vegan", "both confirmed “Vegan”")]


# ---- who is waited for


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], WaitingFor.MENU),
        ([VEGAN], WaitingFor.BOTH),
        ([VEGAN, CUSTOMER_VEGAN], WaitingFor.CATERER),
        ([VEGAN, CATERER_VEGAN], WaitingFor.CUSTOMER),
        ([VEGAN, CUSTOMER_ANY], WaitingFor.CATERER),
        # declined, before or after the other has confirmed
        ([VEGAN, NO_VEGAN], WaitingFor.MENU),
        ([VEGAN, CUSTOMER_VEGAN, NO_VEGAN], WaitingFor.MENU),
        ([VEGAN, NO_VEGAN, CUSTOMER_VEGAN], WaitingFor.MENU),
        ([VEGAN, CUSTOMER_ANY, NO_VEGAN], WaitingFor.MENU),
        ([VEGAN, CATERER_VEGAN, VEGAN_UNWANTED], WaitingFor.MENU),
        ([VEGAN, GRILL, CUSTOMER_VEGAN, NO_VEGAN], WaitingFor.BOTH),
        ([VEGAN, GRILL, CUSTOMER_VEGAN, CATERER_GRILL, NO_VEGAN], WaitingFor.CUSTOMER),
        ([VEGAN, GRILL, CUSTOMER_VEGAN, CUSTOMER_GRILL, NO_VEGAN], WaitingFor.CATERER),
        # a menu that is suggested after a decline
        ([VEGAN, CUSTOMER_VEGAN, NO_VEGAN, GRILL], WaitingFor.BOTH),
        ([VEGAN, CUSTOMER_ANY, NO_VEGAN, GRILL], WaitingFor.CATERER),
        # the customer has chosen, and another caterer would cook something else
        ([VEGAN, GRILL, CUSTOMER_VEGAN, CATERER_GRILL], WaitingFor.CATERER),
        ([VEGAN, GRILL, CATERER_GRILL, CUSTOMER_VEGAN], WaitingFor.CATERER),
    ],
)
def test_process_and_desk_wait_for_the_same_since_the_same_moment(
    given: Callable[..., Process], events: Sequence[Any], expected: WaitingFor
) -> None:
    process = given(*events)

    order = OrderSummary.objects.get()
    assert (process.status, process.waiting_for) == (Process.Status.WAITING, AWAITED[expected])
    assert (order.waiting_for, order.waiting_since) == (expected, process.waiting_since)
    assert commands() == []


@pytest.mark.parametrize("takes_any", [False, True])
@pytest.mark.parametrize("vegan", list(itertools.product(Answer.values, repeat=2)))
@pytest.mark.parametrize("grill", [None, *itertools.product(Answer.values, repeat=2)])
def test_whatever_was_answered_process_and_desk_agree(
    vegan: tuple[str, str], grill: tuple[str, str] | None, takes_any: bool
) -> None:
    menus = {"vegan": Answers(*vegan)} | ({"grill": Answers(*grill)} if grill else {})

    manager = CateringMatch("1")
    state = CateringMatch.State()
    for event in _told(menus, takes_any=takes_any):
        state = manager.apply(state, SimpleNamespace(data=event))  # type: ignore[arg-type]

    both = {
        menu
        for menu, answers in menus.items()
        if answers.caterer == Answer.CONFIRMED
        and answers.customer in ({Answer.CONFIRMED, Answer.NONE} if takes_any else {Answer.CONFIRMED})
    }
    assert set(state.matched) == both
    assert manager.awaited_types(state) == AWAITED[waiting_for(menus.values(), takes_any=takes_any)]


def _told(menus: dict[str, Answers], *, takes_any: bool) -> Iterator[Any]:
    """Events that say so: one after the other, the answers in an order that changes with the menu."""
    events: dict[tuple[str, str], Any] = {
        ("customer", Answer.CONFIRMED): CustomerConfirmedMenu,
        ("customer", Answer.DECLINED): CustomerDeclinedMenu,
        ("caterer", Answer.CONFIRMED): CatererConfirmedMenu,
        ("caterer", Answer.DECLINED): CatererDeclinedMenu,
    }
    if takes_any:
        yield CUSTOMER_ANY
    for menu, answers in menus.items():
        yield {"vegan": VEGAN, "grill": GRILL}[menu]
        for side, answer in vars(answers).items():
            if answer:
                caterer = {"caterer_id": "fork"} if side == "caterer" else {}
                yield events[side, answer](order_id="1", menu_id=menu, **caterer)


def test_a_decline_is_part_of_the_state_and_changes_nothing_before_it() -> None:
    before = CateringMatch.State(suggested_menus={"vegan": "Vegan"}, customer_menus=frozenset({"vegan"}))

    after = CateringMatch("1").apply(before, SimpleNamespace(data=NO_VEGAN))  # type: ignore[arg-type]

    assert after == replace(before, declined_menus=frozenset({"vegan"}))
    assert before.wanted == {"vegan"}
    assert after.wanted == after.possible == frozenset()


# ---- declines, cancellation, what comes later


def test_a_caterer_that_declined_does_not_match(given: Callable[..., Process]) -> None:
    assert given(CATERER_VEGAN, NO_VEGAN, CUSTOMER_VEGAN).status == Process.Status.WAITING


def test_another_menu_matches_after_a_caterer_declined(given: Callable[..., Process]) -> None:
    given(CUSTOMER_VEGAN, NO_VEGAN, CATERER_GRILL, CUSTOMER_GRILL)

    assert commands() == [confirm_order("grill", "both confirmed “grill”")]


def test_a_menu_that_the_customer_has_declined_does_not_match_after_any_menu(given: Callable[..., Process]) -> None:
    process = given(VEGAN, CUSTOMER_ANY, VEGAN_UNWANTED, CATERER_VEGAN)

    assert (process.status, process.waiting_for) == (Process.Status.WAITING, "catering.MenuSuggested")
    assert commands() == []


def test_a_cancelled_order_ends_its_process_without_a_command(given: Callable[..., Process]) -> None:
    assert given(CUSTOMER_VEGAN, CANCELLED).status == Process.Status.CANCELLED
    assert commands() == []


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUGGESTED = (VEGAN, GRILL)


@pytest.fixture
def clock() -> Iterator[list[datetime]]:
    now = [NOON]
    with event_store.clock(lambda: now[0]):
        yield now


def hours_later(clock: list[datetime], hours: float) -> Process:
    clock[0] += timedelta(hours=hours)
    run_subscriptions()
    return Process.objects.get()


def test_a_caterer_who_is_silent_for_48_hours_has_the_manager_reminded_once(
    clock: list[datetime], given: Callable[..., Process], types_in: Callable[[str], list[str]]
) -> None:
    assert given(*SUGGESTED, CUSTOMER_VEGAN).next_deadline == NOON + STUCK_AFTER
    hours_later(clock, 47)
    assert commands() == []
    hours_later(clock, 1)
    process = hours_later(clock, 48)

    assert [(type_name, reason) for type_name, _, reason in commands()] == [
        ("catering.RemindManager", "the caterer has not answered in time")
    ]
    assert types_in("Order$1001") == ["OrderPlaced", "ManagerReminded"]
    assert (process.status, process.next_deadline) == (Process.Status.WAITING, None)
    assert process.waiting_since == NOON


def test_a_caterer_who_answers_in_time_reminds_nobody(clock: list[datetime], given: Callable[..., Process]) -> None:
    given(*SUGGESTED, CUSTOMER_VEGAN, CATERER_VEGAN)
    hours_later(clock, 100)

    assert commands() == [confirm_order("vegan", "both confirmed “Vegan”")]


def test_a_new_choice_starts_the_time_anew(clock: list[datetime], given: Callable[..., Process]) -> None:
    given(*SUGGESTED, CUSTOMER_VEGAN, NO_VEGAN)
    assert hours_later(clock, 40).next_deadline is None
    event_store.publish(_about_1001(CUSTOMER_GRILL), stream="Test$1")

    assert hours_later(clock, 1).next_deadline == NOON + timedelta(hours=40) + STUCK_AFTER


def test_an_order_that_was_cancelled_before_its_confirmation_came_rejects_it(given: Callable[..., Process]) -> None:
    given(*SUGGESTED, CUSTOMER_VEGAN)
    event_store.publish(_about_1001(CATERER_VEGAN), stream="Test$1")
    order_desk.cancel_order("1001")
    run_subscriptions()

    command = IssuedCommand.objects.get()
    assert (command.outcome, command.rejection) == ("rejected", "Order 1001 is cancelled already: nothing was changed.")
    rejected = event_store.events.in_stream("CateringMatch$1001").of_type("event_store.CommandRejected").first()
    assert rejected is not None
    assert rejected.data.command == "catering.ConfirmOrder"


def test_what_comes_after_completion_is_shown_and_not_acted_on(given: Callable[..., Process]) -> None:
    process = given(CUSTOMER_VEGAN, CATERER_VEGAN, CUSTOMER_GRILL, CATERER_GRILL)

    assert process.step_count == 5
    assert len(commands()) == 1


def test_delivering_everything_again_changes_nothing(given: Callable[..., Process]) -> None:
    before = given(CUSTOMER_VEGAN, CATERER_VEGAN)
    Subscription.objects.filter(name="CateringMatch").update(checkpoint=0)

    run_subscriptions()

    after = Process.objects.get()
    assert (after.version, after.step_count, len(commands())) == (before.version, before.step_count, 1)
    assert StoredEvent.objects.filter(type="catering.OrderConfirmed").count() == 1


def test_the_confirmations_are_stored_once_and_stand_in_two_streams(
    order: str, types_in: Callable[[str], list[str]]
) -> None:
    confirm_both(order)
    run_subscriptions()

    assert types_in(f"CateringMatch${order}") == [
        "OrderPlaced",
        "MenuSuggested",
        "CustomerConfirmedMenu",
        "CatererConfirmedMenu",
    ]
    [_, _, of_customer, of_caterer] = event_store.events.in_stream(f"CateringMatch${order}")
    assert [each.stream for each in event_store.streams_of(of_customer)] == [f"Order${order}", f"CateringMatch${order}"]
    assert [each.stream for each in event_store.streams_of(of_caterer)] == [
        "Caterer$green-fork",
        f"CateringMatch${order}",
    ]


def test_two_orders_are_two_processes(order: str, place: Callable[..., str], suggest: Callable[..., None]) -> None:
    other = place()
    suggest(other)
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
    order_desk.answer_for_caterer(other, caterer_id="green-fork", menu_id="vegan", confirms=True)

    run_subscriptions()

    assert commands() == []
    assert set(Process.objects.values_list("key", flat=True)) == {order, other}


def test_a_state_in_which_both_named_menus_prefers_a_named_one() -> None:
    state = CateringMatch.State(customer_menus=frozenset({ANY_MENU}), caterer_menus=frozenset({ANY_MENU, "vegan"}))

    assert state.matched == ["vegan"]
