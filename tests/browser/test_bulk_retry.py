"""Having all failed processes of a list go on: asked first, each on its own, once, by those who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from browser.policy import BrowserPolicy
from browser.views import process_bulk
from event_store import ProcessManager, event_store, retry_process
from event_store.models import FailedEvent, Process, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.forbidden_sql import fault_of
from tests.browser.test_actions import MOUNTS, form_of, words
from tests.event_store.sample import Noted
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db
LIST = "processes/Letters/?status=failed"
RETRY = "processes/Letters/~retry/?status=failed"
KEYS = ("a1", "a2", "b1", "retry")


class Post:
    def __init__(self) -> None:
        self.handled: list[str] = []
        self.refused: set[str] = set()
        self.languages: set[str] = set()


@pytest.fixture
def post() -> Post:
    """A process manager with a process for each text; it fails at those that are refused."""
    post = Post()

    class Letters(ProcessManager):
        reacts_to = (Noted,)

        @dataclass(frozen=True)
        class State:
            count: int = 0

        def process_id(self, event: Any) -> str:
            return str(event.data.text)

        def apply(self, state: Any, event: Any) -> Any:
            return Letters.State(state.count + 1)

        def act(self, state: Any, event: Any) -> Any:
            post.handled.append(self.id)
            post.languages.add(translation.get_language())
            if self.id in post.refused:
                raise ValueError("s3cret")
            return []

    return post


@pytest.fixture
def letters(db: None, post: Post) -> Post:
    """Four processes that have failed, with one event parked each; it could be handled now."""
    event_store.append([Noted(text=each) for each in KEYS], stream="s")
    run_subscriptions()
    # Where tests commit, they are handled at once.
    post.refused.update(KEYS)
    for each in event_store.append([Noted(text=each) for each in KEYS], stream="s"):
        park(each.global_position, each.data.text)
    Process.objects.update(status="failed", last_error="ValueError: s3cret")
    post.refused.clear()
    post.handled.clear()
    post.languages.clear()
    return post


def park(position: int, key: str) -> None:
    reader = Subscription.objects.get(name="Letters")
    Subscription.objects.update(checkpoint=position)
    FailedEvent.objects.filter(event_id=position).delete()
    FailedEvent.objects.create(
        subscription=reader, event_id=position, sequence=key, attempts=20, status="given_up", parked_at=timezone.now()
    )


@pytest.fixture
def operator(sign_in: Callable[..., Client]) -> Client:
    return sign_in(*PERMISSIONS, "retry_process", username="olga")


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Process, FailedEvent, Subscription, LogEntry)]


def send(client: Client, path: str) -> Any:
    return client.post(path, form_of(client, path), follow=True)


def failed_keys() -> list[str]:
    return list(Process.objects.filter(status="failed").order_by("key").values_list("key", flat=True))


# ---- the way there


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_list_of_failed_processes_leads_to_the_form_with_its_filter(
    operator: Client, letters: Post, mount: str
) -> None:
    path = f"{mount}processes/Letters/~retry/"

    assert f'href="{path}?status=failed"' in operator.get(mount + LIST).text
    assert f'href="{path}?status=failed&amp;key=a"' in operator.get(f"{mount}{LIST}&key=a").text
    for query in ("", "?status=waiting", "?status=failed&key=never", "?status=failed&older=3d"):
        assert "~retry" not in operator.get(f"{mount}processes/Letters/{query}").text, query


@pytest.mark.parametrize("mount", MOUNTS)
def test_without_the_permission_there_is_no_button_and_a_forged_form_is_refused(
    client: Client, letters: Post, mount: str
) -> None:
    before = rows()
    last = Process.objects.order_by("pk").last()
    assert last is not None
    forged = {"seen": str(process_bulk.Seen(last.pk, timezone.now()))}

    assert "~retry" not in client.get(mount + LIST).text
    assert client.get(mount + RETRY).status_code == 403
    assert client.post(mount + RETRY, forged).status_code == 403
    assert rows() == before
    assert letters.handled == []


def test_a_get_changes_nothing_and_a_post_needs_the_token(operator: Client, letters: Post) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    before = rows()

    assert strict.get(ADMIN + RETRY).status_code == 200
    assert strict.post(ADMIN + RETRY, form_of(strict, ADMIN + RETRY)).status_code == 403
    assert operator.post(ADMIN + RETRY).status_code == 302
    assert operator.post(ADMIN + RETRY, {"seen": "4_never"}).status_code == 302
    assert rows() == before
    assert letters.handled == []


def test_the_form_says_how_many_and_which(operator: Client, letters: Post) -> None:
    asked, of_b = operator.get(ADMIN + RETRY), operator.get(f"{ADMIN}{RETRY}&key=b")

    assert "4 failed processes are tried again now, one after the other" in words(asked)
    assert "After 20 seconds no further one is begun" in words(asked)
    assert f'href="{ADMIN}processes/Letters/retry/"' in asked.text
    assert "s3cret" in asked.text
    assert "1 failed process is tried again now" in words(of_b)
    assert "/processes/Letters/a1/" not in of_b.text


def test_errors_need_the_permission_to_see_data(sign_in: Callable[..., Client], letters: Post) -> None:
    page = sign_in("view_process", "retry_process").get(ADMIN + RETRY)

    assert page.status_code == 200
    assert "s3cret" not in page.text


def test_no_process_has_the_address_of_the_form(operator: Client, letters: Post) -> None:
    [process] = Process.objects.filter(key="retry")
    Process.objects.create(
        type="Letters", key="~retry", status="failed", started_at=process.started_at, updated_at=process.updated_at
    )

    assert operator.get(f"{ADMIN}processes/Letters/retry/").resolver_match.url_name == "process"
    assert operator.get(f"{ADMIN}processes/Letters/~7Eretry/").resolver_match.url_name == "process"
    assert operator.get(ADMIN + RETRY).resolver_match.url_name == "retry_processes"


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999999999999", "after=%00", "after=\u0663"])
def test_a_place_that_is_none_is_not_found(operator: Client, letters: Post, query: str) -> None:
    assert operator.get(f"{ADMIN}{RETRY}&{query}").status_code == 404
    assert operator.post(f"{ADMIN}{RETRY}&{query}").status_code == 404
    assert operator.get(f"{ADMIN}processes/Never/~retry/").status_code == 404


# ---- what it does


@pytest.mark.parametrize("mount", MOUNTS)
def test_failed_processes_go_on_once(operator: Client, letters: Post, mount: str) -> None:
    form = form_of(operator, mount + RETRY)
    first, second = (operator.post(mount + RETRY, form, follow=True) for _ in range(2))

    assert first.redirect_chain == [(mount + LIST, 302)]
    assert "Went on: 4." in words(first)
    assert "Failed again" not in words(first)
    assert "Already handled: none of these processes has failed" in words(second)
    assert letters.handled == list(KEYS)
    assert failed_keys() == []
    assert [
        (each.user.username, each.object_repr, each.change_message) for each in LogEntry.objects.order_by("pk")
    ] == [("olga", f"Letters {key}", "Retried: done.") for key in KEYS]


def test_one_that_fails_again_does_not_stop_the_others_and_is_tried_once(operator: Client, letters: Post) -> None:
    letters.refused.add("a2")
    form = form_of(operator, ADMIN + RETRY)
    first, second = (operator.post(ADMIN + RETRY, form, follow=True) for _ in range(2))

    assert "Went on: 3. Failed again: 1; the page of each says why." in words(first)
    assert "Already handled" in words(second)
    assert letters.handled == list(KEYS)
    assert failed_keys() == ["a2"]
    assert LogEntry.objects.get(object_repr="Letters a2").change_message == "Retried: failed again."


def test_only_those_of_the_filter_go_on(operator: Client, letters: Post) -> None:
    Process.objects.filter(key="a2").update(waiting_for="x")
    assert "Went on: 1." in words(send(operator, f"{ADMIN}{RETRY}&key=a&waiting_for=x"))
    assert letters.handled == ["a2"]

    assert "Went on: 1." in words(send(operator, f"{ADMIN}{RETRY}&key=a"))
    assert letters.handled == ["a2", "a1"]
    assert "Already handled" in words(operator.get(f"{ADMIN}{RETRY}&key=a"))
    assert "Already handled" in words(operator.get(f"{ADMIN}{RETRY}&older=1d"))


def test_one_that_has_changed_since_the_form_was_opened_is_left_alone(operator: Client, letters: Post) -> None:
    form = form_of(operator, ADMIN + RETRY)
    Process.objects.filter(key="a1").update(updated_at=timezone.now())

    operator.post(ADMIN + RETRY, form)
    assert letters.handled == ["a2", "b1", "retry"]


def test_one_that_somebody_else_is_at_is_passed_over(
    operator: Client, letters: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = retry_process

    def faster(process_type: str, key: str, **values: Any) -> bool:
        if key == "a2":
            Process.objects.filter(key=key).update(updated_at=timezone.now())
        return retry(process_type, key, **values)

    monkeypatch.setattr(process_bulk, "retry_process", faster)

    assert "Went on: 3. Passed over: 1, which somebody else is at" in words(send(operator, ADMIN + RETRY))
    assert letters.handled == ["a1", "b1", "retry"]
    assert LogEntry.objects.count() == 3


def test_after_some_time_it_says_how_many_are_left_and_goes_on_behind_them(
    operator: Client, letters: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.refused.add("a1")
    monkeypatch.setattr(process_bulk, "SECONDS", 0)
    first = send(operator, ADMIN + RETRY)
    [(address, _status)] = first.redirect_chain

    assert "Went on: 0. Failed again: 1; the page of each says why. Left: 3, which this form is about." in words(first)
    assert "3 failed processes are tried again now" in words(first)
    assert letters.handled == ["a1"]
    monkeypatch.undo()
    second = send(operator, address)
    assert "Went on: 3." in words(second)
    assert second.redirect_chain == [(ADMIN + LIST, 302)]
    assert failed_keys() == ["a1"]


def test_so_many_at_a_time(operator: Client, letters: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_bulk, "MOST_RETRIED", 3)
    asked = words(operator.get(ADMIN + RETRY))

    assert "3 failed processes are tried again now" in asked
    assert "They are the first of more: a further form is about the others." in asked
    assert "Went on: 3. Left: 1, which this form is about." in words(send(operator, ADMIN + RETRY))
    assert letters.handled == ["a1", "a2", "b1"]


def test_it_is_a_thousand_that_are_read_in_a_few_statements(operator: Client, letters: Post) -> None:
    now = timezone.now()
    Process.objects.bulk_create(
        Process(type="Letters", key=f"c{number}", status="failed", started_at=now, updated_at=now)
        for number in range(1_100)
    )
    operator.get(ADMIN + RETRY)
    with CaptureQueriesContext(connection) as captured:
        page = words(operator.get(ADMIN + RETRY))

    assert "1000 failed processes are tried again now" in page
    assert "and 995 more" in page
    assert len(captured) < 12
    assert [each["sql"] for each in captured.captured_queries if fault_of(each["sql"])] == []


class NotA1(BrowserPolicy):
    def may_see_process(self, request: Any, type: str, key: str) -> bool:
        return key != "a1"


def test_what_a_policy_hides_is_not_counted_named_or_tried(
    operator: Client, letters: Post, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotA1"}
    monkeypatch.setattr(process_bulk, "MOST_RETRIED", 1)
    page = operator.get(ADMIN + RETRY)

    assert "1 failed process is tried again now" in words(page)
    assert "/a1/" not in page.text
    monkeypatch.undo()
    assert "Went on: 3." in words(send(operator, ADMIN + RETRY))
    assert letters.handled == ["a2", "b1", "retry"]
    assert "Already handled" in words(operator.get(ADMIN + RETRY))


class NotHidden(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "hidden"


def test_a_process_with_a_parked_event_that_a_policy_hides_is_passed_over(
    operator: Client, letters: Post, settings: Any
) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotHidden"}
    letters.refused.add("a1")
    park(event_store.append(Noted(text="a1"), stream="hidden")[0].global_position, "a1")
    letters.handled.clear()
    letters.refused.clear()

    assert "Went on: 3. Passed over: 1" in words(send(operator, ADMIN + RETRY))
    assert letters.handled == ["a2", "b1", "retry"]


def test_handlers_run_in_the_language_of_the_settings(operator: Client, letters: Post, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    form = form_of(operator, ADMIN + RETRY)
    page = operator.post(ADMIN + RETRY, form, follow=True, headers={"Accept-Language": "pl"})

    assert page["Content-Language"] == "pl"
    assert letters.languages == {settings.LANGUAGE_CODE}


def test_a_type_that_no_code_declares_is_passed_over(operator: Client, letters: Post) -> None:
    Process.objects.filter(key="a1").update(type="Gone")
    reader = Subscription.objects.create(name="Gone")
    FailedEvent.objects.filter(sequence="a1").update(subscription=reader)

    assert "Went on: 0. Passed over: 1" in words(send(operator, f"{ADMIN}processes/Gone/~retry/?status=failed"))
    assert letters.handled == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mount", MOUNTS)
def test_no_transaction_of_the_page_is_around_them(
    operator: Client, letters: Post, monkeypatch: pytest.MonkeyPatch, mount: str
) -> None:
    was_in_a_transaction: list[bool] = []
    retry = retry_process

    def watched(*arguments: Any, **values: Any) -> bool:
        was_in_a_transaction.append(connection.in_atomic_block)
        return retry(*arguments, **values)

    monkeypatch.setattr(process_bulk, "retry_process", watched)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    send(operator, mount + RETRY)

    assert was_in_a_transaction == [False] * 4


@pytest.mark.django_db(transaction=True)
def test_two_forms_at_the_same_moment_try_each_process_once(operator: Client, letters: Post) -> None:
    letters.refused.update(KEYS)
    form = form_of(operator, ADMIN + RETRY)
    user = User.objects.get(username="olga")

    def press() -> int:
        client = Client()
        client.force_login(user)
        return client.post(ADMIN + RETRY, form).status_code

    assert at_once([press] * 3) == [302] * 3
    assert sorted(letters.handled) == sorted(KEYS)
    assert LogEntry.objects.count() == 4


def test_the_permission_opens_it(client: Client, letters: Post) -> None:
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__in=("view_process", "retry_process")))

    assert "Went on: 4." in words(send(client, ADMIN + RETRY))
