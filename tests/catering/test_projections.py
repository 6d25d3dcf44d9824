"""The order board can be thrown away and made anew from the events."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from catering.models import KitchenTicket, MenuOffer, OrderSummary
from event_store.models import Subscription
from event_store.testing import run_subscriptions

BOARD = "catering.projections.OrderBoard"


def rows() -> list[list[dict[str, Any]]]:
    found = [list(model.objects.order_by("pk").values()) for model in (OrderSummary, MenuOffer, KitchenTicket)]
    # Numbers that the database gives out are new ones.
    return [[{name: value for name, value in row.items() if name != "id"} for row in each] for each in found]


@pytest.mark.django_db
def test_a_rebuilt_board_is_the_same_board_whatever_was_done_to_it() -> None:
    call_command("load_demo", verbosity=0, stdout=StringIO())
    run_subscriptions()
    before = rows()
    assert all(before)
    for damage in (
        lambda: None,
        MenuOffer.objects.all().delete,
        lambda: OrderSummary.objects.update(customer_name="?"),
    ):
        damage()
        call_command("rebuild_projection", BOARD, stdout=StringIO())

        assert rows() == before


SLOW = """
import sys, time
import django
django.setup()
from django.core.management import call_command
from catering.projections import OrderBoard
from event_store.projections import rebuild
rebuild.SMALL_REST = 0
OrderBoard.batch_size = 1
if sys.argv[1] == "slow":
    handle = OrderBoard.handle
    OrderBoard.handle = lambda self, event: (handle(self, event), time.sleep(0.2))
call_command("rebuild_projection", "catering.projections.OrderBoard")
"""


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_that_was_killed_goes_on_where_it_was(
    child_environment: dict[str, str], place: Callable[..., str], suggest: Callable[..., None]
) -> None:
    for _ in range(4):
        suggest(place())
    before = rows()
    process = subprocess.Popen([sys.executable, "-c", SLOW, "slow"], env=child_environment)
    give_up = time.monotonic() + 30
    while not (row := Subscription.objects.filter(name=f"{BOARD} (rebuild)", handled__gte=3).first()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert rows() == before
    # As if the dead one's lease were over.
    Subscription.objects.filter(pk=row.pk).update(owner="")
    reached = Subscription.objects.get(pk=row.pk).checkpoint
    done = subprocess.run(
        [sys.executable, "-c", SLOW, "fast"], env=child_environment, check=True, capture_output=True, text=True
    )

    first = int(done.stdout.split("position ")[1].split(" of")[0].replace(",", ""))
    assert first > reached >= 3
    assert rows() == before
