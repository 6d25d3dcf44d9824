"""The example of docs/processes.md, against a real service that fails, hangs, loses answers and answers twice."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest

from event_store import CommandRejected, Event, ProcessManager, deliver_due_commands, event_store
from event_store.models import CommandDelivery, IssuedCommand, Process
from event_store.testing import isolated_registries
from tests.guides import runnable_blocks

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 1.5
"""Seconds that the example waits for an answer."""


class CardService(ThreadingHTTPServer):
    """Charges once for each Idempotency-Key, and answers as `plan` says, call by call; in full after that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Calls)
        self.plan: list[str] = []
        self.keys: list[str] = []
        self.charges: dict[str, dict[str, Any]] = {}


class Calls(BaseHTTPRequestHandler):
    server: CardService

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key, plan = self.headers["Idempotency-Key"], self.server.plan
        self.server.keys.append(key)
        answer = plan.pop(0) if plan else "answer"
        if answer == "fail":
            return self._answer(503, {})
        if answer == "refuse":
            return self._answer(402, {"reason": "The card has expired."})
        charge = self.server.charges.setdefault(key, {"id": f"charge-{len(self.server.charges) + 1}", **body})
        if answer == "hang":
            time.sleep(PATIENCE * 3)
        if answer == "lose":
            return None
        self._answer(201, charge)
        if answer == "twice":
            self._answer(201, charge)
        return None

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[CardService]:
    server = CardService()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def example(service: CardService, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    module = ModuleType("deposits")
    monkeypatch.setitem(sys.modules, "deposits", module)
    with isolated_registries():
        exec(compile(dict(runnable_blocks())["processes.md-0"], "processes.md", "exec"), vars(module))
        module.CARD_SERVICE = f"http://127.0.0.1:{service.server_port}"  # type: ignore[attr-defined]
        module.TIMEOUT = PATIENCE  # type: ignore[attr-defined]
        yield module


class OrderTaken(Event, type="deposits.OrderTaken"):
    order_id: str


@pytest.fixture
def taken(example: ModuleType) -> type[Event]:
    class Deposits(ProcessManager):
        reacts_to = (OrderTaken, example.DepositCharged)

        @dataclass(frozen=True)
        class State:
            outcome: str = ""

        def process_id(self, event: Any) -> str:
            return str(event.data.order_id)

        def apply(self, state: State, event: Any) -> State:
            match event.data:
                case example.DepositCharged(charge_id=charge_id):
                    return self.State(charge_id)
                case CommandRejected(reason=reason):
                    return self.State(reason)
            return state

        def act(self, state: State, event: Any) -> Any:
            if not state.outcome:
                yield example.ChargeDeposit(order_id=self.id, cents=5000)

    return OrderTaken


def take_orders(taken: Any, *numbers: str) -> None:
    for number in numbers:
        event_store.publish(taken(order_id=number), stream=f"Order${number}")


def deliver_until_all_is_answered() -> None:
    moment = datetime.now(UTC)
    for _ in range(20):
        moment += timedelta(minutes=10)
        with event_store.clock(lambda now=moment: now):  # type: ignore[misc]
            deliver_due_commands()
        if not CommandDelivery.objects.exists():
            return
    raise AssertionError("some deliveries have no end")


def charged_events(number: str) -> list[Any]:
    return [event.data.charge_id for event in event_store.events.in_stream(f"Deposit${number}")]


@pytest.mark.parametrize(
    ("plan", "calls"),
    [
        (["answer"], 1),
        (["fail", "fail", "answer"], 3),
        (["hang", "answer"], 2),
        (["lose", "answer"], 2),
        (["twice"], 1),
        (["fail", "hang", "lose", "hang", "answer"], 5),
    ],
)
def test_whatever_the_service_does_it_charges_once_and_we_know_it(
    service: CardService, taken: type[Event], plan: list[str], calls: int
) -> None:
    service.plan = plan
    take_orders(taken, "42")
    deliver_until_all_is_answered()

    assert (len(service.keys), len(set(service.keys))) == (calls, 1)
    assert [charge["cents"] for charge in service.charges.values()] == [5000]
    assert charged_events("42") == ["charge-1"]
    issued = IssuedCommand.objects.get()
    assert (issued.outcome, str(issued.command_id), issued.attempts) == ("accepted", service.keys[0], calls)


def test_a_refused_card_is_an_answer(service: CardService, taken: type[Event]) -> None:
    service.plan = ["fail", "refuse"]
    take_orders(taken, "42")
    deliver_until_all_is_answered()

    [_, rejected] = event_store.events.in_stream("Deposits$42")
    assert rejected.data.reason == "The card has expired."
    assert (service.charges, charged_events("42")) == ({}, [])
    assert Process.objects.get(key="42").step_count == 2


def test_an_answer_that_was_lost_here_is_asked_for_again(
    service: CardService, taken: type[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_store.processes.deliveries.finish", _end_the_process)
    with pytest.raises(KeyboardInterrupt):
        take_orders(taken, "42")
    monkeypatch.undo()
    deliver_until_all_is_answered()

    assert (len(service.keys), len(service.charges)) == (2, 1)
    assert charged_events("42") == ["charge-1"]


def test_many_orders_are_charged_once_each(service: CardService, taken: type[Event]) -> None:
    service.plan = ["answer", "fail", "lose", "twice", "fail"] * 4
    numbers = [str(number) for number in range(20)]
    take_orders(taken, *numbers)
    deliver_until_all_is_answered()

    assert sorted(charge["order"] for charge in service.charges.values()) == sorted(numbers)
    assert [len(charged_events(number)) for number in numbers] == [1] * 20


def _end_the_process(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt
