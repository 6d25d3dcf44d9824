"""The nine patterns of docs/process_patterns.md, tried harder than the guide does, and for real."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, permutations, product
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from event_store import (
    Command,
    CommandRejected,
    Deadline,
    DeadlineReached,
    Event,
    NewEvent,
    Rejected,
    event_store,
    handles,
    reach_due_deadlines,
    replay,
    subscriber,
)
from event_store.codec import to_plain
from event_store.models import IssuedCommand, Process, ProcessDeadline, ProcessStep, StreamLink, Subscription
from event_store.testing import ProcessScenario, given, in_every_order, run_subscriptions
from tests.event_store.sample import Noted
from tests.guides import code_of, load

NOON = datetime(2026, 1, 1, tzinfo=UTC)
PATTERNS = code_of("process_patterns.md")


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> Any:
    return load(PATTERNS, monkeypatch, name="catering.patterns")


@pytest.fixture
def clock() -> Any:
    now = [NOON]
    with event_store.clock(lambda: now[0]):
        yield now


def handle(
    *commands: type[Command], answer: Callable[[Any], Event | None] = lambda command: None, refused: Any = ()
) -> None:
    """Handlers that publish their answer, and refuse commands that are among these, or of these classes."""

    def handler(command: Command) -> None:
        if command in refused or type(command) in refused:
            raise Rejected("no")
        event = answer(command)
        if event is not None:
            event_store.publish(event, stream="Answers$1")

    for each in commands:
        handles(each)(handler)


def publish(*events: Any) -> None:
    for each in events:
        event_store.publish(each, stream="Facts$1")


def sent(outcome: str = "accepted") -> list[str]:
    commands = IssuedCommand.objects.filter(outcome=outcome).order_by("pk")
    return [" ".join([each.type.partition(".")[2], *_values(each.data)]) for each in commands]


def _values(data: dict[str, Any]) -> list[str]:
    # PostgreSQL keeps no order of keys.
    return [str(data[key]) for key in sorted(data, key=lambda key: not key.endswith("_id"))]


def statuses() -> dict[str, str]:
    return dict(Process.objects.values_list("key", "status"))


def redeliver() -> None:
    """Everything is read from the beginning, and nothing must change."""
    rows = [list(model.objects.order_by("pk").values()) for model in (Process, ProcessStep, IssuedCommand)]
    Subscription.objects.update(checkpoint=0)
    run_subscriptions()
    assert [list(model.objects.order_by("pk").values()) for model in (Process, ProcessStep, IssuedCommand)] == rows


# ---- several events, in any order


def test_repeated_facts_in_every_order_start_the_cooking_once(guide: Any) -> None:
    facts = [each(order_id="42") for each in (guide.MenuChosen, guide.GuestsCounted, guide.DepositPaid)]

    in_every_order(guide.ReadyToCook, *facts, *facts[:2]).expect(guide.StartCooking(order_id="42"))
    for kept in combinations(facts, 2):
        in_every_order(guide.ReadyToCook, *kept, *kept).expect()


@pytest.mark.django_db(transaction=True)
def test_several_events_for_real(guide: Any) -> None:
    handle(guide.StartCooking)

    publish(guide.DepositPaid(order_id="42"), guide.MenuChosen(order_id="42"), guide.MenuChosen(order_id="42"))
    assert (sent(), Process.objects.get().waiting_for) == ([], "catering.GuestsCounted")
    publish(guide.GuestsCounted(order_id="42"), guide.GuestsCounted(order_id="42"))
    assert (sent(), statuses()) == (["StartCooking 42"], {"42": "completed"})
    redeliver()


# ---- reservations that are undone

REFUSALS = [
    ("ReserveKitchen", []),
    ("ReserveCourier", ["ReserveKitchen 42", "ReleaseKitchen 42"]),
    ("TakePayment", ["ReserveKitchen 42", "ReserveCourier 42", "ReleaseCourier 42", "ReleaseKitchen 42"]),
]


def answers_of_dinner(guide: Any) -> Callable[[Any], Event | None]:
    facts = {
        guide.ReserveKitchen: guide.KitchenReserved,
        guide.ReserveCourier: guide.CourierReserved,
        guide.TakePayment: guide.PaymentTaken,
    }
    return lambda command: facts[type(command)](order_id=command.order_id) if type(command) in facts else None


@pytest.mark.parametrize(("refused", "expected"), REFUSALS)
def test_what_is_told_again_after_a_refusal_changes_nothing(guide: Any, refused: str, expected: list[str]) -> None:
    facts = [each(order_id="42") for each in (guide.DinnerOrdered, guide.KitchenReserved, guide.CourierReserved)]
    facts = facts[: [name for name, _ in REFUSALS].index(refused) + 1]
    commands = [getattr(guide, each.partition(" ")[0])(order_id="42") for each in expected]

    scenario = given(guide.Dinner).rejecting(getattr(guide, refused), "no").given(*facts).expect(*commands)
    scenario.given(*facts).redelivered().expect().expect_status("cancelled")


def test_a_reservation_that_is_told_twice_before_the_refusal_is_released_once(guide: Any) -> None:
    facts = [each(order_id="42") for each in (guide.DinnerOrdered, guide.KitchenReserved)]
    courier = guide.CourierReserved(order_id="42")

    scenario = given(guide.Dinner, *facts, facts[1])
    scenario.expect(guide.ReserveKitchen(order_id="42"), guide.ReserveCourier(order_id="42"))
    scenario.rejecting(guide.TakePayment, "no").given(courier)
    scenario.expect(guide.ReleaseCourier(order_id="42"), guide.ReleaseKitchen(order_id="42"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("refused", "expected"), REFUSALS)
def test_reservations_for_real(guide: Any, refused: str, expected: list[str]) -> None:
    commands = [
        guide.ReserveKitchen,
        guide.ReserveCourier,
        guide.TakePayment,
        guide.ReleaseKitchen,
        guide.ReleaseCourier,
    ]
    handle(*commands, answer=answers_of_dinner(guide), refused=[getattr(guide, refused)])

    publish(guide.DinnerOrdered(order_id="42"))
    assert (sent(), sent("rejected"), statuses()) == (expected, [f"{refused} 42"], {"42": "cancelled"})
    redeliver()


@pytest.mark.django_db(transaction=True)
def test_a_dinner_that_nobody_refuses_for_real(guide: Any) -> None:
    handle(guide.ReserveKitchen, guide.ReserveCourier, guide.TakePayment, answer=answers_of_dinner(guide))

    publish(guide.DinnerOrdered(order_id="42"))
    assert sent() == ["ReserveKitchen 42", "ReserveCourier 42", "TakePayment 42"]
    assert statuses() == {"42": "completed"}


@pytest.mark.django_db(transaction=True)
def test_a_payment_that_is_refused_outside_releases_what_was_reserved(guide: Any) -> None:
    commands = [guide.ReserveKitchen, guide.ReserveCourier, guide.ReleaseKitchen, guide.ReleaseCourier]
    handle(*commands, answer=answers_of_dinner(guide))

    @handles(guide.TakePayment, outside=True)
    def take_payment(command: Command, delivery: Any) -> None:
        raise Rejected("the card is blocked")

    publish(guide.DinnerOrdered(order_id="42"))
    # Others would find the answer of the delivery at their next look.
    run_subscriptions()
    assert (sent(), sent("rejected"), statuses()) == (REFUSALS[2][1], ["TakePayment 42"], {"42": "cancelled"})
    redeliver()


# ---- a fact that undoes a fact


def test_whatever_people_say_the_caterer_is_booked_while_both_agree(guide: Any) -> None:
    agreed, withdrew, caterer = [
        each(order_id="42") for each in (guide.CustomerAgreed, guide.CustomerWithdrew, guide.CatererAgreed)
    ]
    for facts in product([agreed, withdrew, caterer], repeat=6):
        customer, cook, attempt, booked, expected = False, False, 0, False, []
        for fact in facts:
            attempt += fact is agreed and not customer
            customer = fact is agreed or (customer and fact is not withdrew)
            cook = cook or fact is caterer
            if booked != (customer and cook):
                booked = not booked
                expected.append((guide.BookCaterer if booked else guide.ReleaseCaterer)(order_id="42", attempt=attempt))
        given(guide.CatererBooking, *facts).expect(*expected).redelivered().expect()


@pytest.mark.parametrize("refused", ["BookCaterer", "ReleaseCaterer"])
def test_a_refused_booking_or_release_ends_no_process_and_goes_in_no_circle(guide: Any, refused: str) -> None:
    facts = [each(order_id="42") for each in (guide.CustomerAgreed, guide.CatererAgreed, guide.CustomerWithdrew)]
    scenario = (
        given(guide.CatererBooking).rejecting(getattr(guide, refused), "no").given(*facts).expect_status("waiting")
    )

    scenario.expect(*([guide.BookCaterer(order_id="42", attempt=1)] if refused == "ReleaseCaterer" else []))


def test_a_refused_release_leaves_the_word_of_the_caterer(guide: Any) -> None:
    agreed, caterer, withdrew = [
        each(order_id="42") for each in (guide.CustomerAgreed, guide.CatererAgreed, guide.CustomerWithdrew)
    ]
    scenario = (
        given(guide.CatererBooking).rejecting(guide.ReleaseCaterer, "no").given(agreed, caterer, withdrew, agreed)
    )

    scenario.expect(*[guide.BookCaterer(order_id="42", attempt=attempt) for attempt in (1, 2)])


def test_a_booking_that_overlooks_its_rejection_would_go_in_a_circle(guide: Any) -> None:
    class Deaf(guide.CatererBooking):  # type: ignore[misc]
        type = "Deaf"

        def apply(self, state: Any, event: Any) -> Any:
            return state if isinstance(event.data, CommandRejected) else super().apply(state, event)

    scenario = given(Deaf).rejecting(guide.BookCaterer, "no").given(guide.CustomerAgreed(order_id="42"))

    with pytest.raises(AssertionError, match="each rejected command is answered with another one"):
        scenario.given(guide.CatererAgreed(order_id="42"))


@pytest.mark.django_db(transaction=True)
def test_a_fact_that_undoes_a_fact_for_real(guide: Any) -> None:
    refused: list[Any] = []
    handle(guide.BookCaterer, guide.ReleaseCaterer, refused=refused)
    agreed, withdrew, caterer = [
        each(order_id="42") for each in (guide.CustomerAgreed, guide.CustomerWithdrew, guide.CatererAgreed)
    ]

    publish(agreed, withdrew, caterer)
    assert sent() == []
    publish(agreed, agreed, withdrew, agreed)
    assert sent() == ["BookCaterer 42 2", "ReleaseCaterer 42 2", "BookCaterer 42 3"]
    assert sent("suppressed") == ["BookCaterer 42 2"]
    publish(withdrew)
    refused.append(guide.BookCaterer)
    publish(agreed, withdrew)
    assert sent()[3:] == ["ReleaseCaterer 42 3"]
    redeliver()


# ---- one command for each item

DISHES = ("soup", "fish", "cake")


@pytest.mark.parametrize("failing", [each for size in range(4) for each in combinations(DISHES, size)])
def test_whichever_items_fail_in_whatever_order_it_is_reported_once(guide: Any, failing: tuple[str, ...]) -> None:
    ordered = guide.TastingOrdered(order_id="42", dishes=DISHES)
    cooked = [guide.SampleCooked(order_id="42", dish=dish) for dish in DISHES if dish not in failing]
    cooking = [guide.CookSample(order_id="42", dish=dish) for dish in sorted(DISHES) if dish not in failing]
    report = [guide.ReportMissing(order_id="42", dishes=tuple(sorted(failing)))] if failing else []

    for answers in permutations(cooked * 2):
        scenario = given(guide.Tasting)
        for dish in failing:
            scenario.rejecting(guide.CookSample(order_id="42", dish=dish), "no")
        scenario.given(ordered, *answers).expect(*cooking, *report).expect_status("completed")
        scenario.redelivered().expect()


def test_a_tasting_without_dishes_is_over(guide: Any) -> None:
    given(guide.Tasting, guide.TastingOrdered(order_id="42", dishes=())).expect().expect_status("completed")


def test_a_report_that_is_refused_changes_nothing(guide: Any) -> None:
    scenario = given(guide.Tasting).rejecting(guide.CookSample, "no").rejecting(guide.ReportMissing, "no")

    scenario.given(guide.TastingOrdered(order_id="42", dishes=DISHES)).expect().expect_status("completed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ((), ["CookSample 42 cake", "CookSample 42 fish", "CookSample 42 soup"]),
        (("fish",), ["CookSample 42 cake", "CookSample 42 soup", "ReportMissing 42 ['fish']"]),
        (DISHES, ["ReportMissing 42 ['cake', 'fish', 'soup']"]),
    ],
)
def test_one_command_for_each_item_for_real(guide: Any, failing: tuple[str, ...], expected: list[str]) -> None:
    def cooked(command: Any) -> Event:
        return guide.SampleCooked(order_id=command.order_id, dish=command.dish)  # type: ignore[no-any-return]

    handle(guide.CookSample, answer=cooked, refused=[guide.CookSample(order_id="42", dish=dish) for dish in failing])
    handle(guide.ReportMissing)

    publish(guide.TastingOrdered(order_id="42", dishes=DISHES))
    assert (sent(), statuses()) == (expected, {"42": "completed"})
    redeliver()


@pytest.mark.django_db(transaction=True)
def test_items_that_are_done_outside_for_real(guide: Any) -> None:
    @handles(guide.CookSample, outside=True)
    def cook(command: Any, delivery: Any) -> None:
        if command.dish == "fish":
            raise Rejected("no fish today")
        cooked = guide.SampleCooked(order_id="42", dish=command.dish)
        event_store.publish(NewEvent(cooked, id=delivery.id_for("cooked")), stream="Answers$1", on_duplicate="ignore")

    handle(guide.ReportMissing)
    publish(guide.TastingOrdered(order_id="42", dishes=DISHES))
    run_subscriptions()
    assert sent() == ["CookSample 42 cake", "CookSample 42 soup", "ReportMissing 42 ['fish']"]
    assert (sent("rejected"), statuses()) == (["CookSample 42 fish"], {"42": "completed"})
    redeliver()


# ---- a threshold that starts anew


def test_every_third_complaint_since_an_apology_is_escalated(guide: Any) -> None:
    complaint, apology = guide.CustomerComplained(customer_id="7"), guide.ApologySent(customer_id="7")
    for facts in product([complaint, apology], repeat=8):
        counted, escalations = 0, 0
        for fact in facts:
            counted = counted + 1 if fact is complaint else 0
            escalations += fact is complaint and counted == 3
        given(guide.Complaints, *facts).expect(*[guide.EscalateComplaints(customer_id="7")] * escalations)


def test_a_refused_escalation_is_not_tried_at_the_fourth_complaint(guide: Any) -> None:
    complaint = guide.CustomerComplained(customer_id="7")

    given(guide.Complaints).rejecting(guide.EscalateComplaints, "no").given(*[complaint] * 4).expect()


@pytest.mark.django_db(transaction=True)
def test_a_threshold_for_real(guide: Any) -> None:
    handle(guide.EscalateComplaints, answer=lambda command: guide.ApologySent(customer_id=command.customer_id))

    publish(*[guide.CustomerComplained(customer_id="7")] * 7)
    # The handler's apology has set the counter back each time.
    assert sent() == ["EscalateComplaints 7"] * 2
    assert [each.state for each in replay("Complaints", "7")][-1] == {"since_apology": 1}
    redeliver()


@pytest.mark.django_db(transaction=True)
def test_a_command_that_is_not_repeatable_would_be_suppressed_the_second_time(guide: Any) -> None:
    handle(guide.EscalateComplaints)
    guide.EscalateComplaints.__repeatable__ = False

    publish(*[*[guide.CustomerComplained(customer_id="7")] * 3, guide.ApologySent(customer_id="7")] * 2)
    assert (sent(), sent("suppressed")) == (["EscalateComplaints 7"], ["EscalateComplaints 7"])


# ---- time as an event


def test_a_process_that_has_called_hears_the_late_answer_and_does_nothing(guide: Any) -> None:
    scenario = given(guide.Answer, guide.MenuSent(order_id="42")).advance(hours=48)

    scenario.expect(guide.CallCustomer(order_id="42")).given(guide.MenuAnswered(order_id="42")).redelivered()
    scenario.expect().expect_deadlines().advance(days=30).expect()


@pytest.mark.parametrize("days", range(5))
def test_reminders_end_when_the_invoice_is_paid(guide: Any, days: int) -> None:
    scenario = given(guide.Reminders, guide.InvoiceSent(order_id="42")).advance(days=days)
    scenario.given(guide.InvoicePaid(order_id="42")).advance(days=30)

    scenario.expect(*[guide.RemindOfInvoice(order_id="42", number=each + 1) for each in range(min(days, 3))])
    scenario.expect_status("completed" if days < 3 else "cancelled").expect_deadlines()


def test_a_schedule_whose_deadlines_share_a_name_stops_after_the_first(guide: Any) -> None:
    class Nameless(guide.Reminders):  # type: ignore[misc]
        type = "Nameless"

        def act(self, state: Any, event: Any) -> Any:
            for each in super().act(state, event):
                yield Deadline("reminder", after=each.after) if isinstance(each, Deadline) else each

    scenario = given(Nameless, guide.InvoiceSent(order_id="42")).advance(days=30)

    scenario.expect(guide.RemindOfInvoice(order_id="42", number=1)).expect_status("waiting").expect_deadlines()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["the answer", "the deadline", "both in one transaction"])
def test_an_answer_at_the_moment_of_the_deadline_for_real(guide: Any, clock: list[datetime], first: str) -> None:
    handle(guide.CallCustomer)
    publish(guide.MenuSent(order_id="42"))
    clock[0] += timedelta(hours=48)

    if first == "the deadline":
        assert reach_due_deadlines() == 1
        publish(guide.MenuAnswered(order_id="42"))
    elif first == "the answer":
        publish(guide.MenuAnswered(order_id="42"))
        assert reach_due_deadlines() == 0
    else:
        with transaction.atomic():
            publish(guide.MenuAnswered(order_id="42"))
            # It stands behind the answer, which cancels it.
            assert reach_due_deadlines() == 1
    assert sent() == (["CallCustomer 42"] if first == "the deadline" else [])
    clock[0] += timedelta(days=30)
    assert reach_due_deadlines() == 0
    redeliver()


@pytest.mark.django_db(transaction=True)
def test_a_schedule_for_real_sends_one_reminder_after_a_week_without_worker(guide: Any, clock: list[datetime]) -> None:
    handle(guide.RemindOfInvoice)
    publish(guide.InvoiceSent(order_id="42"))

    clock[0] += timedelta(days=7)
    assert [reach_due_deadlines(), reach_due_deadlines()] == [1, 0]
    assert sent() == ["RemindOfInvoice 42 1"]
    clock[0] += timedelta(days=1)
    assert reach_due_deadlines() == 1
    publish(guide.InvoicePaid(order_id="42"))
    clock[0] += timedelta(days=30)
    assert reach_due_deadlines() == 0
    assert (sent(), statuses()) == (["RemindOfInvoice 42 1", "RemindOfInvoice 42 2"], {"42": "completed"})


@pytest.mark.django_db(transaction=True)
def test_a_schedule_that_keeps_to_the_hour_sends_all_that_were_missed(guide: Any, clock: list[datetime]) -> None:
    class Punctual(guide.Reminders):  # type: ignore[misc]
        type = "Punctual"

        def act(self, state: Any, event: Any) -> Any:
            for each in super().act(state, event):
                if isinstance(each, Deadline) and isinstance(event.data, DeadlineReached):
                    yield Deadline(each.name, at=event.data.due_at + timedelta(days=1))
                else:
                    yield each

    handle(guide.RemindOfInvoice)
    publish(guide.InvoiceSent(order_id="42"))
    clock[0] += timedelta(days=7)
    while reach_due_deadlines():
        pass

    mine = IssuedCommand.objects.filter(process__type="Punctual", outcome="accepted")
    assert [each.data["number"] for each in mine.order_by("pk")] == [1, 2, 3]


# ---- once for each period


def test_each_month_brings_one_voucher_in_whatever_order_its_deliveries_are_told(guide: Any) -> None:
    delivered = guide.OrderDelivered(customer_id="7")
    moments = [datetime(2025, 12, 31, 23, 59, tzinfo=UTC), NOON, NOON + timedelta(days=30), NOON + timedelta(days=31)]

    def check(scenario: ProcessScenario) -> None:
        for month in ("2025-12", "2026-01", "2026-02"):
            scenario.expect_status("completed", process_id=f"7-{month}")

    orders = in_every_order(guide.MonthlyVoucher, *[NewEvent(delivered, valid_at=moment) for moment in moments])
    orders.each(check)
    for order in permutations(moments):
        months = list(dict.fromkeys(f"{moment:%Y-%m}" for moment in order))
        scenario = given(guide.MonthlyVoucher, *[NewEvent(delivered, valid_at=moment) for moment in order])
        scenario.expect(*[guide.SendVoucher(customer_id="7", month=month) for month in months])


@pytest.mark.django_db(transaction=True)
def test_once_for_each_period_for_real(guide: Any, clock: list[datetime]) -> None:
    handle(guide.SendVoucher)
    delivered = guide.OrderDelivered(customer_id="7")

    publish(delivered, delivered)
    clock[0] += timedelta(days=40)
    publish(NewEvent(delivered, valid_at=NOON), delivered, guide.OrderDelivered(customer_id="8"))
    assert sent() == ["SendVoucher 7 2026-01", "SendVoucher 7 2026-02", "SendVoucher 8 2026-02"]
    # Whenever it is handled again, an event belongs to the month in which it happened.
    clock[0] += timedelta(days=400)
    redeliver()


def test_a_month_ends_at_midnight_utc(guide: Any) -> None:
    in_zurich = datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))

    delivered = NewEvent(guide.OrderDelivered(customer_id="7"), valid_at=in_zurich)
    given(guide.MonthlyVoucher, delivered).expect(guide.SendVoucher(customer_id="7", month="2026-01"))


# ---- an id that arrives late


def test_payments_and_orders_in_every_order(guide: Any) -> None:
    started = [
        guide.PaymentStarted(order_id=order, payment_id=payment) for order, payment in (("42", "p1"), ("43", "p2"))
    ]
    arrived = guide.PaymentsArrived(payment_ids=("p1", "p2"))

    def check(scenario: ProcessScenario) -> None:
        assert sorted(each.order_id for each in scenario._sent) == ["42", "43"]  # type: ignore[attr-defined]
        scenario.expect_status("completed", process_id="p1").expect_status("completed", process_id="p2")

    in_every_order(guide.Settlement, *started, arrived, arrived).each(check)
    in_every_order(guide.Settlement, *started).expect()


@pytest.mark.django_db(transaction=True)
def test_an_id_that_arrives_late_for_real(guide: Any) -> None:
    handle(guide.MarkAsPaid)

    publish(guide.PaymentsArrived(payment_ids=("p1", "p2", "p3")))
    assert (sent(), set(Process.objects.values_list("waiting_for", flat=True))) == ([], {"catering.PaymentStarted"})
    publish(guide.PaymentStarted(order_id="42", payment_id="p1"), guide.PaymentStarted(order_id="42", payment_id="p2"))
    assert sent() == ["MarkAsPaid 42", "MarkAsPaid 42"]
    assert statuses() == {"p1": "completed", "p2": "completed", "p3": "waiting"}
    redeliver()


# ---- a router without state


@pytest.mark.django_db(transaction=True)
def test_a_router_for_real(guide: Any) -> None:
    handle(guide.TellCustomer, guide.SendAgain, refused=[guide.SendAgain])

    publish(
        guide.DeliveryDelayed(order_id="42"), guide.DeliveryLost(order_id="42"), guide.DeliveryDelayed(order_id="42")
    )
    assert (sent(), sent("rejected")) == (["TellCustomer 42", "TellCustomer 42"], ["SendAgain 42"])
    assert list(IssuedCommand.objects.order_by("pk").values_list("reason", "rejection")) == [
        ("it is late", ""),
        ("it is lost", "no"),
        ("it is late", ""),
    ]
    assert set(statuses().values()) == {"completed"}
    assert len(statuses()) == 3
    redeliver()


def test_a_router_whose_id_is_that_of_the_order_tells_the_first_delay_only(guide: Any) -> None:
    class Forgetful(guide.Mishaps):  # type: ignore[misc]
        type = "Forgetful"

        def process_id(self, event: Any) -> str:
            return str(event.data.order_id)

    delayed = guide.DeliveryDelayed(order_id="42")

    given(Forgetful, delayed, delayed).expect(guide.TellCustomer(order_id="42"))


@pytest.mark.django_db(transaction=True)
def test_a_durable_subscriber_keeps_no_row_for_each_event() -> None:
    seen = []

    @subscriber(Noted, durable=True, name="plain")
    def note(event: Any) -> None:
        seen.append(event.data.text)

    publish(Noted(text="a"), Noted(text="b"))
    assert (seen, StreamLink.objects.count()) == (["a", "b"], 2)
    assert not Process.objects.exists()
    assert Subscription.objects.filter(name="plain").count() == 1


# ---- the kit and the runner agree

ORDERS = {
    "ReadyToCook": ["MenuChosen", "GuestsCounted", "DepositPaid"],
    "Dinner": ["DinnerOrdered", "KitchenReserved", "CourierReserved", "PaymentTaken"],
    "CatererBooking": ["CustomerAgreed", "CustomerWithdrew", "CatererAgreed"],
    "Answer": ["MenuSent", "MenuAnswered"],
    "Reminders": ["InvoiceSent", "InvoicePaid"],
    "Mishaps": ["DeliveryDelayed", "DeliveryLost"],
}
MANAGERS = [*ORDERS, "Tasting", "Complaints", "MonthlyVoucher", "Settlement"]


def some_event(guide: Any, manager: str, chance: random.Random) -> Event:
    if manager in ORDERS:
        return getattr(guide, chance.choice(ORDERS[manager]))(order_id=chance.choice("12"))  # type: ignore[no-any-return]
    customer, dish = chance.choice("12"), chance.choice(DISHES)
    return chance.choice(  # type: ignore[no-any-return]
        {
            "Tasting": [
                guide.TastingOrdered(order_id=customer, dishes=tuple(chance.sample(DISHES, chance.randrange(4)))),
                guide.SampleCooked(order_id=customer, dish=dish),
                guide.SampleCooked(order_id=customer, dish=dish),
            ],
            "Complaints": [guide.CustomerComplained(customer_id=customer)] * 4
            + [guide.ApologySent(customer_id=customer)],
            "MonthlyVoucher": [guide.OrderDelivered(customer_id=customer)],
            "Settlement": [
                guide.PaymentStarted(order_id=customer, payment_id=dish),
                guide.PaymentsArrived(payment_ids=tuple(chance.sample(DISHES, 2))),
            ],
        }[manager]
    )


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MANAGERS)
def test_the_kit_and_the_runner_agree(guide: Any, clock: list[datetime], name: str, seed: int) -> None:
    chance, manager = random.Random(f"{name} {seed}"), getattr(guide, name)
    commands = [each for each in vars(guide).values() if isinstance(each, type) and issubclass(each, Command)]
    commands.remove(Command)
    refused = [each for each in commands if chance.random() < 0.3]
    handle(*commands, refused=refused)
    scenario = given(manager)
    for each in refused:
        scenario.rejecting(each, "no")

    for _ in range(15):
        event = NewEvent(some_event(guide, name, chance), id=uuid4())
        publish(event)
        run_subscriptions(name)
        scenario.given(event)
        for _ in range(chance.choice([0, 0, 1, 2])):
            # Day by day: each deadline is then reached at its time here, too.
            scenario.advance(days=1)
            clock[0] = scenario.now
            run_subscriptions(name)

    for process in Process.objects.all():
        scenario.expect_status(process.status, process_id=process.key)
        waiting = ProcessDeadline.objects.filter(process=process, status="waiting")
        scenario.expect_deadlines(*waiting.values_list("name", flat=True), process_id=process.key)
        assert [*replay(name, process.key)][-1].state == to_plain(scenario.state(process.key))
    accepted = IssuedCommand.objects.filter(outcome="accepted")
    assert sorted(map(_values, [each.data for each in accepted])) == sorted(map(_values, map(to_plain, scenario._sent)))
