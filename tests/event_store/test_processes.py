"""Process managers: link, fold, act, record, once."""

from __future__ import annotations

from dataclasses import make_dataclass
from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from event_store import ProcessManager, event_store, initial_state, process_managers, replay
from event_store.codec import typed
from event_store.commands import CommandHandler, command_handlers
from event_store.exceptions import InvalidProcessManager, ReservedStream
from event_store.models import FailedEvent, IssuedCommand, Process, ProcessStep, StoredEvent, Subscription
from event_store.processes import runner
from event_store.subscribers import durable_subscribers
from event_store.testing import run_subscriptions
from tests.event_store.sample import Agreement, CatererSaidYes, Confirm, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db


def publish_both(order_id: str = "42") -> None:
    event_store.publish(CustomerSaidYes(order_id=order_id), stream=f"Order${order_id}")
    event_store.publish(CatererSaidYes(order_id=order_id), stream="Caterer$7")


def confirmations(order_id: str = "42") -> int:
    return event_store.events.in_stream(f"Order${order_id}").of_type("sample.Confirmed").count()


@pytest.mark.parametrize("order", list(permutations([CustomerSaidYes(order_id="42"), CatererSaidYes(order_id="42")])))
def test_both_events_in_any_order_give_one_command(order: Any) -> None:
    for number, event in enumerate(order):
        event_store.publish(event, stream=f"Source${number}")
    run_subscriptions()

    process = Process.objects.get()
    assert confirmations() == 1
    assert (process.type, process.key, process.status, process.waiting_for) == ("Agreement", "42", "completed", "")
    assert (process.version, process.step_count, process.waiting_since) == (1, 2, None)


def test_the_events_are_linked_not_stored_twice() -> None:
    publish_both()
    run_subscriptions()

    linked = list(event_store.events.in_stream("Agreement$42"))
    assert [event.type for event in linked] == ["sample.CustomerSaidYes", "sample.CatererSaidYes"]
    assert [at.stream for at in event_store.streams_of(linked[1])] == ["Caterer$7", "Agreement$42"]
    assert StoredEvent.objects.count() == 3


def test_a_waiting_process_says_what_for_and_since_when() -> None:
    [event] = event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
    run_subscriptions()
    event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
    run_subscriptions()

    process = Process.objects.get()
    assert (process.status, process.waiting_for) == ("waiting", "sample.CatererSaidYes")
    assert process.waiting_since == event.recorded_at
    assert process.step_count == 2


def test_the_command_is_recorded_with_its_reason_and_causes_what_its_handler_publishes() -> None:
    publish_both()
    run_subscriptions()

    command = IssuedCommand.objects.select_related("step", "process").get()
    confirmed = event_store.events.of_type("sample.Confirmed").first()
    assert (command.type, command.data, command.reason) == ("sample.Confirm", {"order_id": "42"}, "both said yes")
    assert (command.outcome, command.step.number, command.step.ended_as) == ("accepted", 1, "completed")
    assert command.step.state_before == {"customer": True, "caterer": False}
    assert confirmed is not None
    assert confirmed.causation_id == command.command_id
    trigger = event_store.events.in_stream("Agreement$42").last()
    assert trigger is not None
    assert confirmed.correlation_id == trigger.correlation_id


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_publish_is_never_seen_by_a_process() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        publish_both()
        raise RuntimeError
    run_subscriptions()

    assert not Process.objects.exists()
    assert not event_store.events.exists()


def test_redelivery_changes_nothing() -> None:
    publish_both()
    run_subscriptions()
    before = [list(model.objects.values()) for model in (Process, ProcessStep, IssuedCommand)]
    Subscription.objects.update(checkpoint=0)
    run_subscriptions()

    assert [list(model.objects.values()) for model in (Process, ProcessStep, IssuedCommand)] == before
    assert confirmations() == 1


def test_after_complete_events_are_linked_and_not_acted_on() -> None:
    publish_both()
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$8")
    run_subscriptions()

    assert event_store.events.in_stream("Agreement$42").count() == 3
    assert Process.objects.get().status == "completed"
    assert confirmations() == 1


def test_a_command_that_fails_leaves_nothing_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: Confirm) -> None:
        event_store.publish(Noted(), stream="half")
        raise ValueError("kitchen closed")

    monkeypatch.setitem(command_handlers, Confirm, CommandHandler(fail))
    event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
    run_subscriptions()
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$7")
    with pytest.raises(AssertionError, match="kitchen closed"):
        run_subscriptions()

    process = Process.objects.get()
    assert (process.status, process.last_error) == ("failed", "ValueError: kitchen closed")
    assert event_store.events.in_stream("Agreement$42").count() == 1
    assert not event_store.events.in_stream("half").exists()
    assert (ProcessStep.objects.count(), IssuedCommand.objects.count()) == (1, 0)
    assert FailedEvent.objects.get().attempts == 1


