"""Replay: what today's code makes of the steps, beside what was recorded; and whether the rows of processes are right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from event_store import Complete, Said, event_store, replay, verify_processes
from event_store.commands import CommandHandler, command_handlers
from event_store.immutability import changes_allowed
from event_store.models import FailedEvent, IssuedCommand, Process, ProcessStep, StoredEvent
from event_store.testing import run_subscriptions
from tests.event_store.sample import Agreement, CatererSaidYes, Confirm, CustomerSaidYes
from tests.event_store.test_process_scenarios import Told

pytestmark = pytest.mark.django_db

CONFIRM = Said("command", "sample.Confirm", {"order_id": "42"}, "both said yes")
COMPLETE = Said("complete")


def publish_both(order_id: str = "42") -> None:
    event_store.publish(CustomerSaidYes(order_id=order_id), stream=f"Order${order_id}")
    event_store.publish(CatererSaidYes(order_id=order_id), stream="Caterer$7")
    run_subscriptions()


def test_each_step_has_both_states_and_what_was_and_would_be_said() -> None:
    publish_both()
    first, second = replay("Agreement", "42")

    assert (first.state_before, first.state) == (
        {"customer": False, "caterer": False},
        {"customer": True, "caterer": False},
    )
    assert second.state_before == first.state
    assert (first.says, first.said, first.code_version) == ((), (), 1)
    assert (second.says, second.said) == ((COMPLETE, CONFIRM), (COMPLETE, CONFIRM))
    assert not first.differs
    assert not second.differs


def test_deadlines_and_ends_are_said_too() -> None:
    event_store.publish([Told(what="wait x 2"), Told(what="stop x"), Told(what="cancel")], stream="s")
    run_subscriptions("Obedient")

    assert [step.said for step in replay("Obedient", "1")] == [
        (Said("deadline", "x", {"after": 7200.0}),),
        (Said("cancel_deadline", "x"),),
        (Said("cancel"),),
    ]
    assert not any(step.differs for step in replay("Obedient", "1"))


def test_other_code_says_where_it_would_say_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()
    counts = [StoredEvent.objects.count(), IssuedCommand.objects.count()]
    monkeypatch.setattr(Agreement, "act", lambda self, state, event: [Confirm(order_id="43"), Complete()])
    first, second = replay("Agreement", "42")

    assert (first.differs, second.differs) == (True, True)
    assert second.says == (COMPLETE, Said("command", "sample.Confirm", {"order_id": "43"}))
    assert second.said == (COMPLETE, CONFIRM)
    assert [StoredEvent.objects.count(), IssuedCommand.objects.count()] == counts


def test_another_reason_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()

    def act(self: Agreement, state: Any, event: Any) -> Any:
        if state.customer and state.caterer:
            yield Confirm(order_id="42").because("why not")
            yield Complete()

    monkeypatch.setattr(Agreement, "act", act)
    assert not any(step.differs for step in replay("Agreement", "42"))


def test_an_act_that_raises_today_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()
    monkeypatch.setattr(Agreement, "act", lambda self, state, event: 1 / 0)
    first, second = replay("Agreement", "42")

    assert "ZeroDivisionError" in first.act_error
    assert second.differs
    assert second.state == {"customer": True, "caterer": True}


def test_where_it_was_not_asked_it_is_not_asked_today() -> None:
    publish_both()
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$8")
    run_subscriptions()

    *_, last = replay("Agreement", "42")
    assert (last.says, last.said, last.differs) == ((), (), False)


def publish_many(count: int) -> None:
    event_store.append([CustomerSaidYes(order_id="42") for _ in range(count)], stream="Order$42")
    run_subscriptions()


def test_steps_are_read_from_any_one_on() -> None:
    publish_many(4)
    every = [*replay("Agreement", "42")]

    assert [step.number for step in replay("Agreement", "42", start=2)] == [2, 3]
    assert [step.number for step in replay("Agreement", "42", start=1, limit=2)] == [1, 2]
    assert [*replay("Agreement", "42", start=1, limit=2)] == every[1:3]
    assert [*replay("Agreement", "42", start=4)] == []


def test_far_back_the_recorded_state_takes_the_place_of_earlier_events(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_many(5)
    monkeypatch.setattr("event_store.processes.replay.LONGEST_REPLAY", 2)
    ProcessStep.objects.filter(number=3).update(state_before={"customer": True, "caterer": True})
    [near, *_] = replay("Agreement", "42", start=2)
    [far, last] = replay("Agreement", "42", start=3)

    assert (near.state, near.waiting_since) == ({"customer": True, "caterer": False}, every_since())
    assert (far.state, far.waiting_since, far.state_differs) == ({"customer": True, "caterer": True}, None, False)
    assert last.state_differs
    ProcessStep.objects.filter(number=3).update(state_before={"customer": "perhaps"})
    [unfit, _] = replay("Agreement", "42", start=3)
    assert (unfit.state, unfit.failed_at) == (None, 3)
    assert unfit.error == "What was recorded before step 4 does not fit Agreement.State of today."


def every_since() -> Any:
    return StoredEvent.objects.order_by("pk").values_list("recorded_at", flat=True)[0]


def test_a_step_knows_since_when_it_has_waited_for_the_same() -> None:
    publish_many(2)
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$7")
    run_subscriptions()
    first, second, third = replay("Agreement", "42")

    assert first.waiting_since == second.waiting_since == first.event.recorded_at
    assert (third.waiting_for, third.waiting_since) == ("", third.event.recorded_at)


def test_a_state_that_was_another_then_is_found() -> None:
    publish_both()
    ProcessStep.objects.filter(number=1).update(state_before={"customer": False, "caterer": False})
    first, second = replay("Agreement", "42")

    assert (first.state_differs, second.state_differs) == (False, True)
    assert second.recorded is not None
    assert second.recorded.state_before == {"customer": False, "caterer": False}


def test_from_the_step_that_cannot_be_folded_on_each_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_many(3)
    with changes_allowed():
        StoredEvent.objects.filter(pk=StoredEvent.objects.order_by("pk")[1].pk).update(
            data={"order_id": ["no", "text"]}
        )
    first, second, third = replay("Agreement", "42")

    assert (first.error, first.failed_at) == ("", None)
    assert "UnreadableEvent" in second.error
    assert '"no"' in second.event.data
    assert (second.failed_at, third.failed_at, third.state) == (1, 1, None)
    assert third.event.data == CustomerSaidYes(order_id="42")


def test_a_state_that_json_cannot_hold_is_an_error_of_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_many(2)
    monkeypatch.setattr(Agreement, "apply", lambda self, state, event: Agreement.State(customer=object()))  # type: ignore[arg-type]
    first, second = replay("Agreement", "42")

    assert first.state_before == {"customer": False, "caterer": False}
    assert "TypeError" in first.error
    assert (first.failed_at, second.failed_at, second.state_before) == (0, 0, None)


def test_what_is_recorded_is_read_in_three_statements(django_assert_num_queries: Any) -> None:
    publish_both()

    with django_assert_num_queries(3):
        steps = [*replay("Agreement", "42")]
        recorded = [
            (each.outcome, each.equal_to) for step in steps if step.recorded for each in step.recorded.commands.all()
        ]
    assert recorded == [("accepted", None)]


def verified(**options: Any) -> str:
    out = StringIO()
    try:
        call_command("verify_processes", stdout=out, **options)
    except CommandError as error:
        out.write(f"ERROR {error}")
    return out.getvalue()


def test_processes_in_every_status_are_as_they_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    with event_store.clock(lambda: now[0]):
        publish_both("completed")
        event_store.publish(CustomerSaidYes(order_id="waiting"), stream="Order$1")
        for what in ("nothing", "wait x 2", "wait y 3", "do no"):
            event_store.publish(Told(what=what), stream="s")
            now[0] += timedelta(hours=1)
            run_subscriptions()
        event_store.publish([Told(what="wait x 2", process="2"), Told(what="cancel", process="2")], stream="s")
        run_subscriptions()
        monkeypatch.setitem(command_handlers, Confirm, CommandHandler(lambda command: 1 / 0))
        with pytest.raises(AssertionError):
            publish_both("failed")
    statuses = set(Process.objects.values_list("status", flat=True))

    assert statuses == {"completed", "waiting", "cancelled", "failed"}
    assert FailedEvent.objects.exists()
    assert [str(each) for each in verify_processes()] == []
    assert verified().endswith("Every process is as it should be.\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "completed"},
        {"waiting_for": "sample.Noted"},
        {"waiting_since": datetime(2026, 1, 1, tzinfo=UTC)},
        {"next_deadline": datetime(2026, 1, 1, tzinfo=UTC)},
        {"version": 7},
        {"step_count": 7},
        {"last_error": "none"},
    ],
)
def test_a_row_that_is_wrong_is_found_and_repaired(wrong: dict[str, Any]) -> None:
    event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42")
    run_subscriptions()
    before = Process.objects.values().get()
    Process.objects.update(**wrong)
    [name] = wrong

    [mismatch] = verify_processes("Agreement", "42")
    assert (mismatch.what, mismatch.stored, mismatch.expected) == (name, wrong[name], before[name])
    assert "ERROR 1 mismatches are left: --repair mends the rows." in verified()
    repaired = verified(repair=True)
    assert "(repaired)\n" in repaired
    assert repaired.endswith("1 mismatches are repaired.\n")
    assert Process.objects.values().get() == before
    assert [*verify_processes()] == []


def test_what_cannot_be_repaired_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    publish_both()
    ProcessStep.objects.filter(number=0).delete()
    [missing] = verify_processes(repair=True)
    assert (missing.what, missing.stored, missing.expected, missing.can_be_repaired) == ("steps", 1, 2, False)
    assert verified(repair=True).endswith("ERROR 1 mismatches are left.")

    monkeypatch.setattr(Agreement, "apply", lambda self, state, event: None)
    [unfoldable] = verify_processes("Agreement")
    assert (unfoldable.what, unfoldable.can_be_repaired) == ("state", False)

    Process.objects.update(type="Gone")
    undeclared, row = verify_processes()
    assert (row.process_type, row.what) == ("Agreement", "row")
    assert str(undeclared) == "Gone 42: type is 'Gone', not 'declared by code'"


def test_a_type_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="No process manager is of type 'Nothing'. There are: "):
        call_command("verify_processes", "Nothing")


def test_a_row_that_is_missing_is_told() -> None:
    for key in ("41", "42"):
        event_store.publish(CustomerSaidYes(order_id=key), stream=f"Order${key}")
    run_subscriptions("Agreement")
    Process.objects.get(type="Agreement", key="41").delete()

    [missing] = verify_processes(repair=True)
    assert (str(missing), missing.can_be_repaired) == ("Agreement 41: row is None, not 'one, with its steps'", False)
    assert [*verify_processes("Agreement", "42")] == []
    assert [each.process_id for each in verify_processes("Agreement", "41")] == ["41"]
