"""The page of one process: its timeline, what each step has changed, its deadlines, and today's code beside the record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import Process, ProcessDeadline, StreamLink
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.queries import forbidden, statements
from tests.browser.shipments import PATIENCE, Answered, Shipments, Told, tell
from tests.browser.words import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipments_declared")]
PAGE = f"{ADMIN}processes/Shipments/7/"


def marks(page: Any) -> list[str]:
    [timeline] = re.findall(r'<svg class="es-tl.*?</svg>', page.text, re.DOTALL)
    return [unescape(each).replace("\u00a0", " ") for each in re.findall(r'<a [^>]*aria-label="([^"]*)"', timeline)]


def test_each_step_says_what_it_has_changed(client: Client) -> None:
    tell("7", caterer=None, guests=12, kept=1)
    tell("7", caterer="asked", kept=1, menu=["soup"])
    page = client.get(PAGE)
    [changed] = page.context["steps"].rows[1:]

    assert 'facts.caterer : null → "asked"' in words(page)
    assert "facts.guests : gone, was 12" in words(page)
    assert 'facts.menu[0] : new: "soup"' in words(page)
    assert [each.path for each in changed.changes.changed] == ["facts.caterer", "facts.guests", "facts.menu[0]"]
    assert '<span class="chg">' in page.text
    assert f'href="{PAGE}compare/?a=1&amp;b=2">Compare 1 with 2' in page.text


@pytest.mark.parametrize("at", [0, 1, 2])
def test_every_step_can_be_gone_back_to(client: Client, at: int) -> None:
    tell("7", seen="once")
    tell("7", seen="twice")
    page = client.get(f"{PAGE}?at={at}")
    shown = words(page).partition("State ")[2]

    assert shown.startswith("before the first step" if at == 0 else f"after step {at}")
    assert ('" once "' in shown, '" twice "' in shown) == (at == 1, at == 2)
    assert ("facts : {} answers : 0" in shown) == (at == 0)
    for step in range(3):
        assert f'href="?at={step}"' in page.text


@pytest.mark.parametrize("at", ["3", "abc", "-1", "1.5", "\u0661", "", "9" * 5000])
def test_a_step_that_there_is_not_is_not_found(client: Client, at: str) -> None:
    tell("7")
    tell("7")

    for path in (f"{PAGE}?at={at}", f"{PAGE}compare/?a={at}", f"{PAGE}compare/?b={at}"):
        assert client.get(path).status_code == 404
        assert "Not found" in client.get(path).text


def test_commands_have_their_reasons_and_where_there_is_none_it_says_so(client: Client) -> None:
    tell("7", "send")
    tell("7", "send twice")
    page = client.get(PAGE)

    assert "sent Send because it is packed · Accepted" in words(page)
    assert words(page).count("sent Send by Shipments.act, which gave no reason · Accepted") == 2
    assert "Step 2, commands shipments.Send, shipments.Send" in marks(page)


def test_what_a_step_waits_for_is_said_when_it_changes(client: Client) -> None:
    tell("7")
    tell("7", more=1)
    event_store.publish(Answered(parcel="7"), stream="Shipment$7")
    run_subscriptions("Shipments")
    text = words(client.get(PAGE))

    assert text.count("no command; waiting for") == 2
    assert text.count("no command; still waiting for the same") == 1


def test_deadlines_tell_what_has_become_of_them(client: Client) -> None:
    now = timezone.now()
    for parcel, says in (("7", ["wait"]), ("8", ["wait", "stop"]), ("9", ["wait", "complete"])):
        for ago, word in zip((30, 20), says, strict=False):
            tell(parcel, word, at=now - timedelta(minutes=ago))

    def outcome(parcel: str) -> str:
        page = client.get(f"{ADMIN}processes/Shipments/{parcel}/")
        [label] = [each for each in marks(page) if each.startswith("Deadline")]
        said = label.rpartition(", ")[2]
        assert label.startswith(f"Deadline {PATIENCE}, ")
        assert said in words(page).replace("\u00a0", " ").rpartition("What has become of it")[2]
        return said

    assert outcome("7").startswith("due in 29 min")
    assert outcome("8") == "cancelled in step 2"
    assert outcome("9") == "cancelled in step 2"
    assert "cancelled the deadline" in words(client.get(f"{ADMIN}processes/Shipments/8/"))
    assert "because couriers forget" in words(client.get(PAGE))
    ProcessDeadline.objects.update(due_at=now - timedelta(minutes=5))
    assert outcome("7") == "overdue by 5 min: nobody has handled it"
    run_subscriptions("Shipments")
    assert "reached" in words(client.get(PAGE))


def test_a_deadline_that_was_handled_names_the_step(client: Client) -> None:
    tell("7", "wait", at=timezone.now() - timedelta(hours=3))
    run_subscriptions("Shipments")
    before = words(client.get(PAGE))
    tell("7", "stop")

    assert "reached, handled in step 2" in before
    assert "DeadlineReached" in before
    assert "reached, handled in step 2" in words(client.get(PAGE))
    ProcessDeadline.objects.update(status="reached", ended_by=None)
    assert "it was reached, and no step has handled it" in words(client.get(PAGE))


def test_an_overdue_deadline_that_nobody_has_handled_is_stuck_and_says_why(client: Client) -> None:
    tell("7", "wait", at=timezone.now() - timedelta(minutes=30))
    late = timezone.now() - timedelta(hours=2, minutes=1)
    ProcessDeadline.objects.update(due_at=late)
    Process.objects.update(next_deadline=late)

    page = client.get(PAGE)
    text = words(page).replace("\u00a0", " ")
    assert "Status Stuck" in text
    assert "Its deadline passed 2 h 1 min ago, and nobody has handled it" in text
    assert "Next deadline passed 2 h 1 min ago" in text
    assert 'class="deadline overdue"' in page.text
    for path in ("", "processes/"):
        assert "Its deadline passed 2 h 1 min ago" in words(client.get(ADMIN + path)).replace("\u00a0", " ")


def test_the_waiting_bar_begins_where_what_is_waited_for_was_asked_for(client: Client) -> None:
    now = timezone.now()
    for hours in (9, 6, 3, 1):
        tell("7", at=now - timedelta(hours=hours), run=False)
    run_subscriptions("Shipments")

    def begins(since: timedelta) -> float:
        Process.objects.update(waiting_since=now - since)
        timeline = client.get(PAGE).context["timeline"]
        assert timeline.wait[1] == timeline.now
        return float(timeline.wait[0])

    first, second, third, fourth = [each.x for each in client.get(PAGE).context["timeline"].events]
    recorded = [each.replayed.event.recorded_at for each in client.get(PAGE).context["steps"].rows]
    assert begins(now - recorded[0]) == first
    assert begins(now - recorded[2]) == third
    assert second < begins(timedelta(hours=5)) < third
    assert begins(timedelta(days=3)) < first
    assert "waits for 3 d" in words(client.get(PAGE)).replace("\u00a0", " ")
    assert begins(timedelta(minutes=30)) > fourth


def test_of_many_events_the_timeline_names_the_last_and_the_one_it_waits_since(client: Client) -> None:
    event_store.append([Told(parcel="7") for _ in range(12)], stream="Shipment$7")
    event_store.append([Answered(parcel="7"), *(Told(parcel="7") for _ in range(12))], stream="Shipment$7")
    run_subscriptions("Shipments")
    events = client.get(PAGE).context["timeline"].events
    [since] = [each for each in events if each.title == "shipments.Answered"]

    assert (events[-1].label, since.label) == ("Told", "Answered")
    assert (events[-1].moment, len(events)) == (max(each.moment for each in events), 25)


# ---- today's code


def test_a_fold_that_raises_at_step_three_shows_the_steps_before_and_the_error_there(
    client: Client, sign_in: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        tell("7", "send", number=number)
    original = Shipments.apply

    def apply(self: Shipments, state: Any, event: Any) -> Any:
        if event.data.facts["number"] == 3:
            raise ZeroDivisionError("three is <too> much")
        return original(self, state, event)

    monkeypatch.setattr(Shipments, "apply", apply)
    page, second = client.get(PAGE), client.get(f"{PAGE}?at=2")
    other = sign_in("view_process", "view_storedevent", username="bob").get(PAGE)

    assert page.status_code == 200
    assert page.text.count("ZeroDivisionError: three is &lt;too&gt; much") == 1
    assert "facts.number : 1 → 2" in words(page)
    assert "With today's code, step 3 cannot be folded" in words(page)
    assert "It cannot be folded: step 3 raises." in words(page)
    assert words(page).count("not folded: an earlier step raises") == 2
    assert '<span class="chg"><span class="k">facts</span></span>' in second.text
    assert other.status_code == 200
    assert "ZeroDivisionError" not in other.text
    assert "Folding this event raises with today's code." in other.text


def test_a_banner_tells_where_todays_code_and_the_record_part(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        tell("7", "send", number=number)
    assert "differs from what was recorded" not in client.get(PAGE).text
    original = Shipments.apply

    def apply(self: Shipments, state: Any, event: Any) -> Any:
        facts = {**event.data.facts, "late": True} if event.data.facts["number"] >= 3 else event.data.facts
        return Shipments.State(facts=facts, answers=original(self, state, event).answers)

    monkeypatch.setattr(Shipments, "apply", apply)
    assert "Step 3 differs from what was recorded : it leads to another state." in words(client.get(PAGE))
    monkeypatch.setattr(Shipments, "apply", original)
    monkeypatch.setattr(Shipments, "act", lambda self, state, event: ())
    text = words(client.get(PAGE))
    assert "Step 3 differs from what was recorded : it would say something else." in text
    assert text.count("differs from what was recorded") == 5


def test_odd_states_are_shown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    tell("7")
    tell("7", more=1)
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for odd in ("\ud800", float("nan"), float("inf"), 12345678901234567890, {"\u202e": "\0"}, deep, "x" * 10**6,
                dict.fromkeys(map(str, range(20_000)), "y")):  # fmt: skip

        def apply(self: Shipments, state: Any, event: Any, odd: Any = odd) -> Any:
            return Shipments.State(facts={"odd": odd, "more": event.data.facts.get("more")})

        monkeypatch.setattr(Shipments, "apply", apply)
        for path in (PAGE, f"{PAGE}compare/"):
            page = client.get(path)
            assert page.status_code == 200
            assert len(page.text) < 1_000_000
            assert ("U+D800" in page.text) == (odd == "\ud800")


# ---- many steps, few queries


def test_many_steps_come_in_pages_and_are_compared_up_to_two_thousand(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_store.append([Told(parcel="7", facts={"number": number}) for number in range(25)], stream="Shipment$7")
    run_subscriptions("Shipments")
    monkeypatch.setattr("browser.process_steps.SHOWN", 4)
    monkeypatch.setattr("browser.process_steps.REPLAYED", 12)
    page = client.get(f"{PAGE}?at=14")
    last = client.get(PAGE)

    assert [each.number for each in page.context["steps"].rows] == [13, 14, 15, 16]
    assert "Showing steps 13–16 of 25. Steps 13–24 were computed anew" in words(page)
    assert "facts.number : 12 → 13" in words(page)
    assert 'href="?at=12">‹ Earlier steps' in page.text
    assert 'href="?at=17">Later steps' in page.text
    assert [each.number for each in last.context["steps"].rows] == [25]
    assert "Later steps" not in last.text


def test_the_timeline_shows_the_steps_around_the_chosen_one(client: Client) -> None:
    event_store.append([Told(parcel="7", says=("send",)) for _ in range(70)], stream="Shipment$7")
    run_subscriptions("Shipments")
    page = client.get(f"{PAGE}?at=40")
    events = [each for each in marks(page) if " event " in each]

    assert len(events) == 30
    assert events[0].startswith("Step 25, event shipments.Told, ")
    assert "The timeline shows steps 25–54 of 70." in words(page)
    assert len(page.context["steps"].rows) == 70


def test_the_number_of_queries_is_nine_at_most_whatever_happens(client: Client) -> None:
    def queries(path: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        assert forbidden(captured) == []
        return statements(captured)

    tell("7", "wait", "send")
    client.get(PAGE)
    few = len(queries(PAGE))
    for _ in range(5):
        tell("7", "stop", "wait", "send")
    event_store.append([Told(parcel="7", says=("send",)) for _ in range(100)], stream="Shipment$7")
    run_subscriptions("Shipments")

    assert len(queries(PAGE)) == few <= 9
    assert len(queries(f"{PAGE}?at=0")) <= 9
    assert len(queries(f"{PAGE}compare/?a=3&b=50")) <= 11


def test_who_may_not_see_payloads_sees_neither_values_nor_reasons(sign_in: Callable[..., Client]) -> None:
    tell("7", "wait", "send", secret="personal")
    tell("7", "complete", secret="very personal")
    client = sign_in("view_process", "view_storedevent")

    for path in (PAGE, f"{PAGE}?at=1", f"{PAGE}compare/?a=1&b=2"):
        page = client.get(path)
        assert page.status_code == 200
        assert "Hidden: it needs the permission to view the data of events." in page.text
        for kept in ("personal", "it is packed", "all is done", "couriers forget", "answer", "secret"):
            assert kept not in page.text, (path, kept)


def test_a_process_whose_stream_is_gone_is_shown(client: Client) -> None:
    tell("7", "wait")
    with changes_allowed():
        StreamLink.objects.filter(stream__name="Shipments$7").delete()

    for path in (PAGE, f"{PAGE}?at=0", f"{PAGE}?at=1", f"{PAGE}compare/"):
        assert client.get(path).status_code == 200
    assert "No event has been linked into this process yet." in client.get(PAGE).text
