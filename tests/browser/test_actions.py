"""Retrying and skipping: asked first, done once, by those who may, and noted with who and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from browser.policy import BrowserPolicy
from event_store import RecordedEvent, durable_subscribers, event_store, subscriber
from event_store.models import FailedEvent, Subscription
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.words import words
from tests.event_store.sample import Noted
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db
ACTIONS = ("retry_failedevent", "skip_failedevent", "retry_commanddelivery", "skip_commanddelivery", "retry_process")
HOSTILE = """<script>alert(1)</script>"><img onerror=x>{{7*7}}\u202e</title>';alert(1)//"""
MOUNTS = [ADMIN, "/es/"]


@pytest.fixture
def handled() -> list[str]:
    return []


@pytest.fixture
def broken(handled: list[str]) -> set[str]:
    """The texts that cannot be handled."""
    texts = {"a"}

    @subscriber(Noted, durable=True, name="reader", max_attempts=2)
    def read(event: RecordedEvent[Noted]) -> None:
        """Reads what was noted."""
        handled.append(event.data.text)
        if event.data.text in texts:
            raise ValueError(f"cannot read {event.data.text}")

    return texts


@pytest.fixture
def failures(db: None, broken: set[str], handled: list[str]) -> list[FailedEvent]:
    """Three of one sequence: the first one has failed, the others wait behind it."""
    events = event_store.append([Noted(text=text) for text in "abc"], stream="s")
    now = timezone.now()
    # Where tests commit, the first one has failed by now.
    FailedEvent.objects.all().delete()
    values = {"checkpoint": events[-1].global_position, "status": "failing"}
    reader, _is_new = Subscription.objects.update_or_create(name="reader", defaults=values)
    for number, event in enumerate(events):
        FailedEvent.objects.create(
            subscription=reader, event_id=event.global_position, sequence="s", status="waiting", parked_at=now
        )
        if number == 0:
            FailedEvent.objects.update(
                status="retrying", attempts=1, last_failed_at=now, next_attempt_at=now + timedelta(hours=1),
                error="ValueError: cannot read a", traceback="Traceback (most recent call last): …",
            )  # fmt: skip
    handled.clear()
    return list(FailedEvent.objects.order_by("pk"))


@pytest.fixture
def operator(sign_in: Callable[..., Client]) -> Client:
    return sign_in(*PERMISSIONS, *ACTIONS, username="olga")


def url(failure: FailedEvent, action: str = "", mount: str = ADMIN) -> str:
    return f"{mount}handlers/reader/failures/{failure.pk}/" + (f"{action}/" if action else "")


def submit(client: Client, path: str, **values: str) -> Any:
    """Send the form of a page as it is there."""
    return client.post(path, form_of(client, path) | values, follow=True)


