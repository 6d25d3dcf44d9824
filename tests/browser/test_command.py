"""The page of a command: what it orders, why, by which step, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from browser.policy import BrowserPolicy
from event_store import event_store
from event_store.immutability import changes_allowed
from event_store.models import CommandDelivery, IssuedCommand, StoredEvent
from tests.browser.conftest import ADMIN
from tests.browser.queries import forbidden, statements
from tests.browser.words import words
from tests.event_store.sample import Agreement, Noted

pytestmark = pytest.mark.django_db
HOSTILE = """<script>alert(1)</script>"><img onerror=x>{{7*7}}\u202e</title>';alert(1)//"""


@pytest.fixture
def command(orders: Any) -> IssuedCommand:
    return IssuedCommand.objects.get(process__key="41")


def test_it_says_what_why_by_which_step_and_what_came_of_it(client: Client, orders: Any, command: Any) -> None:
    path = f"{ADMIN}commands/{command.command_id}/"
    client.get(ADMIN)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(path)

    assert "Outcome Accepted" in words(page)
    assert "because both said yes" in words(page)
    assert 'order_id : " 41 "' in words(page)
    assert "State before step 2" in words(page)
    assert "caterer : false" in words(page)
    assert "The event changed: caterer false → true" in words(page)
    for target in (f"events/{orders['caterer'].id}/", "processes/Agreement/41/?at=2", f"events/{orders['confirmed'].id}/",
                   "streams/Order$41/"):  # fmt: skip
        assert f'href="{ADMIN}{target}"' in page.text
    assert re.search(r"Confirmed in Order\$41 after \d+.ms", words(page))
    assert len(statements(captured)) <= 11
    assert forbidden(captured) == []


def test_a_process_find_and_the_admin_lead_to_it_and_it_leads_to_the_admin(orders: Any, command: Any) -> None:
    client, path = Client(), f"{ADMIN}commands/{command.command_id}/"
    client.force_login(User.objects.create_superuser("root"))
    delivery = CommandDelivery.objects.create(command=command, process=command.process)
    in_admin = f"/admin/event_store/issuedcommand/{command.pk}/change/"
    delivery_in_admin = f"/admin/event_store/commanddelivery/{delivery.pk}/change/"

    for leads_there in (f"{ADMIN}processes/Agreement/41/", f"{ADMIN}find/?q=Confirm", in_admin, delivery_in_admin):
        assert f'href="{path}"' in client.get(leads_there).text
    assert client.get(f"{ADMIN}find/?q={command.command_id}").url == path
    assert f'href="{in_admin}"' in client.get(path).text
    assert "/admin/" not in client.get(f"/es/commands/{command.command_id}/").text


def test_a_processs_row_of_a_command_has_its_step_its_reason_and_its_outcome(
    client: Client, orders: Any, command: Any
) -> None:
    page = client.get(f"{ADMIN}processes/Agreement/41/").text
    row = page.partition('class="es-step" aria-current="step"')[2].partition("<h2")[0]

    assert "CatererSaidYes" in row
    assert "because" in row
    assert "both said yes" in row
    assert "Accepted" in row
    assert f'href="{ADMIN}commands/{command.command_id}/"' in row


def test_what_is_no_command_is_not_found(client: Client, orders: Any) -> None:
    assert client.get(f"{ADMIN}commands/{uuid4()}/").status_code == 404
    assert client.get(f"{ADMIN}commands/{orders['customer'].id}/").status_code == 404


def test_it_needs_a_permission_and_its_values_another_one(
    sign_in: Callable[..., Client], orders: Any, command: Any
) -> None:
    IssuedCommand.objects.update(reason="s3cret", rejection="s3cret", outcome="rejected")
    CommandDelivery.objects.create(command=command, process=command.process, error="s3cret", traceback="s3cret")
    path = f"{ADMIN}commands/{command.command_id}/"
    page = sign_in("view_process").get(path)

    assert page.status_code == 200
    assert "s3cret" not in page.text
    assert "order_id" not in page.text
    assert f"events/{orders['caterer'].id}" not in page.text
    assert page.text.count("Hidden: it needs the permission to view the data of events.") == 2
    assert sign_in("view_storedevent", "view_payload", username="ben").get(path).status_code == 403


class Not41(BrowserPolicy):
    def may_see_process(self, request: Any, type: str, key: str) -> bool:
        return key != "41"


