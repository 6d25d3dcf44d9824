"""Commands for the outside: delivered after the commit, at least once, in the order of their process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from event_store import (
    Command,
    CommandRejected,
    Complete,
    Delivery,
    Event,
    NewEvent,
    ProcessManager,
    Rejected,
    UnknownProcess,
    deliver_due_commands,
    dispatch,
    event_store,
    handles,
    retry_command,
    retry_process,
    skip_command,
    verify_processes,
)
from event_store.exceptions import FailedCommandError, FailedEventError
from event_store.models import CommandDelivery, IssuedCommand, Process
from event_store.processes.delivery_pool import DeliveryPool
from event_store.testing import run_subscriptions
from tests.event_store.children import in_a_child
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


class Ordered(Event, type="outside.Ordered"):
    order: str
    amounts: tuple[int, ...]


class Charged(Event, type="outside.Charged"):
    order: str
    amount: int


class Charge(Command, type="outside.Charge"):
    order: str
    amount: int


class Pay(ProcessManager):
    """Charges each amount, and knows what came of it."""

    reacts_to = (Ordered, Charged)
    type = "Pay"

    @dataclass(frozen=True)
    class State:
        amounts: tuple[int, ...] = ()
        charged: tuple[int, ...] = ()
        refused: tuple[str, ...] = ()

    def process_id(self, event: Any) -> str:
        return str(event.data.order)

    def apply(self, state: State, event: Any) -> State:
        match event.data:
            case Ordered(amounts=amounts):
                return replace(state, amounts=(*state.amounts, *amounts))
            case Charged(amount=amount):
                return replace(state, charged=(*state.charged, amount))
            case CommandRejected(reason=reason):
                return replace(state, refused=(*state.refused, reason))
        return state

    def act(self, state: State, event: Any) -> Any:
        if isinstance(event.data, Ordered):
            for amount in event.data.amounts:
                yield Charge(order=self.id, amount=amount).because("it was ordered")
        if state.amounts and len(state.charged) + len(state.refused) == len(state.amounts):
            yield Complete()

    def waiting_for(self, state: State) -> Any:
        return [Charged]


class CardService:
    """What stands outside: it knows which keys it has seen."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, UUID, int]] = []
        self.charged: dict[UUID, int] = {}
        self.answer: Callable[[Charge, Delivery], object] = lambda command, delivery: None
        self.was_in_a_transaction: set[bool] = set()

    def charge(self, command: Charge, delivery: Delivery) -> None:
        self.calls.append((command.amount, delivery.idempotency_key, delivery.attempt))
        self.was_in_a_transaction.add(connection.in_atomic_block)
        self.answer(command, delivery)
        self.charged.setdefault(delivery.idempotency_key, command.amount)
        event_store.publish(
            NewEvent(Charged(order=command.order, amount=command.amount), id=delivery.id_for("charged")),
            stream=f"Charges${command.order}",
            on_duplicate="ignore",
        )


class CardRefused(Exception):
    pass


services: list[CardService] = []


@handles(Charge, outside=True, rejected_by=CardRefused, max_attempts=3, timeout=30)
def charge(command: Charge, delivery: Delivery) -> None:
    services[-1].charge(command, delivery)


@pytest.fixture
def service() -> CardService:
    services.append(CardService())
    return services[-1]


def order(*amounts: int, number: str = "1") -> None:
    event_store.publish(Ordered(order=number, amounts=amounts), stream=f"Order${number}")


def outcomes() -> list[tuple[int, str]]:
    return [(each.data["amount"], each.outcome) for each in IssuedCommand.objects.order_by("pk")]


def fail(command: Charge, delivery: Delivery) -> None:
    raise ConnectionError("no answer")


def refuse(command: Charge, delivery: Delivery) -> None:
    raise CardRefused("expired")


def later(seconds: float) -> Callable[[], datetime]:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return lambda: moment


def deliver_later(seconds: float = 3600) -> int:
    with event_store.clock(later(seconds)):
        return deliver_due_commands()


def the_process(number: str = "1") -> Process:
    return Process.objects.get(type="Pay", key=number)


@pytest.fixture(autouse=True)
def everything_is_consistent() -> Iterator[None]:
    yield
    assert list(verify_processes("Pay")) == []


def test_they_are_delivered_after_the_commit_in_no_transaction_and_in_order(service: CardService) -> None:
    with event_store.atomic():
        order(10, 20)
        assert service.calls == []

    assert [amount for amount, *_ in service.calls] == [10, 20]
    assert service.was_in_a_transaction == {False}
    assert outcomes() == [(10, "accepted"), (20, "accepted")]
    assert the_process().status == "completed"
    assert not CommandDelivery.objects.exists()


