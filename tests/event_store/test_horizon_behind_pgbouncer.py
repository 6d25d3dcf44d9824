"""The horizon behind PgBouncer in transaction mode: with every statement another connection may answer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from event_store import Horizon, RecordedEvent, event_stores, subscriber
from event_store.store import EventStore
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted
from tests.event_store.servers import WRITES_LATE, database, migrate
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, run
from tests.pgbouncer import running_pgbouncer
from tests.postgresql import Server, own_server

pytestmark = [pytest.mark.postgresql, pytest.mark.pgbouncer]

SERVER_CONNECTIONS = 5
WRITERS = 4


@pytest.fixture(scope="module")
def server(django_db_blocker: Any) -> Iterator[Server]:
    with own_server(**WRITES_LATE) as server, database(server.url), django_db_blocker.unblock():
        migrate()
        yield server


@pytest.fixture
def store(server: Server, settings: Any) -> Iterator[EventStore]:
    settings.EVENT_STORES = {"default": {}, "pooled": {"OPTIONS": {"using": "pooled", "wake_up": "worker"}}}
    with running_pgbouncer(server.url, connections=SERVER_CONNECTIONS) as url, database(url, alias="pooled"):
        yield event_stores["pooled"]


class OverlappingWriters:
    """Threads whose transactions hold 10 to 30 ms; each begins before the one ahead of it ends, so one is always open."""

    def __init__(self, store: EventStore) -> None:
        self.committed: set[int] = set()
        self._store = store
        self._stop = threading.Event()
        self._turns = [threading.Event() for _ in range(WRITERS)]
        self._threads = [threading.Thread(target=self._write, args=[number]) for number in range(WRITERS)]

    def __enter__(self) -> OverlappingWriters:
        for thread in self._threads:
            thread.start()
        self._turns[0].set()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for turn in self._turns:
            turn.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        try:
            while self._turns[number].wait(30) and not self._stop.is_set():
                self._turns[number].clear()
                self._write_once(number, chance)
        finally:
            connections.close_all()

    def _write_once(self, number: int, chance: random.Random) -> None:
        position = None
        with transaction.atomic(using="pooled"):
            [event] = self._store.append(Counted(number=number), stream=f"Writer${number}")
            self._turns[(number + 1) % WRITERS].set()
            time.sleep(chance.uniform(0.01, 0.03))
            if chance.random() < 0.2:
                transaction.set_rollback(True, using="pooled")
            else:
                position = event.global_position
        if position is not None:
            self.committed.add(position)


def wait_until(is_so: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < give_up_at


def test_it_rises_with_every_writer_that_ends_although_another_one_is_always_open(store: EventStore) -> None:
    horizon, sessions = Horizon("pooled"), set()

    def write() -> int:
        begin("pooled")
        return store.append(Noted(), stream=threading.current_thread().name)[0].global_position

    with Elsewhere() as one, Elsewhere() as other:
        position = one.do(write)
        horizon.read()
        for ending, staying in [(one, other), (other, one)] * 5:
            next_position = staying.do(write)
            ending.do(lambda: finish(transaction.commit, "pooled"))

            assert position <= horizon.read() < next_position
            sessions.add(run("SELECT pg_backend_pid()", using="pooled")[0])
            position = next_position
        one.do(lambda: finish(transaction.commit, "pooled"))
    assert len(sessions) > 1


def test_readers_miss_nothing_of_writers_that_overlap_all_the_time(store: EventStore) -> None:
    handled: list[int] = []
    seen: list[int] = []
    levels, horizon = set(), Horizon("pooled")

    @subscriber(Counted, durable=True, name="reader", store="pooled")
    def handle(event: RecordedEvent[Counted]) -> None:
        handled.append(event.global_position)

    def read_on() -> None:
        levels.add(horizon.read())
        last = seen[-1] if seen else 0
        final = store.events.of_type(Counted).after(last).before_or_equal(horizon.last)
        seen.extend(event.global_position for event in final)
        run_subscriptions("reader", store="pooled")

    with OverlappingWriters(store) as writers:
        wait_until(lambda: read_on() or len(levels) > 30)
        assert len(seen) > 20
    read_on()

    assert seen == handled == sorted(writers.committed)


def test_a_crash_between_the_two_looks_is_noticed(server: Server, store: EventStore) -> None:
    horizon, looks = Horizon("pooled"), 0

    def crash_after_the_first(execute: Any, *arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        answer = execute(*arguments)
        if looks == 1:
            server.restart("immediate")
        return answer

    with Elsewhere() as lost:
        lost.do(lambda: begin("pooled"))
        drawn = lost.do(lambda: store.append([Noted()] * 100, stream="lost"))[-1].global_position
        with connections["pooled"].execute_wrapper(crash_after_the_first):
            position = horizon.read()

    assert looks == 4
    assert position < drawn
