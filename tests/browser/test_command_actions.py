"""Delivering a command again, skipping it, and having a failed process go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from browser.policy import BrowserPolicy
from event_store import Command, Delivery, ProcessManager, event_store, handles
from event_store.models import CommandDelivery, FailedEvent, IssuedCommand, Process, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.test_actions import ACTIONS, MOUNTS, form_of, words
from tests.event_store.sample import CatererSaidYes, Noted
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db


class Service:
    """What stands outside."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.is_down = False
        self.was_in_a_transaction: set[bool] = set()


@pytest.fixture
def service() -> Service:
    """A process manager that has a parcel sent for each note."""
    service = Service()

    class Send(Command, type="parcels.Send"):
        text: str

    @handles(Send, outside=True, max_attempts=5)
    def send(command: Send, delivery: Delivery) -> None:
        service.calls.append(delivery.attempt)
        service.was_in_a_transaction.add(connection.in_atomic_block)
        if service.is_down:
            raise ConnectionError("no answer")

    class Parcels(ProcessManager):
        reacts_to = (Noted,)

        @dataclass(frozen=True)
        class State:
            count: int = 0

        def process_id(self, event: Any) -> str:
            return "7"

        def apply(self, state: Any, event: Any) -> Any:
            return Parcels.State(state.count + 1)

        def act(self, state: Any, event: Any) -> Any:
            yield Send(text=event.data.text).because("it was noted")

    return service


@pytest.fixture
def given_up(db: None, service: Service) -> IssuedCommand:
    """One command that was given up, and one that waits behind it."""
    event_store.append([Noted(text="a"), Noted(text="b")], stream="s")
    run_subscriptions()
    service.calls.clear()
    first, second = IssuedCommand.objects.order_by("pk")
    IssuedCommand.objects.filter(pk=first.pk).update(outcome="failed", answered_at=None)
    IssuedCommand.objects.filter(pk=second.pk).update(outcome="pending", answered_at=None)
    for each, attempts in ((first, 3), (second, 0)):
        CommandDelivery.objects.create(command=each, process=each.process, attempts=attempts, error="s3cret")
    Process.objects.update(status="failed", last_error="parcels.Send was not delivered: s3cret")
    return first


@pytest.fixture
def operator(sign_in: Callable[..., Client]) -> Client:
    return sign_in(*PERMISSIONS, *ACTIONS, username="olga")


def rows() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values()) for model in (IssuedCommand, CommandDelivery, Process, LogEntry)
    ]


def paths(command: IssuedCommand, mount: str = ADMIN) -> list[str]:
    of_command = f"{mount}commands/{command.command_id}/"
    return [f"{of_command}retry/", f"{of_command}skip/", f"{mount}processes/Parcels/7/retry/"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_get_changes_nothing_and_a_post_needs_the_token_and_the_permission(
    client: Client, sign_in: Callable[..., Client], given_up: IssuedCommand, service: Service, mount: str
) -> None:
    before = rows()
    for path in (f"{mount}commands/{given_up.command_id}/", f"{mount}processes/Parcels/7/"):
        page = client.get(path)
        assert page.status_code == 200
        assert "/retry/" not in page.text
        assert "/skip/" not in page.text
    for path in paths(given_up, mount):
        assert client.get(path).status_code == 403
        assert client.post(path, {"seen": "3", "reason": "x"}).status_code == 403
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__in=(*PERMISSIONS, *ACTIONS)))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    for path in paths(given_up, mount):
        assert strict.get(path).status_code == 200
        assert strict.post(path, form_of(strict, path) | {"reason": "x"}).status_code == 403
    assert rows() == before
    assert service.calls == []


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_command_is_delivered_again_once(
    operator: Client, given_up: IssuedCommand, service: Service, mount: str
) -> None:
    page = f"{mount}commands/{given_up.command_id}/"
    assert "Retry this Has it delivered now, with the same idempotency key." in words(operator.get(page))
    retry, _skip, _process = paths(given_up, mount)
    asked = words(operator.get(retry))
    assert "1 command: its handler is called now" in asked
    assert "1 later command of its process waits behind it and is delivered then." in asked
    form = form_of(operator, retry)
    first, second = (operator.post(retry, form, follow=True) for _ in range(2))

    assert first.redirect_chain == [(page, 302)]
    assert "Answered: Send." in words(first)
    assert "Already handled: the command is accepted, and nothing is left to deliver." in words(second)
    assert service.calls == [4]
    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.object_id, entry.change_message) == ("olga", str(given_up.pk), "Retried: done.")
    assert entry.content_type.model_class() is IssuedCommand
    assert "Already handled" in words(operator.get(retry))


