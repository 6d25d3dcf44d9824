"""Lists that go on by themselves: every event once, whoever else is writing."""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.live import TailMixin
from browser.policy import BrowserPolicy
from browser.time_limit import TimeLimitReached
from event_store import HorizonUnavailable, event_store
from event_store.models import StoredEvent
from tests.browser.conftest import ADMIN
from tests.browser.test_policy import Only41, WithoutText
from tests.event_store.sample import Counted, Noted
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish

pytestmark = pytest.mark.django_db
SECONDS = float(os.environ.get("LIVE_SECONDS", "3"))
WRITERS = 8


@pytest.fixture
def policy(settings: Any) -> Callable[[type[BrowserPolicy]], None]:
    def set_policy(named: type[BrowserPolicy]) -> None:
        settings.EVENT_BROWSER = {"POLICY": f"{named.__module__}.{named.__name__}"}

    return set_policy


class Follower:
    """Reads a page, and then its tail as the module does."""

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        page = client.get(path).text
        self.tail = re.findall(r'data-es-tail="([^"]*)" data-es-after="([^"]*)"', page)
        self.after = self.tail[0][1]
        self.seen = positions(page)

    def look(self) -> Any:
        url = self.tail[0][0].replace("&amp;", "&")
        answer = self.client.get(f"{url}&after={self.after}")
        self.after = answer.headers["Es-After"]
        self.seen += positions(answer.text) if answer.status_code == 200 else []
        return answer

    def look_on(self) -> None:
        while "Es-More" in self.look().headers:
            pass


def positions(page: str) -> list[int]:
    """Of the rows, the oldest first."""
    return [int(each) for each in re.findall(r'data-es-at="(\d+)"', page)][::-1]


def note(text: str = "", stream: str = "notes") -> int:
    return event_store.append(Noted(text=text), stream=stream)[0].global_position


@pytest.mark.parametrize("path", ["events/?live=1", "?live=1", "streams/notes/?live=1"])
def test_a_tail_brings_what_is_new_in_rows_like_the_pages(client: Client, path: str) -> None:
    note("first")
    follower = Follower(client, ADMIN + path)
    nothing = follower.look()
    note("second")
    answer = follower.look()
    page = client.get(ADMIN + path).text

    assert (nothing.status_code, nothing.content) == (204, b"")
    assert answer.status_code == 200
    row = " ".join(re.sub(r"\d+\S* s ago", "", answer.text).split())
    assert row.startswith("<tr data-es-at=")
    assert "text=second" in row
    assert row in " ".join(re.sub(r"\d+\S* s ago", "", page).split())
    assert follower.look().status_code == 204


@pytest.mark.parametrize("path", ["events/?live=1", "streams/notes/?live=1"])
def test_what_is_more_than_fits_follows_at_once(client: Client, path: str) -> None:
    note()
    follower = Follower(client, ADMIN + path)
    event_store.append([Noted() for _ in range(450)], stream="notes")
    first = follower.look()
    follower.look_on()

    assert len(positions(first.text)) == 200
    assert len(follower.seen) == len(set(follower.seen)) == 451
    assert follower.seen == sorted(follower.seen)


def test_a_tail_keeps_the_filters_of_its_page(client: Client) -> None:
    first, second = (event_store.append(Counted(number=number), stream="s")[0] for number in (1, 2))
    follower = Follower(client, f"{ADMIN}events/?type=sample.Counted&where=number>1&live=1")
    other = note()
    others = follower.look()
    event_store.append(Counted(number=1), stream="s")
    [third] = event_store.append(Counted(number=3), stream="s")
    follower.look()

    assert first.global_position not in follower.seen
    assert follower.seen == [second.global_position, third.global_position]
    # What does not match is passed by, so that no later look has to search it again.
    assert (others.status_code, others.headers["Es-After"]) == (204, str(other))


def test_the_tail_of_a_stream_keeps_its_filters_and_its_view(client: Client) -> None:
    event_store.append([Counted(number=1), Noted(text="x")], stream="notes")
    follower = Follower(client, f"{ADMIN}streams/notes/?type=-sample.Noted&view=full&live=1")
    note()
    others = follower.look()
    event_store.append([Counted(number=2), Noted(text="y")], stream="notes")
    answer = follower.look()

    assert (others.status_code, others.headers["Es-After"]) == (204, "2")
    assert follower.seen == [0, 3]
    assert 'class="es-json"' in answer.text
    assert answer.headers["Es-After"] == "4"


