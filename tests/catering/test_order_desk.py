from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from catering import order_desk
from catering.events import MenuSuggested, OrderPlaced
from catering.exceptions import AlreadyAnswered, MenuNotFound, OrderClosed, OrderNotFound
from catering.models import OrderSummary
from event_store import DuplicateEvent, WrongExpectedVersion, event_store
from tests.catering.conftest import DATE


def test_orders_are_numbered(place: Callable[..., str]) -> None:
    assert [place(), place()] == ["1001", "1002"]


def test_a_number_that_somebody_has_just_taken_is_passed_over(place: Callable[..., str]) -> None:
    taken = OrderPlaced(order_id="1001", customer_name="Bo", guests=2, date=DATE)
    event_store.append(taken, stream="Order$1001")

    assert place() == "1002"


def test_placing_the_same_order_twice_places_it_once(place: Callable[..., str]) -> None:
    event_id = uuid4()
    place(event_id=event_id)

    with pytest.raises(DuplicateEvent):
        place(event_id=event_id)

    assert OrderSummary.objects.count() == 1


def test_a_suggested_menu_is_one_event_in_two_streams(order: str) -> None:
    suggested = event_store.events.of_type(MenuSuggested).first()

    assert suggested is not None
    assert [(each.stream, each.position) for each in event_store.streams_of(suggested)] == [
        (f"Order${order}", 1),
        ("Caterer$green-fork", 0),
    ]


def test_answers_name_the_suggestion_as_their_cause(order: str) -> None:
    order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=True)

    placed, suggested, answer = event_store.events
    assert suggested.causation_id == placed.id
    assert answer.causation_id == suggested.id
    assert {each.correlation_id for each in (placed, suggested, answer)} == {placed.id}


def test_a_change_that_was_decided_on_an_old_page_is_refused(order: str, suggest: Callable[..., None]) -> None:
    with pytest.raises(WrongExpectedVersion) as refused:
        suggest(order, menu="Grill", seen_version=0)

    assert (refused.value.expected, refused.value.actual) == (0, 1)
    assert event_store.events.in_stream(f"Order${order}").count() == 2


@pytest.mark.parametrize(("confirms", "event"), [(True, "CustomerConfirmedMenu"), (False, "CustomerDeclinedMenu")])
def test_a_customer_answers(order: str, types_in: Callable[[str], list[str]], confirms: bool, event: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=confirms)

    assert types_in(f"Order${order}")[2:] == [event]


@pytest.mark.parametrize(("confirms", "event"), [(True, "CatererConfirmedMenu"), (False, "CatererDeclinedMenu")])
def test_a_caterer_answers(order: str, types_in: Callable[[str], list[str]], confirms: bool, event: str) -> None:
    order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=confirms)

    assert types_in("Caterer$green-fork") == ["MenuSuggested", event]


def test_a_caterer_cannot_answer_for_a_closed_order(order: str, types_in: Callable[[str], list[str]]) -> None:
    order_desk.cancel_order(order, reason="Rain")

    with pytest.raises(OrderClosed):
        order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=True)

    assert types_in("Caterer$green-fork") == ["MenuSuggested"]


def test_a_caterer_cannot_answer_for_another(order: str) -> None:
    with pytest.raises(MenuNotFound):
        order_desk.answer_for_caterer(order, caterer_id="fire-and-oak", menu_id="vegan", confirms=True)


def test_an_order_that_does_not_exist_cannot_be_cancelled(db: None) -> None:
    with pytest.raises(OrderNotFound):
        order_desk.cancel_order("9999")


def test_an_answer_is_decided_anew_when_somebody_was_faster(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store_decision, rivals = order_desk.store_decision, iter([True])

    def overtaken_once(*args: object, **options: object) -> object:
        if next(rivals, False):
            order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
        return store_decision(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(order_desk, "store_decision", overtaken_once)

    with pytest.raises(AlreadyAnswered):
        order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)


def test_an_answer_gives_up_when_somebody_is_always_faster(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def always_overtaken(*args: object, **options: object) -> None:
        raise WrongExpectedVersion(stream="Order$1001", expected=1, actual=2)

    monkeypatch.setattr(order_desk, "store_decision", always_overtaken)

    with pytest.raises(WrongExpectedVersion):
        order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)