def test_the_key_is_the_commands_id_and_what_the_handler_publishes_names_it_as_its_cause(service: CardService) -> None:
    with event_store.metadata(tenant="acme"):
        order(10)

    issued, charged = IssuedCommand.objects.get(), event_store.events.in_stream("Charges$1").last()
    [ordered] = event_store.events.in_stream("Order$1")
    assert charged is not None
    assert service.calls == [(10, issued.command_id, 1)]
    assert (charged.causation_id, charged.correlation_id) == (issued.command_id, ordered.correlation_id)
    assert charged.metadata["tenant"] == "acme"
    assert (issued.attempts, issued.answered_at is not None) == (1, True)


def test_a_failure_is_tried_again_with_the_same_key_and_keeps_those_behind_it_waiting(service: CardService) -> None:
    service.answer = fail
    order(10, 20)
    delivery = CommandDelivery.objects.order_by("pk")[0]
    assert (delivery.error, delivery.attempts) == ("ConnectionError: no answer", 1)
    assert "in fail" in delivery.traceback
    assert outcomes() == [(10, "pending"), (20, "pending")]
    assert the_process().status == "waiting"
    assert deliver_due_commands() == 0

    service.answer = lambda command, delivery: None
    assert deliver_later() == 2
    (_, first_key, first), (_, second_key, second), (amount, *_) = service.calls
    assert (first, second, first_key == second_key, amount) == (1, 2, True, 20)
    assert outcomes() == [(10, "accepted"), (20, "accepted")]


def test_pauses_grow(service: CardService) -> None:
    service.answer = fail
    order(10)
    first = CommandDelivery.objects.get()
    deliver_later(60)
    second = CommandDelivery.objects.get()

    def pause(delivery: CommandDelivery) -> timedelta:
        assert delivery.next_attempt_at is not None
        assert delivery.last_attempt_at is not None
        return delivery.next_attempt_at - delivery.last_attempt_at

    assert (pause(first), pause(second)) == (timedelta(seconds=1), timedelta(seconds=2))


def test_processes_do_not_wait_for_each_other(service: CardService) -> None:
    service.answer = lambda command, delivery: fail(command, delivery) if command.order == "1" else None
    order(10)
    order(20, number="2")

    assert outcomes() == [(10, "pending"), (20, "accepted")]


def test_a_rejection_comes_to_the_process_as_an_event(service: CardService) -> None:
    service.answer = refuse
    order(10)

    issued = IssuedCommand.objects.get()
    rejected = event_store.events.in_stream("Pay$1").last()
    assert rejected is not None
    assert rejected.data == CommandRejected(
        process_type="Pay",
        process_id="1",
        command_id=issued.command_id,
        command="outside.Charge",
        data={"order": "1", "amount": 10},
        reason="expired",
    )
    assert rejected.causation_id == issued.command_id
    assert (issued.outcome, issued.rejection) == ("rejected", "expired")
    assert (the_process().status, the_process().step_count) == ("completed", 2)


def test_the_rejection_of_another_type_is_nobodys_business(service: CardService) -> None:
    class Other(Pay):
        reacts_to = (Charged,)
        type = "Other"

    service.answer = refuse
    order(10)
    run_subscriptions()

    assert not Process.objects.filter(type="Other").exists()


def test_an_equal_command_is_suppressed_while_the_first_one_is_on_its_way(service: CardService) -> None:
    service.answer = fail
    order(10)
    order(10)

    assert outcomes() == [(10, "pending"), (10, "suppressed")]
    service.answer = refuse
    deliver_later()
    service.answer = lambda command, delivery: None
    order(10)
    assert outcomes()[-1] == (10, "accepted")


def give_up(service: CardService, *amounts: int) -> IssuedCommand:
    service.answer = fail
    order(*amounts)
    for hours in (1, 2):
        deliver_later(hours * 3600)
    return IssuedCommand.objects.order_by("pk")[0]


def test_after_its_last_attempt_a_command_has_failed_and_so_has_its_process(service: CardService) -> None:
    given_up = give_up(service, 10, 20)

    assert [attempt for *_, attempt in service.calls] == [1, 2, 3]
    assert outcomes() == [(10, "failed"), (20, "pending")]
    assert deliver_later() == 0
    assert (the_process().status, the_process().last_error) == (
        "failed",
        "outside.Charge was not delivered: ConnectionError: no answer",
    )
    assert given_up.outcome == "failed"