def test_the_tail_of_a_stream_looks_through_so_many_events_at_a_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.stream.STREAM_WINDOW", 10)
    event_store.append([*(Counted(number=each) for each in range(24)), Noted(text="x")], stream="notes")
    after, answers = "-1", []
    while not answers or "Es-More" in answers[-1].headers:
        answers.append(client.get(f"{ADMIN}streams/notes/tail/?after={after}&type=sample.Noted"))
        after = answers[-1].headers["Es-After"]

    assert [(each.status_code, each.headers["Es-After"]) for each in answers] == [(204, "9"), (204, "19"), (200, "24")]
    assert positions(answers[-1].text) == [24]


def test_a_tail_costs_little_while_nothing_happens(client: Client) -> None:
    note()
    follower = Follower(client, f"{ADMIN}events/?live=1")
    with CaptureQueriesContext(connection) as captured:
        follower.look()

    assert len(captured) <= 8


@pytest.mark.parametrize("path", ["events/?live=1", "?live=1"])
def test_an_empty_store_is_live_too(client: Client, path: str) -> None:
    follower = Follower(client, ADMIN + path)
    position = note()
    follower.look()

    assert follower.seen == [position]


def test_a_stream_that_was_deleted_begins_anew(client: Client) -> None:
    for _ in range(5):
        note()
    follower = Follower(client, f"{ADMIN}streams/notes/?live=1")
    event_store.delete_stream("notes")
    note()
    follower.look()
    answer = follower.look()

    assert positions(answer.text) == [0]


def test_a_tail_answers_nothing_to_filters_that_its_page_refuses(sign_in: Callable[..., Client]) -> None:
    note("s3cret")
    client = sign_in("view_storedevent")

    for filters in ("where=text%3A%22s3cret%22", "id=x", "since=never"):
        answer = client.get(f"{ADMIN}events/tail/?after=0&{filters}")
        assert (answer.status_code, answer.content) == (400, b"")


