"""Given confirmations in any order, expect one command."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from catering import order_desk
from catering.events import (
    CatererConfirmedMenu,
    CatererDeclinedMenu,
    CustomerConfirmedMenu,
    OrderCancelled,
)
from catering.process_managers import ANY_MENU, CateringMatch
from event_store import event_store
from event_store.models import IssuedCommand, Process, StoredEvent, Subscription
from event_store.testing import run_subscriptions
from tests.catering.conftest import confirm_both

CUSTOMER_VEGAN = CustomerConfirmedMenu(order_id="1", menu_id="vegan")
CUSTOMER_GRILL = CustomerConfirmedMenu(order_id="1", menu_id="grill")
CUSTOMER_ANY = CustomerConfirmedMenu(order_id="1")
CATERER_VEGAN = CatererConfirmedMenu(order_id="1", caterer_id="fork", menu_id="vegan")
CATERER_GRILL = CatererConfirmedMenu(order_id="1", caterer_id="oak", menu_id="grill")
CATERER_ANY = CatererConfirmedMenu(order_id="1", caterer_id="fork")
NO_VEGAN = CatererDeclinedMenu(order_id="1", caterer_id="fork", menu_id="vegan")
CANCELLED = OrderCancelled(order_id="1")


@pytest.fixture
def given(place: Callable[..., str]) -> Callable[..., Process]:
    """Publish these events about order 1, one after the other, and have each handled; the process afterwards."""

    def given(*events: Any) -> Process:
        place()
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
    assert commands() == [confirm_order("vegan", "both confirmed menu vegan")]
    assert types_in("Order$1001") == ["OrderPlaced", "OrderConfirmed"]


@pytest.mark.parametrize("events", list(itertools.permutations([CUSTOMER_VEGAN, CATERER_GRILL, CATERER_VEGAN])))
def test_other_menus_in_any_order_do_not_disturb(given: Callable[..., Process], events: Sequence[Any]) -> None:
    given(*events)

    assert commands() == [confirm_order("vegan", "both confirmed menu vegan")]


@pytest.mark.parametrize(
    "events", list(itertools.permutations([CUSTOMER_VEGAN, CUSTOMER_GRILL, CATERER_VEGAN, CATERER_GRILL]))
)
def test_two_menus_that_both_confirmed_give_one_command(given: Callable[..., Process], events: Sequence[Any]) -> None:
    given(*events)

    assert len(commands()) == 1
    assert StoredEvent.objects.filter(type="catering.OrderConfirmed").count() == 1


@pytest.mark.parametrize(
    ("events", "menu", "reason"),
    [
        ([CUSTOMER_ANY, CATERER_VEGAN], "vegan", "both confirmed menu vegan"),
        ([CUSTOMER_VEGAN, CATERER_ANY], "vegan", "both confirmed menu vegan"),
        ([CATERER_ANY, CUSTOMER_ANY], None, "both confirmed, and neither named a menu"),
    ],
)
def test_an_event_without_a_menu_matches_on_the_order_alone(
    given: Callable[..., Process], events: Sequence[Any], menu: str | None, reason: str
) -> None:
    given(*events)

    assert commands() == [confirm_order(menu, reason)]


@pytest.mark.parametrize(
    ("events", "waiting_for"),
    [
        ([CUSTOMER_VEGAN], "catering.CatererConfirmedMenu"),
        ([CATERER_VEGAN], "catering.CustomerConfirmedMenu"),
        ([NO_VEGAN], "catering.CustomerConfirmedMenu & catering.CatererConfirmedMenu"),
        ([CUSTOMER_VEGAN, NO_VEGAN], "catering.CatererConfirmedMenu"),
        ([CATERER_VEGAN, NO_VEGAN], "catering.CustomerConfirmedMenu & catering.CatererConfirmedMenu"),
        ([CUSTOMER_VEGAN, CATERER_GRILL], "catering.CustomerConfirmedMenu | catering.CatererConfirmedMenu"),
    ],
)
def test_it_says_what_is_missing(given: Callable[..., Process], events: Sequence[Any], waiting_for: str) -> None:
    process = given(*events)

    assert (process.status, process.waiting_for) == (Process.Status.WAITING, waiting_for)
    assert commands() == []


def test_a_caterer_that_declined_does_not_match(given: Callable[..., Process]) -> None:
    assert given(CATERER_VEGAN, NO_VEGAN, CUSTOMER_VEGAN).status == Process.Status.WAITING


def test_another_menu_matches_after_a_caterer_declined(given: Callable[..., Process]) -> None:
    given(CUSTOMER_VEGAN, NO_VEGAN, CATERER_GRILL, CUSTOMER_GRILL)

    assert commands() == [confirm_order("grill", "both confirmed menu grill")]


def test_a_cancelled_order_completes_without_a_command(given: Callable[..., Process]) -> None:
    assert given(CUSTOMER_VEGAN, CANCELLED).status == Process.Status.COMPLETED
    assert commands() == []


def test_what_comes_after_completion_is_shown_and_not_acted_on(given: Callable[..., Process]) -> None:
    process = given(CUSTOMER_VEGAN, CATERER_VEGAN, CUSTOMER_GRILL, CATERER_GRILL)

    assert process.step_count == 4
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

    assert types_in(f"CateringMatch${order}") == ["CustomerConfirmedMenu", "CatererConfirmedMenu"]
    [of_customer, of_caterer] = event_store.events.in_stream(f"CateringMatch${order}")
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