def test_one_that_fails_again_is_tried_once_however_often_the_form_is_sent(
    operator: Client, given_up: IssuedCommand, service: Service
) -> None:
    service.is_down = True
    retry = paths(given_up)[0]
    form = form_of(operator, retry)
    first, second = (operator.post(retry, form, follow=True) for _ in range(2))

    assert "Send was not delivered: the error below says why." in words(first)
    assert "ConnectionError: no answer" in words(first)
    assert "What people did olga · Retried: failed again. ·" in words(first)
    assert "Already handled: something has happened to it" in words(second)
    assert service.calls == [4]


def test_one_behind_another_is_not_delivered_before_it(
    operator: Client, given_up: IssuedCommand, service: Service
) -> None:
    second = IssuedCommand.objects.order_by("pk")[1]
    page = words(operator.get(f"{ADMIN}commands/{second.command_id}/"))
    assert "Retry this" not in page
    assert "Skip …" in page
    assert "An earlier command of the same process comes first" in words(operator.get(paths(second)[0]))

    forged = operator.post(paths(second)[0], {"seen": "0"}, follow=True)
    assert "Nothing was done: parcels.Send" in words(forged)
    assert service.calls == []


def test_a_command_is_skipped_with_a_reason_once(operator: Client, given_up: IssuedCommand, service: Service) -> None:
    _retry, skip, _process = paths(given_up)
    before = rows()
    assert 'role="alert"' in operator.post(skip, form_of(operator, skip) | {"reason": " "}).text
    assert rows() == before
    first, second = (operator.post(skip, {"reason": "<b>paid in cash</b>"}, follow=True) for _ in range(2))

    assert "Skipped: Send." in words(first)
    assert "Skipped by olga: it is left undelivered for good. Why: <b>paid in cash</b>" in words(first)
    assert "Already handled: the command is skipped" in words(second)
    given_up.refresh_from_db()
    assert (given_up.skipped_by, given_up.skip_reason) == ("olga", "<b>paid in cash</b>")
    assert [each.change_message for each in LogEntry.objects.all()] == ["Skipped: <b>paid in cash</b>"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_failed_process_goes_on(operator: Client, given_up: IssuedCommand, service: Service, mount: str) -> None:
    page, retry = f"{mount}processes/Parcels/7/", paths(given_up, mount)[2]
    assert f'href="{retry}"' in operator.get(page).text
    assert "1 command: Send is delivered again" in words(operator.get(retry))
    form = form_of(operator, retry)
    first, second = (operator.post(retry, form, follow=True) for _ in range(2))

    assert first.redirect_chain == [(page, 302)]
    assert "The process goes on: nothing that failed is left." in words(first)
    assert "Already handled: nothing of this process has failed, or it goes on again." in words(second)
    assert service.calls == [4]
    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.object_repr, entry.change_message) == ("olga", "Parcels 7", "Retried: done.")
    assert f'href="{retry}"' not in operator.get(page).text


def test_a_process_that_fails_again_says_so_and_is_tried_once(
    operator: Client, given_up: IssuedCommand, service: Service
) -> None:
    service.is_down = True
    IssuedCommand.objects.filter(pk=given_up.pk).update(outcome="failed")
    CommandDelivery.objects.update(attempts=4)
    retry = paths(given_up)[2]
    form = form_of(operator, retry)
    first, second = (operator.post(retry, form, follow=True) for _ in range(2))

    assert "It failed again: the error below says why." in words(first)
    assert "Already handled: something has happened to it" in words(second)
    assert service.calls == [5]