def form_of(client: Client, path: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(seen)" value="([^"]*)"', client.get(path).text))


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (FailedEvent, Subscription, LogEntry)]


# ---- the page of a failure


def test_a_failures_page_says_why_what_waits_and_what_can_be_done(
    operator: Client, failures: list[FailedEvent]
) -> None:
    first, last = words(operator.get(url(failures[0]))), words(operator.get(url(failures[2])))

    assert "Noted failed in reader" in first
    assert "Status Retrying Attempts 1 of 2" in first
    assert "ValueError: cannot read a" in first
    assert "Traceback (most recent call last)" in first
    assert "It is tried again by itself, with growing pauses." in first
    assert "2 later events of its sequence." in first
    assert "Retry this Has the handler called with this event now." in first
    assert "Retry all up to here" not in first
    assert "It waits: 2 earlier events of its sequence come first." in last
    assert "Retry all up to here Has its sequence handled now" in last
    assert "What it waits for Noted Retrying" in last
    assert "ValueError: cannot read a" in last
    assert "It has not been tried itself" in last
    assert "Skip … Leaves this event unhandled for good" in last
    assert "Retry this" not in last
    whole = f'href="{ADMIN}handlers/reader/?sequence=s#failures"'
    assert [whole in operator.get(url(each)).text for each in failures] == [False, True, True]
    assert 'text : " c "' in last


def test_one_that_was_given_up_or_skipped_says_so(operator: Client, failures: list[FailedEvent]) -> None:
    FailedEvent.objects.filter(pk=failures[0].pk).update(status="given_up", attempts=2, next_attempt_at=None)
    page = words(operator.get(url(failures[0])))
    assert "Given up after 2 attempts: nothing more happens until somebody retries or skips it." in page
    assert "Next attempt none by itself" in page
    FailedEvent.objects.filter(pk=failures[0].pk).update(
        status="skipped", skipped_by="ann", skip_reason="a duplicate", skipped_at=timezone.now()
    )

    page = words(operator.get(url(failures[0])))
    assert "Skipped by ann: it is left unhandled for good. Why: a duplicate" in page
    assert "What can be done" not in page


# ---- who may do what


@pytest.mark.parametrize("mount", MOUNTS)
def test_without_the_permission_there_is_no_button_and_a_forged_form_is_refused(
    client: Client, failures: list[FailedEvent], handled: list[str], mount: str
) -> None:
    before = rows()
    page = client.get(url(failures[0], mount=mount))

    assert page.status_code == 200
    assert "What can be done" not in page.text
    assert "/retry/" not in page.text
    for action in ("retry", "retry-up-to", "skip"):
        path = url(failures[0], action, mount)
        assert client.get(path).status_code == 403
        answer = client.post(path, {"seen": f"{failures[0].pk}-1", "reason": "x"})
        assert answer.status_code == 403
        assert "event_store.skip_failedevent" in answer.text or "event_store.retry_failedevent" in answer.text
    assert rows() == before
    assert handled == []


def test_each_button_has_a_permission_of_its_own(sign_in: Callable[..., Client], failures: list[FailedEvent]) -> None:
    page = words(sign_in("view_storedevent", "retry_failedevent").get(url(failures[0])))
    assert "Retry this" in page
    assert "Skip …" not in page
    page = words(sign_in("view_storedevent", "skip_failedevent", username="ben").get(url(failures[0])))
    assert "Skip …" in page
    assert "Retry this" not in page


def test_nobody_who_is_not_signed_in_does_anything(failures: list[FailedEvent]) -> None:
    before = rows()
    for mount in MOUNTS:
        assert Client().post(url(failures[0], "skip", mount), {"reason": "x"}).status_code == 302

    assert rows() == before


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_get_changes_nothing_and_a_post_needs_the_token(
    sign_in: Callable[..., Client], failures: list[FailedEvent], handled: list[str], mount: str
) -> None:
    sign_in(*PERMISSIONS, *ACTIONS)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get())
    before = rows()
    for action in ("retry", "retry-up-to", "skip"):
        path = url(failures[0], action, mount)
        page = client.get(path)
        assert page.status_code == 200
        assert "csrfmiddlewaretoken" in page.text
        assert client.head(path).status_code == 200
        assert client.post(path, form_of(client, path) | {"reason": "x"}).status_code == 403
    assert rows() == before
    assert handled == []

    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(url(failures[0], "skip", mount)).text)[0]
    path = url(failures[0], "skip", mount)
    assert client.post(path, {"csrfmiddlewaretoken": token, "reason": "x"}).status_code == 302


# ---- retry


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_retry_that_goes_well_is_told_noted_and_done_once(
    operator: Client, failures: list[FailedEvent], broken: set[str], handled: list[str], mount: str
) -> None:
    broken.clear()
    path = url(failures[0], "retry", mount)
    asked = operator.get(path)
    assert "1 event: the handler is called with it now" in words(asked)
    assert "2 later events of its sequence wait behind it and follow by themselves." in words(asked)
    form = form_of(operator, path)
    first, second = (operator.post(path, form, follow=True) for _ in range(2))

    assert first.redirect_chain == [(f"{mount}handlers/reader/", 302)]
    assert "Handled: Noted. What waited behind it follows." in words(first)
    assert "Already handled: this failed event is gone. Nothing was done." in words(second)
    assert 'role="status"' in second.text
    assert handled == ["a"]
    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.object_id, entry.change_message) == (
        "olga",
        str(failures[0].pk),
        "Retried: done.",
    )
    assert entry.content_type.model_class() is FailedEvent
    assert operator.get(path).status_code == operator.get(url(failures[0], mount=mount)).status_code == 404