class NotConfirmed(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "Order$41"


@pytest.mark.parametrize(("named", "status"), [(Not41, 403), (NotConfirmed, 200)])
def test_a_policy_that_hides_its_process_hides_it(
    client: Client, orders: Any, command: Any, settings: Any, named: type, status: int
) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.{named.__name__}"}
    page = client.get(f"{ADMIN}commands/{command.command_id}/")

    assert page.status_code == status
    assert str(orders["confirmed"].id) not in page.text


def test_each_outcome_is_told_in_words(client: Client, orders: Any, command: Any) -> None:
    def told(**fields: Any) -> str:
        IssuedCommand.objects.filter(pk=command.pk).update(**fields)
        return words(client.get(f"{ADMIN}commands/{command.command_id}/"))

    assert "Its handler did it at once, in the same transaction." in told()
    assert "Its handler said no: <b>closed</b>" in told(outcome="rejected", rejection="<b>closed</b>")
    assert "It was not sent again: equal to the command of step 2" in told(outcome="suppressed", equal_to=command)
    assert "It was not sent again: an equal command had been sent before." in told(equal_to=None)
    now = timezone.now()
    skipped = told(outcome="skipped", skipped_by="ann", skip_reason="paid in cash", answered_at=now, attempts=3)
    assert "Skipped by ann: it is left undelivered for good. Why: paid in cash" in skipped
    assert "Attempts 3" in skipped
    assert "delivered after 3 attempts" in told(
        outcome="accepted", answered_at=command.issued_at + timedelta(seconds=2)
    )
    assert "Answered after 2\u00a0s" in client.get(f"{ADMIN}commands/{command.command_id}/").text.replace(
        "</dt><dd>", " "
    )


def test_the_state_of_its_delivery_is_told_in_words(client: Client, orders: Any, command: Any) -> None:
    now = timezone.now()
    IssuedCommand.objects.update(outcome="pending")
    later = IssuedCommand.objects.create(
        command_id=uuid4(), step=command.step, process=command.process, type="sample.Confirm", data={}, issued_at=now,
        outcome="pending",
    )  # fmt: skip
    first = CommandDelivery.objects.create(command=command, process=command.process, next_attempt_at=now)
    CommandDelivery.objects.create(command=later, process=command.process)

    def told(which: IssuedCommand, **fields: Any) -> str:
        CommandDelivery.objects.filter(pk=first.pk).update(**fields)
        return words(client.get(f"{ADMIN}commands/{which.command_id}/"))

    assert "It waits behind an earlier command of the same process: Confirm" in told(later)
    assert "It is about to be delivered: due now" in told(command)
    assert "1 later command of this process waits behind it." in told(command)
    tried = told(command, attempts=2, next_attempt_at=now + timedelta(minutes=5), error="TimeoutError: <b>")
    assert "It was not delivered; the next attempt: in 4\u00a0min" in tried.replace("in 4 min", "in 4\u00a0min")
    assert "TimeoutError: <b>" in tried
    assert "It is being delivered right now." in told(command, claimed_until=now)
    IssuedCommand.objects.filter(pk=command.pk).update(outcome="failed")
    assert "Given up after 2 attempts: it waits for somebody to retry or skip it." in told(command)


def test_a_type_that_no_code_declares_and_a_state_that_cannot_be_folded(
    client: Client, orders: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "apply", lambda *arguments: 1 / 0)
    path = f"{ADMIN}commands/{command.command_id}/"
    assert "It cannot be folded with the code that is loaded here." in client.get(path).text
    IssuedCommand.objects.update(type="gone.Command")
    command.process.type = "Gone"
    command.process.save()

    page = client.get(path)
    assert page.status_code == 200
    assert "It cannot be folded with the code that is loaded here." in page.text


def test_what_is_hostile_is_shown_verbatim(client: Client, orders: Any, command: Any) -> None:
    IssuedCommand.objects.update(reason=HOSTILE, rejection=HOSTILE, outcome="rejected", data={HOSTILE: HOSTILE})
    CommandDelivery.objects.create(command=command, process=command.process, error=HOSTILE, traceback=HOSTILE)
    page = client.get(f"{ADMIN}commands/{command.command_id}/")

    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "\u202e" not in page.text
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6


def test_the_number_of_queries_does_not_grow_with_what_came_of_it(client: Client, orders: Any, command: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{ADMIN}commands/{command.command_id}/")
        return len(captured)

    client.get(ADMIN)
    before = queries()
    events = [event_store.append(Noted(), stream=f"s{number}")[0] for number in range(60)]
    with changes_allowed():
        positions = [each.global_position for each in events]
        StoredEvent.objects.filter(pk__in=positions).update(causation_id=command.command_id)

    assert queries() == before
    page = client.get(f"{ADMIN}commands/{command.command_id}/")
    assert len(page.context["effects"].rows) == 50
    assert "The first 50; there are more." in page.text