def test_parked_events_of_a_process_are_handled(operator: Client, orders: Any) -> None:
    now = timezone.now()
    [event] = event_store.append(CatererSaidYes(order_id="42"), stream="Caterer$9")
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence="42",
        attempts=20, status="given_up", parked_at=now,
    )  # fmt: skip
    Process.objects.filter(key="42").update(status="failed", last_error="ValueError: x")
    retry = f"{ADMIN}processes/Agreement/42/retry/"
    assert "1 parked event is handled now" in words(operator.get(retry))
    page = operator.get(f"{ADMIN}processes/Agreement/42/").text
    assert f'href="{ADMIN}handlers/Agreement/?sequence=42#failures"' in page

    answer = operator.post(retry, form_of(operator, retry), follow=True)
    assert "The process goes on" in words(answer)
    assert Process.objects.get(key="42").status == "completed"
    assert not FailedEvent.objects.exists()


class NotParcels(BrowserPolicy):
    def may_see_process(self, request: Any, type: str, key: str) -> bool:
        return type != "Parcels"


def test_a_policy_that_hides_the_process_refuses_the_action(
    operator: Client, given_up: IssuedCommand, service: Service, settings: Any
) -> None:
    before = rows()
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotParcels"}

    for mount in MOUNTS:
        for path in paths(given_up, mount):
            assert operator.get(path).status_code == 403
            assert operator.post(path, {"seen": "3", "reason": "x"}).status_code == 403
    assert rows() == before
    assert service.calls == []


def test_the_sequence_of_a_hidden_process_is_hidden_with_it(
    operator: Client, given_up: IssuedCommand, settings: Any
) -> None:
    failure = FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Parcels"), event_id=given_up.step.event_id, sequence="7",
        parked_at=timezone.now(),
    )  # fmt: skip
    path = f"{ADMIN}handlers/Parcels/failures/{failure.pk}/"
    lists = [f"{ADMIN}handlers/", f"{ADMIN}handlers/Parcels/"]
    assert f'href="{ADMIN}processes/Parcels/7/"' in operator.get(path).text
    assert [path in operator.get(each).text for each in lists] == [True, True]
    assert path in operator.get(paths(given_up)[2]).text
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotParcels"}

    assert operator.get(path).status_code == 403
    assert operator.post(f"{path}skip/", {"reason": "x"}).status_code == 403
    assert [path in operator.get(each).text for each in lists] == [False, False]


def test_errors_need_the_permission_to_see_data(sign_in: Callable[..., Client], given_up: IssuedCommand) -> None:
    client = sign_in("view_process", *ACTIONS)
    pages = [client.get(path) for path in paths(given_up)]

    assert {page.status_code for page in pages} == {200}
    assert "s3cret" not in "".join(page.text for page in pages)


def test_what_does_not_exist_is_not_found(operator: Client, given_up: IssuedCommand) -> None:
    for path in (f"commands/{uuid4()}/retry/", f"commands/{given_up.command_id}/never/", "processes/Parcels/8/retry/",
                 "processes/Never/7/retry/"):  # fmt: skip
        assert operator.get(ADMIN + path).status_code == 404
        assert operator.post(ADMIN + path, {"reason": "x"}).status_code in (404, 405)


@pytest.mark.django_db(transaction=True)
def test_a_command_is_delivered_in_no_transaction(operator: Client, given_up: IssuedCommand, service: Service) -> None:
    service.was_in_a_transaction.clear()
    retry = paths(given_up)[0]
    operator.post(retry, form_of(operator, retry))

    assert service.calls[0] == 4
    assert service.was_in_a_transaction == {False}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [0, 1, 2], ids=["retry", "skip", "process"])
def test_two_forms_at_the_same_moment_act_once(
    operator: Client, given_up: IssuedCommand, service: Service, number: int
) -> None:
    service.is_down = True
    path = paths(given_up)[number]
    form = form_of(operator, path) | {"reason": "x"}
    user = User.objects.get(username="olga")

    def press() -> int:
        client = Client()
        client.force_login(user)
        return client.post(path, form).status_code

    assert at_once([press] * 4) == [302] * 4
    assert service.calls == ([] if number == 1 else [4])
    assert LogEntry.objects.count() == 1