def test_a_retry_that_fails_again_counts_once_however_often_the_form_is_sent(
    operator: Client, failures: list[FailedEvent], handled: list[str]
) -> None:
    path = url(failures[0], "retry")
    form = form_of(operator, path)
    first, second = (operator.post(path, form, follow=True) for _ in range(2))

    assert "Noted failed again: its page says why." in words(first)
    assert "Already handled: something has happened to it since you opened the form." in words(second)
    assert handled == ["a"]
    failures[0].refresh_from_db()
    assert (failures[0].attempts, failures[0].status) == (2, "given_up")
    assert [each.change_message for each in LogEntry.objects.all()] == ["Retried: failed again."]
    assert "What people did olga · Retried: failed again. ·" in words(operator.get(url(failures[0])))
    assert "Already handled" in words(operator.post(path, {}, follow=True))


def test_one_behind_others_is_retried_with_them(
    operator: Client, failures: list[FailedEvent], broken: set[str], handled: list[str]
) -> None:
    alone = url(failures[1], "retry")
    assert "Earlier events of its sequence come first: retry all up to here." in words(operator.get(alone))
    assert "<form method" not in operator.get(alone).text
    first = FailedEvent.objects.order_by("pk")[0]
    forged = operator.post(alone, {"seen": f"{first.pk}-{first.attempts}"}, follow=True)
    assert "Nothing was done: 1 earlier event of the sequence 's' comes first" in words(forged)
    assert handled == []

    broken.clear()
    path = url(failures[1], "retry-up-to")
    assert "2 events, in their order" in words(operator.get(path))
    form = form_of(operator, path)
    answers = [operator.post(path, form, follow=True) for _ in range(2)]
    assert "2 events were handled." in words(answers[0])
    assert "Already handled" in words(answers[1])
    assert handled == ["a", "b"]
    assert [each.change_message for each in LogEntry.objects.all()] == ["Retried up to here: 2 handled."]


def test_up_to_here_stops_at_the_first_that_fails(
    operator: Client, failures: list[FailedEvent], broken: set[str], handled: list[str]
) -> None:
    broken.clear()
    broken.add("b")
    path = url(failures[2], "retry-up-to")
    form = form_of(operator, path)
    answers = [operator.post(path, form, follow=True) for _ in range(2)]

    assert "1 event was handled. Then one failed again: its page says why." in words(answers[0])
    assert "Already handled" in words(answers[1])
    assert handled == ["a", "b"]


def test_handlers_run_in_the_language_and_the_zone_of_the_site(
    operator: Client, failures: list[FailedEvent], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LANGUAGE_CODE, settings.TIME_ZONE = "pl", "Europe/Warsaw"
    seen: list[Any] = []
    reader = durable_subscribers.get("reader")

    def look(event: Any) -> None:
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))

    assert reader is not None
    object.__setattr__(reader, "handle", look)
    with timezone.override("Asia/Tokyo"), translation.override("de"):
        answer = submit(operator, url(failures[0], "retry"))

    assert seen == [("pl", "Europe/Warsaw")]
    assert "Handled: Noted." in words(answer)


# ---- skip


def test_a_skip_asks_for_a_reason_and_keeps_it(operator: Client, failures: list[FailedEvent]) -> None:
    path = url(failures[0], "skip")
    before = rows()
    for reason in ("", "   ", "\0", "x" * 1001, "a\0b"):
        page = submit(operator, path, reason=reason)
        assert page.status_code == 200
        assert 'role="alert"' in page.text
    assert rows() == before

    answer = submit(operator, path, reason=f" {HOSTILE} ")
    failures[0].refresh_from_db()
    assert "Skipped: Noted. What waited behind it follows." in words(answer)
    assert (failures[0].status, failures[0].skipped_by, failures[0].skip_reason) == ("skipped", "olga", HOSTILE)
    [entry] = LogEntry.objects.all()
    assert (entry.user.username, entry.object_id) == ("olga", str(failures[0].pk))
    assert entry.change_message == f"Skipped: {HOSTILE}"