def test_a_failed_process_takes_further_events_and_stays_failed(service: CardService) -> None:
    give_up(service, 10)
    order(30)

    assert (the_process().status, the_process().step_count) == ("failed", 2)
    assert "no answer" in the_process().last_error


def test_a_process_that_has_ended_stays_so_and_shows_the_error(service: CardService) -> None:
    give_up(service, 10)
    event_store.publish(Charged(order="1", amount=10), stream="by-hand")

    assert (the_process().status, "no answer" in the_process().last_error) == ("completed", True)
    service.answer = lambda command, delivery: None
    assert retry_process("Pay", "1")
    assert (the_process().status, the_process().last_error) == ("completed", "")


def test_retrying_has_it_delivered_and_those_behind_it(service: CardService) -> None:
    given_up = give_up(service, 10, 20)
    assert not retry_command(given_up.command_id)
    assert outcomes() == [(10, "failed"), (20, "pending")]

    service.answer = lambda command, delivery: None
    assert retry_command(given_up.command_id)
    assert deliver_due_commands() <= 1
    assert outcomes() == [(10, "accepted"), (20, "accepted")]
    assert (the_process().status, the_process().last_error) == ("completed", "")
    assert {key for amount, key, _ in service.calls if amount == 10} == {given_up.command_id}


def test_skipping_says_who_and_why_and_lets_the_next_one_go(service: CardService) -> None:
    given_up = give_up(service, 10, 20)
    service.answer = lambda command, delivery: None
    skip_command(given_up.command_id, reason=" paid in cash ", user="ann")

    given_up.refresh_from_db()
    assert (given_up.outcome, given_up.skip_reason, given_up.skipped_by) == ("skipped", "paid in cash", "ann")
    assert (the_process().status, the_process().last_error) == ("waiting", "")
    assert deliver_due_commands() == 1
    assert outcomes() == [(10, "skipped"), (20, "accepted")]


def test_what_cannot_be_retried_or_skipped_says_why(service: CardService) -> None:
    give_up(service, 10, 20)
    first, second = IssuedCommand.objects.order_by("pk")
    with pytest.raises(FailedCommandError, match=f"{first.command_id} of the same process comes first"):
        retry_command(second.command_id)
    with pytest.raises(FailedCommandError, match="There is no command 00000000"):
        retry_command(UUID(int=0))
    with pytest.raises(UnknownProcess, match="There is no process Pay 77"):
        retry_process("Pay", "77")
    for reason, user in [(" ", "ann"), ("why", "")]:
        with pytest.raises(ValueError, match="needs a reason, and somebody"):
            skip_command(first.command_id, reason=reason, user=user)
    skip_command(first.command_id, reason="why", user="ann")
    with pytest.raises(FailedCommandError, match="is skipped: nothing is to be delivered"):
        skip_command(first.command_id, reason="why", user="ann")


def test_a_retry_of_what_was_tried_again_meanwhile_does_nothing(service: CardService) -> None:
    given_up = give_up(service, 10)
    calls = len(service.calls)
    assert retry_command(given_up.command_id, attempts=3) is False
    with pytest.raises(FailedCommandError, match="was tried again meanwhile"):
        retry_command(given_up.command_id, attempts=3)

    assert len(service.calls) == calls + 1
    seen = the_process().updated_at
    assert retry_process("Pay", "1", updated_at=seen) is False
    with pytest.raises(FailedEventError, match="Pay 1 has changed since you saw it"):
        retry_process("Pay", "1", updated_at=seen)
    assert len(service.calls) == calls + 2


def test_what_is_being_delivered_is_left_to_whoever_is_at_it(service: CardService) -> None:
    seen: list[str] = []

    def ask_meanwhile(command: Charge, delivery: Delivery) -> None:
        for action in (retry_command, partial(skip_command, reason="why", user="ann")):
            with pytest.raises(FailedCommandError, match="is being delivered right now"):
                action(delivery.idempotency_key)
        seen.append("both refused")
        assert deliver_due_commands() == 0

    service.answer = ask_meanwhile
    order(10)

    assert (seen, outcomes()) == (["both refused"], [(10, "accepted")])


