"""What people do with failed events: retry them, retry up to one, skip one; from code, the shell and the admin."""

from __future__ import annotations

import json
import threading
import time
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

import event_store as public
from event_store import FailedEventError, RecordedEvent, event_store, subscriber
from event_store.durable import durable_subscribers
from event_store.exceptions import UnknownSubscription
from event_store.models import FailedEvent, Process, Subscription
from event_store.store import EventStore
from event_store.subscriptions import failures, retries
from tests.event_store.sample import Agreement, CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN = "/admin/event_store/failedevent/"


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def broken(seen: list[str]) -> set[str]:
    """The texts that cannot be handled."""
    texts = {"a"}

    @subscriber(Noted, durable=True, name="reader", max_attempts=1)
    def read(event: RecordedEvent[Noted]) -> None:
        if event.data.text in texts:
            raise ValueError(f"not {event.data.text}")
        seen.append(event.data.text)

    return texts


@pytest.fixture
def parked(broken: set[str]) -> list[int]:
    """Three of one sequence; the first one was given up."""
    event_store.publish([Noted(text=text) for text in "abc"], stream="s")
    return list(FailedEvent.objects.order_by("pk").values_list("pk", flat=True))


def statuses() -> list[str]:
    return list(FailedEvent.objects.order_by("pk").values_list("status", flat=True))


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("failed_events", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_retry_handles_the_first_one_and_brings_up_the_next(
    parked: list[int], broken: set[str], seen: list[str]
) -> None:
    assert statuses() == ["given_up", "waiting", "waiting"]
    assert public.retry_failed_event(parked[0]) is False
    broken.clear()

    assert public.retry_failed_event(parked[0]) is True
    assert (seen, statuses()) == (["a"], ["retrying", "waiting"])


def test_one_behind_others_is_only_retried_with_them(parked: list[int], broken: set[str], seen: list[str]) -> None:
    with pytest.raises(FailedEventError, match="2 earlier events of the sequence 's' come first"):
        public.retry_failed_event(parked[2])
    assert public.retry_failed_events_up_to(parked[1]) == 0
    broken.clear()

    assert async_to_sync(public.aretry_failed_events_up_to)(parked[1]) == 2
    assert (seen, statuses()) == (["a", "b"], ["retrying"])


def test_what_has_moved_on_since_it_was_seen_is_left_alone(
    parked: list[int], broken: set[str], seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert public.retry_failed_event(parked[0], seen=(parked[0], 1)) is False
    for retry in (public.retry_failed_event, public.retry_failed_events_up_to):
        with pytest.raises(FailedEventError, match="The sequence 's' has moved on since you saw it"):
            retry(parked[0], seen=(parked[0], 1))
    assert FailedEvent.objects.get(pk=parked[0]).attempts == 2

    broken.clear()
    # Somebody else is faster by so little that only the row's lock tells.
    claim = failures.claim
    monkeypatch.setattr(failures, "claim", lambda pk, *, using: _tried(claim(pk, using=using)))
    with pytest.raises(FailedEventError, match="is being handled right now"):
        public.retry_failed_event(parked[0], seen=(parked[0], 2))
    monkeypatch.undo()
    assert seen == []
    assert public.retry_failed_events_up_to(parked[2], seen=(parked[0], 2)) == 3
    assert seen == ["a", "b", "c"]


def _tried(failure: FailedEvent | None) -> FailedEvent | None:
    if failure is not None:
        failure.attempts += 1
    return failure


@pytest.mark.postgresql
def test_who_comes_too_late_does_not_keep_the_first_one_from_their_attempt(
    parked: list[int], broken: set[str], seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.clear()
    count = retries._count

    with Elsewhere() as rival:

        def come_too_late(store: EventStore, failure_id: int, attempts: int) -> bool:
            is_mine = count(store, failure_id, attempts)
            is_locked = threading.Event()
            rival.start(lambda: _hold(failure_id, is_locked))
            assert is_locked.wait(30)
            return is_mine

        monkeypatch.setattr(retries, "_count", come_too_late)

        assert public.retry_failed_event(parked[0], seen=(parked[0], 1)) is True
    assert (seen, statuses()) == (["a"], ["retrying", "waiting"])


def _hold(failure_id: int, is_locked: threading.Event) -> None:
    with transaction.atomic():
        assert failures.claim(failure_id, using="default") is not None
        is_locked.set()
        time.sleep(0.3)


def test_when_all_are_handled_the_subscription_fails_no_more(parked: list[int], broken: set[str]) -> None:
    broken.clear()
    public.retry_failed_events_up_to(parked[2])

    assert Subscription.objects.get(name="reader").status == "ok"


def test_a_skip_is_kept_with_who_and_why_and_the_sequence_goes_on(parked: list[int], seen: list[str]) -> None:
    public.skip_failed_event(parked[0], reason=" a duplicate ", user="anna")

    skipped = FailedEvent.objects.get(pk=parked[0])
    assert (skipped.skipped_by, skipped.skip_reason, skipped.skipped_at is None) == ("anna", "a duplicate", False)
    assert statuses() == ["skipped", "retrying", "waiting"]
    assert public.retry_failed_events_up_to(parked[2]) == 2
    assert (seen, Subscription.objects.get(name="reader").status) == (["b", "c"], "ok")


def test_one_in_the_middle_can_be_skipped(parked: list[int], broken: set[str], seen: list[str]) -> None:
    public.skip_failed_event(parked[1], reason="a duplicate", user="anna")
    broken.clear()

    assert public.retry_failed_events_up_to(parked[2]) == 2
    assert seen == ["a", "c"]


def test_a_second_skip_says_who_was_first(parked: list[int]) -> None:
    public.skip_failed_event(parked[0], reason="a duplicate", user="anna")

    for act in (
        lambda: public.skip_failed_event(parked[0], reason="x", user="bob"),
        lambda: public.retry_failed_event(parked[0]),
    ):
        with pytest.raises(FailedEventError, match="was skipped by anna at"):
            act()


@pytest.mark.parametrize(("reason", "user"), [(" ", "anna"), ("a duplicate", "")])
def test_a_skip_needs_a_reason_and_somebody(parked: list[int], reason: str, user: str) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        public.skip_failed_event(parked[0], reason=reason, user=user)


def test_what_is_gone_or_declared_nowhere_is_said(parked: list[int]) -> None:
    with pytest.raises(FailedEventError, match="There is no failed event"):
        public.retry_failed_event(parked[2] + 1)
    found = durable_subscribers.get("reader")
    assert found is not None
    durable_subscribers.remove(found)
    with pytest.raises(UnknownSubscription, match="can be skipped, not retried"):
        public.retry_failed_event(parked[0])
    public.skip_failed_event(parked[0], reason="its code is gone", user="anna")


def test_a_process_goes_on_when_its_event_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(Agreement, "apply", refuse)
    event_store.publish(CustomerSaidYes(order_id="42"), stream="s")
    assert Process.objects.get().status == "failed"

    public.skip_failed_event(FailedEvent.objects.get().pk, reason="a duplicate", user="anna")

    assert Process.objects.get().status == "waiting"


# ---- the command


def test_the_command_lists_retries_and_skips(parked: list[int], broken: set[str]) -> None:
    assert "ValueError: not a" in run("list")
    assert [row["id"] for row in json.loads(run("list", "--json", "--subscription", "reader"))] == list(
        map(str, parked)
    )
    with pytest.raises(CommandError, match="It failed again: ValueError: not a"):
        run("retry", parked[0])
    assert run("skip", parked[0], "--reason", "a duplicate", "--user", "anna") == "Skipped.\n"
    assert run("retry", parked[2], "--up-to") == "2 handled.\n"
    assert run("list") == "Nothing is parked.\n"


def test_the_command_says_what_is_wrong(parked: list[int]) -> None:
    with pytest.raises(CommandError, match="There is no failed event 0"):
        run("retry", 0)
    with pytest.raises(CommandError, match="EVENT_STORES has no store 'other'"):
        run("--store", "other", "list")


# ---- the admin


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    names = ("view_failedevent", "retry_failedevent", "skip_failedevent", "view_payload")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def act(client: Client, action: str, *ids: int, **values: str) -> str:
    return client.post(ADMIN, {"action": action, "_selected_action": ids, **values}, follow=True).text


def test_the_admin_retries_and_notes_who_did(operator: Client, parked: list[int], broken: set[str]) -> None:
    assert "failed again" in act(operator, "retry", parked[0])
    assert "comes first" in act(operator, "retry", parked[1])
    broken.clear()

    assert "3 handled" in act(operator, "retry_up_to_here", parked[2])
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Retried: failed again.",
        "Retried up to here: 3 handled.",
    ]


def test_the_admin_asks_for_a_reason_before_it_skips(operator: Client, parked: list[int]) -> None:
    page = act(operator, "skip", parked[0], parked[1])
    assert "2 rows: They are left unhandled for good" in page
    assert "A reason is needed" in act(operator, "skip", parked[0], reason=" ", confirmed="1")
    assert "skipped" not in statuses()

    assert "skipped: a duplicate" in act(operator, "skip", parked[0], reason="a duplicate", confirmed="1")
    assert "was skipped by olga" in act(operator, "skip", parked[0], reason="again", confirmed="1")
    assert LogEntry.objects.get().get_change_message() == "Skipped: skipped: a duplicate."


def test_who_may_only_look_can_do_nothing(operator: Client, parked: list[int]) -> None:
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_failedevent"))

    page = operator.get(ADMIN).text
    assert 'name="action"' not in page
    assert "not a" not in page
    act(operator, "skip", parked[0], reason="a duplicate", confirmed="1")
    assert "skipped" not in statuses()