@pytest.mark.parametrize(("hostile", "shown"), [("\0", r"\0"), ("\ud800", r"\ud800")])
def test_an_error_in_words_that_no_database_takes_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch, hostile: str, shown: str
) -> None:
    def fail(command: Confirm) -> None:
        raise ValueError(f"no {hostile}")

    monkeypatch.setitem(command_handlers, Confirm, CommandHandler(fail))
    publish_both()
    with pytest.raises(AssertionError):
        run_subscriptions()

    process = Process.objects.get()
    assert (process.status, process.last_error) == ("failed", f"ValueError: no {shown}")


def test_a_failed_process_goes_on_once_the_cause_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: Confirm) -> None:
        raise ValueError

    with monkeypatch.context() as patch:
        patch.setitem(command_handlers, Confirm, CommandHandler(fail))
        publish_both()
        with pytest.raises(AssertionError):
            run_subscriptions()
    run_subscriptions()

    process = Process.objects.get()
    assert (process.status, process.last_error, process.step_count) == ("completed", "", 2)
    assert confirmations() == 1
    assert not FailedEvent.objects.exists()


def test_a_completed_process_stays_so_when_a_later_event_fails_once(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()
    run_subscriptions()
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$8")
    with monkeypatch.context() as patch:
        patch.setattr(Agreement, "apply", lambda self, state, event: 1 / 0)
        with pytest.raises(AssertionError):
            run_subscriptions()
    assert Process.objects.get().last_error.startswith("ZeroDivisionError")
    run_subscriptions()

    process = Process.objects.get()
    assert (process.status, process.step_count, process.last_error) == ("completed", 3, "")
    assert IssuedCommand.objects.count() == 1


def test_a_process_whose_first_step_fails_is_shown_as_failed() -> None:
    class Broken(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def process_id(self, event: Any) -> str:
            return str(event.data.text)

        def apply(self, state: Any, event: Any) -> Any:
            raise ZeroDivisionError("by nothing")

    event_store.publish(Noted(text="7"), stream="s")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_subscriptions("Broken")

    process = Process.objects.get(type="Broken")
    assert (process.key, process.status, process.version) == ("7", "failed", -1)
    [step] = [*replay("Broken", "7")] or [None]
    assert step is None


def test_an_equal_command_is_recorded_and_not_sent_again() -> None:
    class Eager(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def process_id(self, event: Any) -> Any:
            return ["a", "b", "a"] if event.data.text else None

        def apply(self, state: Any, event: Any) -> Any:
            return state

        def act(self, state: Any, event: Any) -> Any:
            yield Confirm(order_id=self.id)

    event_store.publish([Noted(text="x"), Noted(text="y"), Noted(text="")], stream="s")
    run_subscriptions("Eager")

    commands = IssuedCommand.objects.filter(process__key="a").order_by("pk")
    assert [command.outcome for command in commands] == ["accepted", "suppressed"]
    assert commands[1].equal_to == commands[0]
    assert (confirmations("a"), confirmations("b")) == (1, 1)


def test_alternatives_and_joins_are_told_apart() -> None:
    class Either(ProcessManager):
        type = "EitherOr"
        reacts_to = (Noted, CustomerSaidYes, CatererSaidYes)
        State = Agreement.State

        def waiting_for(self, state: Any) -> Any:
            return [Noted, CustomerSaidYes | CatererSaidYes]

    state = Agreement.State()
    assert Either("1").awaited_types(state) == "sample.Noted & sample.CustomerSaidYes | sample.CatererSaidYes"
    assert process_managers["EitherOr"] is Either


def test_what_is_awaited_is_any_event_unless_said_otherwise() -> None:
    class Silent(ProcessManager):
        reacts_to = (Noted, CustomerSaidYes)
        State = Agreement.State

    assert Silent("1").awaited_types(Silent.State()) == "*"


def test_replay_folds_each_step_and_never_acts() -> None:
    publish_both()
    run_subscriptions()
    events = StoredEvent.objects.count()

    first, second = replay("Agreement", "42")

    assert initial_state("Agreement") == {"customer": False, "caterer": False}
    assert (first.number, first.state) == (0, {"customer": True, "caterer": False})
    assert (first.waiting_for, second.waiting_for) == ("sample.CatererSaidYes", "")
    assert second.state == {"customer": True, "caterer": True}
    assert StoredEvent.objects.count() == events


def test_replay_shows_the_step_at_which_apply_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()
    run_subscriptions()
    original = Agreement.apply

    def raises_for_the_caterer(self: Agreement, state: Any, event: Any) -> Any:
        if isinstance(event.data, CatererSaidYes):
            raise ZeroDivisionError
        return original(self, state, event)

    monkeypatch.setattr(Agreement, "apply", raises_for_the_caterer)
    first, second = replay("Agreement", "42")

    assert (first.error, first.state) == ("", {"customer": True, "caterer": False})
    assert "ZeroDivisionError" in second.error
    assert second.state is None


def test_replay_of_a_type_that_no_code_declares_still_shows_the_events() -> None:
    event_store.link_reserved(event_store.publish(Noted(), stream="s"), stream="Gone$1")

    [step] = replay("Gone", "1")

    assert (step.event.type, step.state, initial_state("Gone")) == ("sample.Noted", None, None)


def test_nobody_else_writes_to_a_process_stream() -> None:
    with pytest.raises(ReservedStream):
        event_store.link(event_store.publish(Noted(), stream="s"), stream="Agreement$42")


def declared(**attributes: Any) -> None:
    type("Wrong", (ProcessManager,), {"reacts_to": (Noted,), "State": Agreement.State, **attributes})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"State": None}, "needs a State"),
        ({"State": dict}, "needs a State"),
        ({"State": make_dataclass("State", [("needed", int)], frozen=True)}, r"State\(\) does not work"),
        ({"type": "a$b"}, "type"),
        ({"type": "Agreement"}, "both named 'Agreement'"),
    ],
)
def test_a_class_that_lacks_something_is_refused_when_it_is_declared(attributes: Any, message: str) -> None:
    with pytest.raises(InvalidProcessManager, match=message):
        declared(**attributes)