def test_an_attempt_that_never_came_back_is_followed_by_another(service: CardService) -> None:
    def end_the_process(command: Charge, delivery: Delivery) -> None:
        raise KeyboardInterrupt

    service.answer = end_the_process
    with pytest.raises(KeyboardInterrupt):
        order(10)
    assert deliver_due_commands() == 0

    service.answer = lambda command, delivery: None
    assert deliver_later(29) == 0
    assert deliver_later(31) == 1
    assert [attempt for *_, attempt in service.calls] == [1, 2]
    assert outcomes() == [(10, "accepted")]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_was_killed_while_it_delivered_is_followed_by_another(service: CardService) -> None:
    service.answer = fail
    order(10, 20)
    service.answer = lambda command, delivery: os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(deliver_later) == -signal.SIGKILL
    delivery = CommandDelivery.objects.order_by("pk")[0]
    assert (delivery.attempts, delivery.claimed_until is not None) == (2, True)

    service.answer = lambda command, delivery: None
    assert deliver_later(7200) == 2
    assert [attempt for *_, attempt in service.calls] == [1, 3, 1]
    assert outcomes() == [(10, "accepted"), (20, "accepted")]


def test_one_that_ends_its_worker_each_time_is_given_up(service: CardService) -> None:
    def end_the_process(command: Charge, delivery: Delivery) -> None:
        raise KeyboardInterrupt

    service.answer = end_the_process
    with pytest.raises(KeyboardInterrupt):
        order(10)
    for hours in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            deliver_later(hours * 3600)
    deliver_later(3 * 3600)

    assert len(service.calls) == 3
    assert "the last of 3 attempts had no answer within 30 seconds" in the_process().last_error
    assert outcomes() == [(10, "failed")]


def test_what_a_late_attempt_says_counts_once(service: CardService) -> None:
    def take_too_long(command: Charge, delivery: Delivery) -> None:
        if delivery.attempt == 1:
            deliver_later(31)
            raise ConnectionError("much too late")

    service.answer = take_too_long
    order(10)

    assert [attempt for *_, attempt in service.calls] == [1, 2]
    assert (outcomes(), the_process().last_error) == ([(10, "accepted")], "")
    assert event_store.events.in_stream("Charges$1").count() == 1


def test_a_success_that_comes_late_is_not_published_twice(service: CardService) -> None:
    service.answer = lambda command, delivery: deliver_later(31) if delivery.attempt == 1 else None
    order(10)

    assert [attempt for *_, attempt in service.calls] == [1, 2]
    assert event_store.events.in_stream("Charges$1").count() == 1
    assert len(service.charged) == 1


def test_many_workers_deliver_each_once_and_in_order(service: CardService, settings: Any) -> None:
    service.answer = fail
    for number in range(5):
        order(1, 2, 3, number=str(number))
    service.answer = lambda command, delivery: None
    service.calls.clear()
    CommandDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())

    assert [each for each in at_once([deliver_due_commands] * 4) if isinstance(each, Exception)] == []
    deliver_due_commands()

    keys = [key for _, key, _ in service.calls]
    assert (len(keys), len(set(keys))) == (15, 15)
    of = {each.command_id: each.process_id for each in IssuedCommand.objects.all()}
    for process_id in set(of.values()):
        assert [amount for amount, key, _ in service.calls if of[key] == process_id] == [1, 2, 3]


def test_an_endless_ring_of_commands_ends_when_its_time_is_up(service: CardService, monkeypatch: Any) -> None:
    seconds = [0.0]
    monkeypatch.setattr("event_store.processes.deliveries.time", SimpleNamespace(monotonic=lambda: seconds[-1]))
    service.answer = lambda command, delivery: (seconds.append(seconds[-1] + 0.3), order(command.amount + 1))
    order(1)

    # Each delivery orders the next one: whoever has published goes on after a second.
    assert len(service.calls) == 4
    assert CommandDelivery.objects.count() == 1
    process = the_process()
    assert process.step_count == 2 * len(service.calls) + 1


def test_a_pool_delivers_beside_its_worker(service: CardService, settings: Any) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(command: Charge, delivery: Delivery) -> None:
        if command.order == "1":
            hangs.set()
            assert goes_on.wait(20)

    service.answer = fail
    order(10)
    order(20, number="2")
    service.answer = hang
    # Otherwise what the first one publishes would deliver the second one, too, in its own thread.
    settings.EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}
    with DeliveryPool(2) as pool, event_store.clock(later(3600)):
        CommandDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        assert pool(event_store, lambda: False) == (0, True)
        assert hangs.wait(20)
        # The other one may have been delivered by now, or not.
        done, is_busy = pool(event_store, lambda: False)
        assert is_busy
        goes_on.set()
    assert pool(event_store, lambda: True) == (2 - done, False)
    assert len(service.calls) == 4
    assert outcomes() == [(10, "accepted"), (20, "accepted")]


