from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from catering.events import CatererConfirmedMenu, OrderConfirmed
from catering.models import KitchenTicket, OrderSummary
from event_store import event_store
from event_store.models import FailedEvent, IssuedCommand, Process
from tests.catering.conftest import AWAITED

NOW = "2026-11-20T10:00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


def load(**options: Any) -> str:
    output = StringIO()
    call_command("load_demo", **{"now": NOW, "orders": 40, "stdout": output} | options)
    return output.getvalue()


def everything() -> list[tuple[Any, ...]]:
    return [
        (
            each.id, each.type, each.data, each.recorded_at, each.correlation_id, each.causation_id,
            [(place.stream, place.position, place.linked_at) for place in event_store.streams_of(each)],
        )
        for each in event_store.events
    ]  # fmt: skip


def test_200_orders_are_in_every_state() -> None:
    load(orders=200)

    states = Counter(OrderSummary.objects.values_list("status", "waiting_for"))
    assert sum(states.values()) == 200
    assert states["confirmed", ""] > 80
    for state in [("cancelled", ""), ("open", "caterer"), ("open", "customer"), ("open", "both"), ("open", "menu")]:
        assert states[state] >= 4, state
    confirmed = states["confirmed", ""]
    assert event_store.events.of_type(OrderConfirmed).count() == KitchenTicket.objects.count() == confirmed
    assert IssuedCommand.objects.filter(outcome="accepted").count() == confirmed
    assert FailedEvent.objects.count() == 0
    waiting = Process.objects.filter(status="waiting", waiting_for="catering.CatererConfirmedMenu")
    assert waiting.filter(waiting_since__lt="2026-11-18T10:00:00Z").count() >= 3
    awaited = Process.objects.filter(status="waiting").values_list("key", "waiting_for", "waiting_since")
    desk = OrderSummary.objects.open().values_list("order_id", "waiting_for", "waiting_since")
    assert {(key, AWAITED[waiting_for], since) for key, waiting_for, since in desk} == set(awaited)
    recorded = [each.recorded_at for each in event_store.events]
    assert recorded == sorted(recorded)
    assert all(each.isoformat() < "2026-11-20T10:00:01" for each in recorded)


def test_confirmations_of_caterers_stand_in_two_streams() -> None:
    load()

    confirmed = event_store.events.of_type(CatererConfirmedMenu).first()
    assert confirmed is not None
    assert [each.stream.partition("$")[0] for each in event_store.streams_of(confirmed)] == ["Caterer", "CateringMatch"]


def test_the_same_seed_gives_the_same_data() -> None:
    load()
    first = everything()
    call_command("flush", interactive=False, verbosity=0)

    load()

    assert everything() == first


def test_another_seed_gives_other_data() -> None:
    load(orders=3)
    first = everything()
    call_command("flush", interactive=False, verbosity=0)

    load(orders=3, seed=2)

    assert everything() != first


def test_it_is_loaded_once() -> None:
    load(orders=2)
    before = everything()

    assert "The demo is loaded already" in load(orders=2)
    assert everything() == before


def test_a_demo_user_is_made_with_debug_only(settings: Any) -> None:
    assert "no demo user was made" in load(orders=0)
    assert not get_user_model().objects.exists()

    settings.DEBUG = True

    assert "Sign in as demo with the password demo" in load(orders=0)
    assert get_user_model().objects.get().check_password("demo")
    load(orders=0)
    assert get_user_model().objects.count() == 1


def test_it_says_where_to_click() -> None:
    assert "http://127.0.0.1:8000/" in load(orders=0)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_it_shows_progress_on_a_terminal() -> None:
    output = Terminal()

    load(orders=5, stdout=output, no_color=True)

    assert "\r20 of " in output.getvalue()


def test_a_moment_without_a_zone_is_in_that_of_the_site() -> None:
    load(orders=1, now="2026-11-20T10:00:00")

    assert OrderSummary.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"now": "yesterday"}, {"now": "2026-13-45T10:00"}, {"orders": -1}])
def test_a_wrong_option_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=f"--{next(iter(wrong))}"):
        load(**wrong)


def test_without_a_moment_it_ends_now() -> None:
    call_command("load_demo", orders=1, stdout=StringIO())

    assert OrderSummary.objects.count() == 1
