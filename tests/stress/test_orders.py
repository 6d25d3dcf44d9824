"""
Many orders, each confirmed by its customer and its caterer at the same time, by eight processes: each is confirmed once.

STRESS_ORDERS says how many: 200 if left out, 10,000 in `make stress`.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.conf import settings

from catering.events import OrderConfirmed, OrderPlaced
from event_store import event_store, verify_processes
from event_store.models import FailedEvent, IssuedCommand, Process
from tests.event_store.children import ROOT, manage

ORDERS = int(os.environ.get("STRESS_ORDERS", "200"))
PAIRS = 4

pytestmark = [pytest.mark.stress, pytest.mark.django_db(transaction=True)]


def confirm(side: str, pair: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stress.confirm", side, str(pair), str(ORDERS), str(PAIRS)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def test_every_order_is_confirmed_once(child_environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(ORDERS):
        placed = OrderPlaced(order_id=str(number), customer_name="Anna", guests=2, date=dt.date(2030, 5, 17))
        event_store.append(placed, stream=f"Order${number}")
    started = time.monotonic()
    children = [confirm(side, pair, child_environment) for pair in range(PAIRS) for side in ("customer", "caterer")]
    errors = [child.communicate()[1] for child in children]
    manage("run_subscriptions", "--until-idle", environment=child_environment)
    seconds = time.monotonic() - started

    assert [(child.returncode, error) for child, error in zip(children, errors, strict=True)] == [(0, "")] * 8
    confirmed = Counter(event.data.order_id for event in event_store.events.of_type(OrderConfirmed))
    assert confirmed == Counter(map(str, range(ORDERS)))
    accepted = IssuedCommand.objects.filter(type="catering.ConfirmOrder", outcome="accepted")
    assert accepted.count() == Process.objects.filter(status="completed").count() == ORDERS
    assert not FailedEvent.objects.exists()
    assert list(verify_processes("CateringMatch")) == []
    with capsys.disabled():
        steps = sum(Process.objects.values_list("step_count", flat=True))
        print(f"\n{ORDERS:,} orders on {settings.DATABASE}: {seconds:.0f} s, {steps / seconds:.0f} steps a second")