def test_a_pool_tells_what_its_threads_have_raised(service: CardService, monkeypatch: Any) -> None:
    monkeypatch.setattr("event_store.processes.delivery_pool.is_any_due", lambda store: True)
    monkeypatch.setattr("event_store.processes.delivery_pool.deliver_due_commands", lambda *_: 1 / 0)
    with DeliveryPool(1) as pool:
        pool(event_store, lambda: False)

    with pytest.raises(ZeroDivisionError):
        pool(event_store, lambda: True)


def test_dispatched_by_hand_it_is_called_at_once_and_not_recorded(service: CardService) -> None:
    dispatch(Charge(order="1", amount=5))
    service.answer = refuse
    with pytest.raises(Rejected, match="expired"):
        dispatch(Charge(order="1", amount=6))

    assert [(amount, attempt) for amount, _, attempt in service.calls] == [(5, 1), (6, 1)]
    assert not IssuedCommand.objects.exists()


def test_a_command_whose_class_is_gone_can_be_skipped(service: CardService) -> None:
    service.answer = fail
    order(10)
    IssuedCommand.objects.update(type="outside.Gone")
    deliver_later()

    delivery = CommandDelivery.objects.get()
    assert "No class has the command type 'outside.Gone' any more" in delivery.error
    skip_command(delivery.command.command_id, reason="gone", user="ann")
    assert not CommandDelivery.objects.exists()


def test_retry_process_handles_parked_events_and_delivers(service: CardService) -> None:
    give_up(service, 10)
    service.answer = lambda command, delivery: None
    assert retry_process("Pay", "1")
    assert retry_process("Pay", "1")

    assert (outcomes(), the_process().status) == ([(10, "accepted")], "completed")


def test_in_tests_run_subscriptions_delivers_and_tells_of_failures(service: CardService) -> None:
    service.answer = fail
    order(10)
    with pytest.raises(AssertionError, match=r"outside\.Charge .* was not delivered: ConnectionError: no answer"):
        run_subscriptions()

    service.answer = lambda command, delivery: None
    assert run_subscriptions() >= 1
    assert outcomes() == [(10, "accepted")]
    connections.close_all()


# ---- the admin

DELIVERIES = "/admin/event_store/commanddelivery/"
PROCESSES = "/admin/event_store/process/"


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    models = ("commanddelivery", "process")
    names = [f"{verb}_{model}" for verb in ("view", "retry", "skip") for model in models]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def act(client: Client, page: str, action: str, *ids: int, **values: str) -> str:
    return client.post(page, {"action": action, "_selected_action": ids, **values}, follow=True).text


def test_the_admin_retries_and_skips_deliveries(service: CardService, operator: Client) -> None:
    give_up(service, 10, 20)
    first, second = CommandDelivery.objects.order_by("pk")
    assert "failed again" in act(operator, DELIVERIES, "retry", first.pk)
    assert "of the same process comes first" in act(operator, DELIVERIES, "retry", second.pk)
    assert "They are left undelivered for good" in act(operator, DELIVERIES, "skip", first.pk)
    assert "skipped: paid" in act(operator, DELIVERIES, "skip", first.pk, reason="paid", confirmed="1")
    service.answer = lambda command, delivery: None
    assert "done" in act(operator, DELIVERIES, "retry", second.pk)

    assert outcomes() == [(10, "skipped"), (20, "accepted")]
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Retried: failed again.",
        "Skipped: skipped: paid.",
        "Retried: done.",
    ]


def test_the_admin_has_a_failed_process_go_on(service: CardService, operator: Client) -> None:
    give_up(service, 10)
    service.answer = lambda command, delivery: None
    page = act(operator, PROCESSES, "retry", the_process().pk)

    assert "Pay 1: done." in page
    assert (the_process().status, LogEntry.objects.get().get_change_message()) == ("completed", "Retried: done.")


def test_who_may_only_look_sees_no_error_and_can_do_nothing(service: CardService, operator: Client) -> None:
    give_up(service, 10)
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__startswith="view_comm"))
    delivery = CommandDelivery.objects.get()

    page = operator.get(DELIVERIES).text
    assert ('name="action"' in page, "no answer" in page, "outside.Charge" in page) == (False, False, True)
    assert "no answer" not in operator.get(f"{DELIVERIES}{delivery.pk}/change/").text
    act(operator, DELIVERIES, "skip", delivery.pk, reason="paid", confirmed="1")
    assert CommandDelivery.objects.exists()