def test_a_second_skip_says_who_was_first(operator: Client, failures: list[FailedEvent]) -> None:
    path = url(failures[0], "skip")
    form = form_of(operator, path)
    operator.post(path, form | {"reason": "a duplicate"})
    again = operator.post(path, form | {"reason": "another"}, follow=True)

    assert "Already handled: olga has skipped it. Nothing was done." in words(again)
    assert FailedEvent.objects.get(pk=failures[0].pk).skip_reason == "a duplicate"
    assert LogEntry.objects.count() == 1
    page = operator.get(path)
    assert "Already handled: olga has skipped it." in words(page)
    assert "<form method" not in page.text


def test_what_no_code_declares_can_be_skipped_and_not_retried(operator: Client, failures: list[FailedEvent]) -> None:
    form = form_of(operator, url(failures[0], "retry"))
    durable_subscribers.remove(durable_subscribers.get("reader"))  # type: ignore[arg-type]
    page = words(operator.get(url(failures[0])))

    assert "Retry this" not in page
    assert "Skip …" in page
    assert "the event can be skipped, not retried." in page
    assert "can be skipped, not retried" in words(operator.get(url(failures[0], "retry")))
    answer = operator.post(url(failures[0], "retry"), form, follow=True)
    assert "Nothing was done: No code declares the subscription 'reader'" in words(answer)
    assert "No code that is loaded here declares it" in words(operator.get(f"{ADMIN}handlers/reader/"))
    assert "Skipped: Noted." in words(submit(operator, url(failures[0], "skip"), reason="gone"))


# ---- policies, sites without messages, hostile words


