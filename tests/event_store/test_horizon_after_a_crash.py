"""The horizon over restarts of a server: numbers may come again, and prepared transactions change their names."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import transaction

from event_store import Horizon, HorizonUnavailable, checks
from event_store.store import EventStore
from tests.event_store.sample import Noted
from tests.event_store.servers import WRITES_LATE, database, migrate, reconnect
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, roll_back_prepared, run
from tests.postgresql import Server, own_server

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server(**WRITES_LATE) as server:
        yield server


@pytest.fixture(scope="module")
def store(server: Server, django_db_blocker: Any) -> Iterator[EventStore]:
    with django_db_blocker.unblock(), database(server.url) as store:
        migrate()
        yield store


def publish(store: EventStore, text: str, *, count: int = 1) -> int:
    return store.append([Noted(text=text)] * count, stream=f"s{text}")[-1].global_position


@pytest.fixture
def all_decided(store: EventStore) -> Iterator[None]:
    yield
    roll_back_prepared("own")


def restart_immediately(server: Server) -> None:
    server.restart("immediate")
    reconnect()


def kill_a_back_end(server: Server) -> None:
    """The others are killed by the postmaster, which stays and starts over."""
    with psycopg.connect(server.url) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            victim.execute("SELECT pg_sleep(30)")
        victim.close()
    reconnect()


@pytest.mark.parametrize("crash", [restart_immediately, kill_a_back_end])
def test_after_a_crash_events_that_get_the_same_numbers_again_are_waited_for(
    server: Server, store: EventStore, crash: Callable[[Server], None]
) -> None:
    horizon, started = Horizon("own"), run("SELECT pg_postmaster_start_time()", using="own")
    with Elsewhere() as lost, Elsewhere() as slow:
        lost.do(lambda: begin("own"))
        drawn = lost.do(lambda: publish(store, "lost", count=100))
        before = horizon.read()
        crash(server)
        slow.do(lambda: begin("own"))
        early = slow.do(lambda: publish(store, "slow"))
        late = publish(store, "fast", count=100)

        # The sequence went back, and has passed by again what was known of it.
        assert before < early < drawn < late
        assert horizon.read() < early
        slow.do(lambda: finish(transaction.commit, "own"))

    assert horizon.read() == late
    assert (run("SELECT pg_postmaster_start_time()", using="own") == started) == (crash is kill_a_back_end)


@pytest.mark.parametrize("restart", [restart_immediately, kill_a_back_end])
@pytest.mark.parametrize("end", ["COMMIT PREPARED", "ROLLBACK PREPARED"])
def test_a_prepared_transaction_holds_the_horizon_over_a_restart(
    server: Server, store: EventStore, all_decided: None, restart: Callable[[Server], None], end: str
) -> None:
    horizon = Horizon("own")
    begin("own")
    prepared = publish(store, "prepared")
    run("PREPARE TRANSACTION 'slow'", using="own")
    finish(transaction.rollback, "own")
    [[name]] = run("SELECT virtualtransaction FROM pg_locks WHERE pid IS NULL LIMIT 1", using="own")
    horizon.read()
    restart(server)
    late = publish(store, "fast")

    assert run("SELECT 1 FROM pg_locks WHERE virtualtransaction = %s AND pid IS NULL", name, using="own") == []
    assert horizon.read() < prepared
    run(f"{end} 'slow'", using="own")
    assert horizon.read() == late


def test_on_a_standby_it_says_that_the_primary_is_to_be_asked(server: Server, store: EventStore, settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "own": {"OPTIONS": {"using": "own"}}}
    publish(store, "before")
    server.stop()
    (server.data / "standby.signal").touch()
    server.start()
    reconnect()

    with pytest.raises(HorizonUnavailable, match=r"'own' .* standby.* Read from the primary"):
        Horizon("own").read()
    assert store.events.exists()
    assert [message.id for message in checks.check_positions(databases=["own"])] == ["event_store.W002"]

    run("SELECT pg_promote()", using="own")
    assert Horizon("own").read() == publish(store, "after") - 1
