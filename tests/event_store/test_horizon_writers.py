"""Who counts as a writer of events: everybody who can draw a position, until nothing of theirs can appear any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from event_store import Horizon, event_store
from event_store.models import StoredEvent
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere
from tests.event_store.transactions import begin, finish, roll_back_prepared, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

COLUMNS = "event_id, type, category, schema_version, data, metadata, recorded_at, valid_at"
VALUES = "gen_random_uuid(), 'sample.Noted', 's', 1, '{}', '{}', now(), now()"
INSERT = f"INSERT INTO event_store_storedevent ({COLUMNS}) VALUES ({VALUES})"


def publish(text: str = "") -> int:
    return event_store.append(Noted(text=text), stream=f"s{text}")[0].global_position


def undo_a_savepoint() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish("undone")
        raise ZeroDivisionError


def copy() -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY event_store_storedevent ({COLUMNS}) FROM STDIN") as rows:
        rows.write(f"{uuid4()}\tsample.Noted\ts\t1\t{{}}\t{{}}\t2026-01-01Z\t2026-01-01Z\n")


def insert_in_a_trigger() -> None:
    run("CREATE TEMPORARY TABLE letter (id int)")
    run(f"CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {INSERT}; RETURN NULL; END $$")
    run("CREATE TRIGGER note AFTER INSERT ON letter FOR EACH ROW EXECUTE FUNCTION pg_temp.note()")
    run("INSERT INTO letter VALUES (1)")


@contextmanager
def server_session(**other: Any) -> Iterator[psycopg.Connection[Any]]:
    """A session past Django, by default in the test's own database; at its end nothing is committed."""
    known = connection.get_connection_params() | other
    parameters = {key: known[key] for key in ("dbname", "user", "password", "host", "port") if known.get(key)}
    session = psycopg.connect(**parameters)
    try:
        yield session
    finally:
        session.close()


@pytest.mark.parametrize(
    "write",
    [
        lambda: publish("slow"),
        lambda: run(f"WITH new AS ({INSERT} RETURNING 1) SELECT * FROM new"),
        lambda: run(f"DO $$ BEGIN {INSERT}; EXCEPTION WHEN division_by_zero THEN NULL; END $$"),
        lambda: run(f"PREPARE note AS {INSERT}; EXECUTE note"),
        copy,
        insert_in_a_trigger,
    ],
    ids=["publish", "cte", "exception block", "prepared statement", "copy", "trigger"],
)
def test_whatever_way_an_event_is_inserted_the_horizon_waits_for_its_commit(write: Callable[[], Any]) -> None:
    horizon, before = Horizon("default"), publish()
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(write)
        late = publish("fast")

        assert horizon.read() <= before
        slow.do(lambda: finish(transaction.commit))

    assert horizon.read() == late
    assert StoredEvent.objects.count() == 3


@pytest.fixture
def all_decided(transactional_db: None) -> Iterator[None]:
    yield
    roll_back_prepared()


@pytest.mark.parametrize("end", ["COMMIT PREPARED", "ROLLBACK PREPARED"])
def test_a_prepared_transaction_holds_it_until_it_is_decided(all_decided: None, end: str) -> None:
    horizon = Horizon("default")
    with Elsewhere() as slow:
        slow.do(begin)
        prepared = slow.do(lambda: publish("prepared"))
        first = horizon.read()
        slow.do(lambda: run("PREPARE TRANSACTION 'slow'"))
        late = publish("fast")

        assert first <= horizon.read() < prepared
        slow.do(lambda: finish(transaction.rollback))
        assert Horizon("default").read() < prepared
        run(f"{end} 'slow'")

    assert horizon.read() == late


def test_what_a_savepoint_took_back_is_a_hole_and_holds_nothing() -> None:
    horizon = Horizon("default")
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(undo_a_savepoint)
        position = publish("fast")

        assert horizon.read() == position
        slow.do(lambda: finish(transaction.commit))


def test_a_writer_that_took_back_a_part_is_waited_for_all_the_same() -> None:
    horizon, before = Horizon("default"), publish()
    with Elsewhere() as slow:
        slow.do(begin)
        slow.do(lambda: publish("slow"))
        slow.do(undo_a_savepoint)
        late = publish("fast")

        assert horizon.read() <= before
        slow.do(lambda: finish(transaction.commit))

    assert horizon.read() == late


def test_a_writer_whose_session_is_ended_holds_nothing_any_more() -> None:
    horizon = Horizon("default")
    with server_session() as slow:
        slow.execute(INSERT)
        late = publish("fast")
        assert horizon.read() < late
        [[_]] = run("SELECT pg_terminate_backend(%s, 10000)", slow.info.backend_pid)

        assert horizon.read() == late


def test_long_transactions_that_write_no_events_hold_nothing() -> None:
    horizon = Horizon("default")
    with server_session() as here, server_session(dbname="postgres") as other:
        here.execute("CREATE TEMPORARY TABLE note ON COMMIT DROP AS SELECT count(*) FROM event_store_storedevent")
        here.execute("SELECT * FROM event_store_storedevent FOR UPDATE")
        other.execute("CREATE TEMPORARY TABLE note ON COMMIT DROP AS SELECT 1")
        position = publish()

        assert horizon.read() == position


def test_writers_of_another_database_hold_nothing_although_its_tables_have_the_same_numbers() -> None:
    name = f"copy_{connection.settings_dict['NAME']}"
    connection.close()
    with server_session(dbname="postgres") as session:
        session.autocommit = True
        session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{connection.settings_dict["NAME"]}"')
        try:
            with server_session(dbname=name) as other:
                other.execute(INSERT)
                position = publish()

                assert Horizon("default").read() == position
        finally:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