@pytest.mark.parametrize("wrong", ["yes", Confirm, None, Noted()])
def test_an_unknown_intent_is_refused(wrong: Any) -> None:
    class Odd(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: Any, event: Any) -> Any:
            return state

        def act(self, state: Any, event: Any) -> Any:
            return [wrong]

    event_store.publish(Noted(), stream="s")
    with pytest.raises(AssertionError, match="it yields commands"):
        run_subscriptions("Odd")


@pytest.mark.parametrize("wrong", [5, "", [""], [None], True])
def test_an_id_that_is_no_text_is_refused(wrong: Any) -> None:
    class Odd(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def process_id(self, event: Any) -> Any:
            return wrong

    with pytest.raises(InvalidProcessManager):
        Odd().process_ids(event_store.publish(Noted(), stream="s")[0])


def test_an_id_that_is_too_long_for_a_stream_is_recorded_as_a_failure() -> None:
    event_store.publish(CustomerSaidYes(order_id="x" * 300), stream="s")

    with pytest.raises(AssertionError, match="a name has at most 255"):
        run_subscriptions("Agreement")
    assert not Process.objects.exists()


def test_waiting_for_more_than_can_be_shown_is_refused() -> None:
    class Greedy(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def waiting_for(self, state: Any) -> Any:
            return [Noted] * 100

    with pytest.raises(InvalidProcessManager, match="1000 at most"):
        Greedy("1").awaited_types(Greedy.State())


def test_process_managers_belong_to_the_default_store(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "other": {}}
    found = durable_subscribers.get("Agreement")

    assert found is not None
    assert (found.reads("default"), found.reads("other")) == (True, False)


def test_waiting_for_something_that_is_no_event_is_refused() -> None:
    class Odd(ProcessManager):
        reacts_to = (Noted,)
        State = Agreement.State

        def waiting_for(self, state: Any) -> Any:
            return ["sample.Noted"]

    with pytest.raises(InvalidProcessManager, match="waiting_for gave 'sample.Noted'"):
        Odd("1").awaited_types(Odd.State())


@pytest.mark.postgresql
def test_a_step_that_issues_a_command_takes_at_most_fourteen_statements() -> None:
    publish_both()
    run_subscriptions()
    event_store.publish(CustomerSaidYes(order_id="43"), stream="Order$43")
    run_subscriptions()
    [event] = event_store.publish(CatererSaidYes(order_id="43"), stream="Caterer$7")
    with CaptureQueriesContext(connection) as captured:
        runner.handle(Agreement, event, "43")

    # Around it: BEGIN, the checkpoint, COMMIT.
    assert len(captured) + 3 <= 14
    assert confirmations("43") == 1


def test_fail_shows_nothing_when_the_id_cannot_be_told() -> None:
    [event] = event_store.events.as_json().with_ids(event_store.publish(Noted(), stream="s")[0].id)

    runner.fail(Agreement, event, "42", ValueError())

    assert not Process.objects.exists()
    assert typed(event).data == Noted()
