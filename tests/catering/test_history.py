from __future__ import annotations

import pytest

from catering import order_desk
from catering.history import changes_since, history_of, sentence
from event_store.testing import run_subscriptions
from tests.catering.conftest import confirm_both


def test_each_event_is_told_once_with_every_stream_that_shows_it(order: str) -> None:
    confirm_both(order)
    run_subscriptions()

    told = [
        (entry.name, [(link.stream.name, link.position, link.written_here) for link in entry.links])
        for entry in history_of(order)
    ]

    assert told == [
        ("OrderPlaced", [("Order$1001", 0, True), ("CateringMatch$1001", 0, False)]),
        (
            "MenuSuggested",
            [("Order$1001", 1, True), ("Caterer$green-fork", 0, False), ("CateringMatch$1001", 1, False)],
        ),
        ("CustomerConfirmedMenu", [("Order$1001", 2, True), ("CateringMatch$1001", 2, False)]),
        ("CatererConfirmedMenu", [("Caterer$green-fork", 1, True), ("CateringMatch$1001", 3, False)]),
        ("OrderConfirmed", [("Order$1001", 3, True)]),
    ]


def test_it_is_told_in_sentences(order: str) -> None:
    order_desk.answer_for_customer(order, menu_id=None, confirms=True)
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=False, reason="Too dear")
    order_desk.answer_for_caterer(order, caterer_id="green-fork", menu_id="vegan", confirms=False)
    order_desk.cancel_order(order, reason="Rain")
    run_subscriptions()

    assert [entry.sentence for entry in history_of(order)] == [
        "Anna asked for food for 20 guests.",
        "We suggested “Vegan” by The Green Fork at €\u00a024.50 per guest.",
        "The customer confirmed any of the menus.",
        "The customer declined “Vegan”: Too dear.",
        "The Green Fork declined “Vegan”.",
        "The order was cancelled: Rain.",
    ]


def test_changes_are_those_after_a_version(order: str) -> None:
    order_desk.answer_for_customer(order, menu_id="vegan", confirms=True)

    assert [entry.name for entry in changes_since(order, version=0)] == ["MenuSuggested", "CustomerConfirmedMenu"]


@pytest.mark.django_db
def test_an_order_without_events_has_no_history() -> None:
    assert history_of("9999") == []


def test_an_event_of_another_kind_has_no_sentence() -> None:
    assert sentence({"some": "data"}, menus={}, caterers={}) == ""