def test_a_tail_that_takes_too_long_passes_nothing_by(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    note()

    def too_slow(self: object) -> None:
        raise TimeLimitReached

    monkeypatch.setattr("browser.views.search.EventLogView._unbounded", too_slow)
    answer = client.get(f"{ADMIN}events/tail/?after=0&where=text%3A%22x%22")

    assert (answer.status_code, "Es-After" in answer.headers) == (503, False)


@pytest.mark.parametrize("after", ["", "?after=x", "?after=-2", f"?after={2**63}", "?after=%00"])
@pytest.mark.parametrize("path", ["events/tail/", "streams/notes/tail/"])
def test_a_tail_needs_a_position(client: Client, path: str, after: str) -> None:
    note()

    assert client.get(ADMIN + path + after).status_code == 404


def test_a_tail_is_for_those_who_may_see_its_page(sign_in: Callable[..., Client]) -> None:
    note()
    client = sign_in("view_process")

    for path in ("events/tail/?after=0", "streams/notes/tail/?after=0"):
        assert client.get(ADMIN + path).status_code == 403
        assert Client().get(ADMIN + path).status_code == 302


def test_a_tail_shows_no_data_without_the_permission(sign_in: Callable[..., Client]) -> None:
    note("s3cret")
    client = sign_in("view_storedevent")

    for path in ("events/tail/?after=0", "streams/notes/tail/?after=-1"):
        answer = client.get(ADMIN + path)
        assert answer.status_code == 200
        assert "s3cret" not in answer.text


def test_a_tail_obeys_the_policy(client: Client, policy: Callable[..., None]) -> None:
    policy(Only41)
    shown, hidden = note("x", "open"), note("y", "secret")
    follower = Follower(client, f"{ADMIN}events/?live=1")
    note("y", "secret")
    only_hidden = follower.look()
    later = note("z", "open")
    follower.look()

    assert follower.seen == [shown, later]
    assert only_hidden.status_code == 204
    assert int(only_hidden.headers["Es-After"]) > hidden
    assert client.get(f"{ADMIN}streams/secret/tail/?after=-1").status_code == 403


def test_a_tail_hides_values_that_the_policy_hides(client: Client, policy: Callable[..., None]) -> None:
    policy(WithoutText)
    note("s3cret")

    for path in ("events/tail/?after=0", "streams/notes/tail/?after=-1"):
        assert "text=hidden: personal data" in client.get(ADMIN + path).text


def test_a_page_that_begins_elsewhere_takes_no_new_rows_on_its_top(client: Client) -> None:
    note()

    for path in ("events/", "streams/notes/"):
        assert "data-es-at-head" in client.get(f"{ADMIN}{path}?live=1&from=", follow=True).text
        for later in ("before=1", "after=0", "from=0"):
            page = client.get(f"{ADMIN}{path}?live=1&{later}").text
            assert "data-es-tail" in page
            assert "data-es-at-head" not in page


def test_without_scripts_a_live_page_loads_itself_again(client: Client) -> None:
    note()
    for path in ("", "events/", "streams/notes/"):
        live, still = client.get(f"{ADMIN}{path}?live=1").text, client.get(ADMIN + path).text
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in live
        assert "Live: on" in live
        assert "refresh" not in still
        assert "Live: off" in still
        assert 'href="?">Refresh</a>' in still


def test_where_nothing_can_be_final_a_page_is_shown_and_its_tail_says_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    note("here")

    def unavailable() -> int:
        raise HorizonUnavailable("default", "it is a standby")

    monkeypatch.setattr("browser.live.newest_final_position", unavailable)
    monkeypatch.setattr("browser.views.tails.newest_final_position", unavailable)
    page, tail = client.get(f"{ADMIN}events/?live=1"), client.get(f"{ADMIN}events/tail/?after=0")

    assert "text=here" in page.text
    assert "data-es-tail" not in page.text
    assert "Live updates cannot begin" in page.text
    assert (tail.status_code, "it is a standby" in tail.text) == (503, True)


def test_a_tail_has_no_transaction_around_it() -> None:
    assert getattr(TailMixin.dispatch, "_non_atomic_requests", None) == {"default"}


# ---- beside writers


def superuser() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_not_passed_by() -> None:
    first = note()
    follower = Follower(superuser(), f"{ADMIN}events/?live=1")
    with Elsewhere() as slow:
        slow.do(begin)
        late = slow.do(lambda: note(stream="slow"))
        early = note(stream="fast")
        before = follower.look()
        page = Follower(follower.client, f"{ADMIN}events/?live=1")
        slow.do(lambda: finish(transaction.commit))
    follower.look()
    page.look()

    assert late < early
    assert before.status_code == 204
    assert follower.seen == page.seen == [first, late, early]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_while_it_is_not_known_what_is_final_a_page_shows_what_it_sees_and_tries_again() -> None:
    from event_store import horizon

    client = superuser()
    with Elsewhere() as slow:
        note("before")
        slow.do(begin)
        slow.do(lambda: note(stream="slow"))
        horizon._readers.by_alias.clear()
        page = client.get(f"{ADMIN}events/?live=1").text
        horizon._readers.by_alias.clear()
        tail = client.get(f"{ADMIN}events/tail/?after=7")
        slow.do(lambda: finish(transaction.rollback))

    assert "text=before" in page
    assert "stays open" in page
    assert '<meta http-equiv="refresh" content="10">' in page
    assert "<noscript>" not in page
    assert (tail.status_code, tail.headers["Es-After"]) == (204, "7")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_beside_eight_writers_every_event_is_shown_once() -> None:
    note()
    follower = Follower(superuser(), f"{ADMIN}events/?live=1")
    stream = Follower(follower.client, f"{ADMIN}streams/notes/?live=1")
    with Writers(SECONDS) as writers:
        while writers.are_writing():
            follower.look()
            stream.look()
    follower.look_on()
    stream.look_on()
    stored = list(StoredEvent.objects.order_by("pk").values_list("pk", flat=True))

    assert writers.inversions() > 0
    assert len(stored) > 8 * SECONDS
    assert follower.seen == stored
    assert stream.seen == list(range(len(stream.seen)))
    assert len(stream.seen) == event_store.events.in_stream("notes").count()


class Writers:
    """Eight at once, in transactions that end in another order than they drew their positions in."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        self.committed: list[int] = []
        self._threads = [threading.Thread(target=self._write, args=[number]) for number in range(WRITERS)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def are_writing(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def inversions(self) -> int:
        return sum(later < earlier for earlier, later in zip(self.committed, self.committed[1:], strict=False))

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        try:
            while time.monotonic() < self.ends_at:
                self._write_once(chance, number)
        finally:
            connections.close_all()

    def _write_once(self, chance: random.Random, number: int) -> None:
        with transaction.atomic():
            written = [note(stream=f"s{number}") for _ in range(chance.randint(1, 3))]
            time.sleep(chance.choice([0, 0.005, 0.02, 0.08]))
            is_undone = chance.random() < 0.1
            transaction.set_rollback(is_undone)
        if not is_undone:
            self.committed += written
        if chance.random() < 0.3:
            note(stream="notes")