class NotS(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "s"


class NotTheFirst(BrowserPolicy):
    def may_see_stream(self, request: Any, name: str) -> bool:
        return name != "hidden"


def test_a_policy_that_hides_the_event_refuses_the_action(
    operator: Client, failures: list[FailedEvent], handled: list[str], settings: Any
) -> None:
    forms = {action: form_of(operator, url(failures[0], action)) for action in ("retry", "retry-up-to", "skip")}
    before = rows()
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotS"}

    for mount in MOUNTS:
        assert operator.get(url(failures[0], mount=mount)).status_code == 403
        for action, form in forms.items():
            answer = operator.post(url(failures[0], action, mount), form | {"reason": "x"})
            assert answer.status_code == 403
            assert "The policy of this site keeps it from you" in answer.text
    assert rows() == before
    assert handled == []
    assert "Noted" not in operator.get(f"{ADMIN}handlers/reader/").text.partition('id="failures"')[2]


def test_all_up_to_here_is_refused_where_one_of_them_is_hidden(
    operator: Client, failures: list[FailedEvent], handled: list[str], settings: Any
) -> None:
    [hidden] = event_store.append(Noted(text="h"), stream="hidden")
    FailedEvent.objects.filter(pk=failures[0].pk).update(event_id=hidden.global_position)
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.NotTheFirst"}

    assert operator.get(url(failures[2])).status_code == 200
    assert operator.get(url(failures[2], "retry-up-to")).status_code == 403
    assert operator.post(url(failures[2], "retry-up-to"), {"seen": f"{failures[0].pk}-1"}).status_code == 403
    assert handled == []


def test_a_site_without_messages_shows_a_page_instead(
    operator: Client, failures: list[FailedEvent], settings: Any, broken: set[str]
) -> None:
    broken.clear()
    settings.MIDDLEWARE = [each for each in django_settings.MIDDLEWARE if "messages" not in each]
    path = url(failures[0], "retry", "/es/")
    form = form_of(operator, path)
    first, second = (operator.post(path, form) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert "Handled: Noted." in words(first)
    assert "Already handled" in words(second)
    assert 'href="/es/handlers/reader/"' in first.text


def test_a_site_without_the_admin_logs_who_did_what(
    operator: Client, failures: list[FailedEvent], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="browser.actions")
    monkeypatch.setattr("browser.views.action.apps.is_installed", lambda name: False)
    submit(operator, url(failures[0], "skip", "/es/"), reason="a duplicate")

    assert "olga: s: " in caplog.text
    assert "Skipped: a duplicate" in caplog.text
    assert not LogEntry.objects.exists()


def test_hostile_words_are_shown_verbatim(operator: Client, failures: list[FailedEvent]) -> None:
    FailedEvent.objects.update(error=HOSTILE, traceback=f"{HOSTILE}\n{HOSTILE}", sequence=HOSTILE)
    Subscription.objects.update(status="failing", last_error=HOSTILE)
    paths = [url(failures[0]), url(failures[0], "skip"), url(failures[0], "retry"), f"{ADMIN}handlers/", f"{ADMIN}handlers/reader/"]  # fmt: skip
    pages = [operator.get(path) for path in paths]
    User.objects.update(username=HOSTILE)
    pages.append(submit(operator, paths[1], reason=HOSTILE))
    pages.append(operator.post(paths[1], {"reason": "x"}, follow=True))

    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img onerror" not in page.text
        assert "\u202e" not in page.text.partition('id="es"')[2]
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "{{7*7}}" in page.text
    assert "Skipped by" in words(pages[-2])


def test_errors_need_the_permission_to_see_data(sign_in: Callable[..., Client], failures: list[FailedEvent]) -> None:
    FailedEvent.objects.update(error="s3cret", traceback="s3cret", skip_reason="s3cret")
    Subscription.objects.update(status="failing", last_error="s3cret")
    client = sign_in("view_storedevent", *ACTIONS)
    paths = [
        f"{ADMIN}handlers/",
        f"{ADMIN}handlers/reader/",
        *(url(failures[0], each) for each in ("", "retry", "skip")),
    ]
    pages = [client.get(path) for path in paths]

    assert {page.status_code for page in pages} == {200}
    assert [path for path, page in zip(paths, pages, strict=True) if "s3cret" in page.text] == []
    assert 'text : "' not in words(pages[2])
    submit(client, url(failures[0], "skip"), reason="s3cret")
    page = client.get(url(failures[0]))
    assert "s3cret" not in page.text
    assert "What people did anna" in words(page)


def test_what_is_no_failure_is_not_found(operator: Client, failures: list[FailedEvent]) -> None:
    for path in (f"reader/failures/{failures[2].pk + 1}/", "reader/failures/99999999999999999999999999/",
                 f"other/failures/{failures[0].pk}/", f"reader/failures/{failures[0].pk}/never/", "never/",
                 "reader/?status=never", "reader/?from=x", "reader/?from=%00", "reader/?from=9999999999999999999999"):  # fmt: skip
        assert operator.get(f"{ADMIN}handlers/{path}").status_code == 404, path
    gone = f"{ADMIN}handlers/reader/failures/{failures[2].pk + 1}/"
    assert "it was handled meanwhile, or never failed" in operator.get(gone).text
    answer = operator.post(f"{gone}skip/", {"reason": "x"}, follow=True)
    assert "Already handled" in words(answer)


def test_these_pages_ask_little_of_the_database(operator: Client, failures: list[FailedEvent]) -> None:
    operator.get(ADMIN)
    budgets = {
        url(failures[0]): 11,
        url(failures[0], "retry"): 9,
        f"{ADMIN}handlers/reader/": 8,
        f"{ADMIN}handlers/": 7,
    }
    counts = {}
    for path in budgets:
        with CaptureQueriesContext(connection) as captured:
            operator.get(path)
        counts[path] = len([each for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    assert {path: count for path, count in counts.items() if count > budgets[path]} == {}


def test_permissions_are_those_of_the_store(operator: Client) -> None:
    known = set(Permission.objects.filter(content_type__app_label="event_store").values_list("codename", flat=True))

    assert set(ACTIONS) <= known


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["retry", "retry-up-to", "skip"])
def test_two_forms_at_the_same_moment_act_once(
    operator: Client, failures: list[FailedEvent], handled: list[str], action: str
) -> None:
    path = url(failures[0], action)
    form = form_of(operator, path) | {"reason": "x"}
    user = User.objects.get(username="olga")

    def press() -> int:
        client = Client()
        client.force_login(user)
        return client.post(path, form).status_code

    assert at_once([press] * 4) == [302] * 4
    assert handled == ([] if action == "skip" else ["a"])
    assert LogEntry.objects.count() == 1
