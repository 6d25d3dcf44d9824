"""Roles of PostgreSQL with no more rights than they need."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from django.db.backends.postgresql.client import DatabaseClient
from django.utils import timezone

from event_store import (
    Aggregate,
    AggregateRepository,
    AppendCondition,
    Command,
    Delivery,
    Horizon,
    NewEvent,
    ProcessManager,
    RecordedEvent,
    Rejected,
    applies,
    event_store,
    handles,
    retry_process,
    subscriber,
)
from event_store.immutability import changes_allowed
from event_store.models import (
    AggregateSnapshot,
    FailedEvent,
    IssuedCommand,
    Process,
    ProcessDeadline,
    StoredEvent,
    StreamLink,
    Subscription,
)
from event_store.roles import roles_sql
from event_store.testing import run_subscriptions
from tests.event_store.errands import Asked, check_settled
from tests.event_store.sample import CatererSaidYes, Counted, CustomerSaidYes, Noted
from tests.postgresql import programs

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
HOSTILE = 'o\'r"; DROP TABLE x; -- $$ :"role" :tables \\ %s'


def execute(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def role_exists(name: str) -> bool:
    return bool(execute("SELECT 1 FROM pg_roles WHERE rolname = $name$" + name + "$name$"))


@pytest.fixture
def role_named(transactional_db: None) -> Iterator[Callable[[str], str]]:
    """`role_named("web")`: a name that no other run on this server has; the role goes with the test."""
    names: list[str] = []

    def role_named(kind: str) -> str:
        names.append(f"{kind} {os.getpid()}")
        return names[-1]

    yield role_named
    connection.close()
    for name in filter(role_exists, names):
        quoted = '"' + name.replace('"', '""') + '"'
        execute(f"DROP OWNED BY {quoted}; DROP ROLE {quoted}")


@pytest.fixture
def roles(role_named: Callable[[str], str]) -> dict[str, str]:
    """The names of three roles that the script has made."""
    names = {kind: role_named(kind) for kind in ("web", "reader", "operator")}
    execute(roles_sql(names))
    return names


@contextmanager
def connected_as(role: str) -> Iterator[None]:
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = {**options, "assume_role": role}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = options


def publish_an_order() -> None:
    event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42", links=["Customer$7"])
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$7")


def test_the_web_role_publishes_links_and_reads_up_to_the_horizon(roles: dict[str, str]) -> None:
    with connected_as(roles["web"]):
        [event] = event_store.publish(Noted(), stream="s", expected_version=-1, links=["t"])
        event_store.publish(Noted(), stream="s", expected_version=0)
        event_store.link(event, stream="u")

        assert [each.stream for each in event_store.streams_of(event)] == ["s", "t", "u"]
        assert Horizon("default").read() == [each.global_position for each in event_store.events][-1]


def test_the_web_role_appends_on_a_condition_and_repeats_a_write(roles: dict[str, str]) -> None:
    repeated = NewEvent(Noted(), id=uuid4())

    with connected_as(roles["web"]):
        for _ in range(2):
            event_store.publish(repeated, stream="s", on_duplicate="ignore")
        event_store.publish(Noted(), stream="s", condition=AppendCondition({"s": 0, "new": -1}))

        assert event_store.events.in_stream("s").count() == 2


def test_the_web_role_runs_process_managers_and_durable_subscribers(roles: dict[str, str]) -> None:
    seen: list[str] = []
    subscriber(CatererSaidYes, durable=True, name="reader")(lambda event: seen.append(event.data.order_id))

    with connected_as(roles["web"]):
        publish_an_order()
        run_subscriptions()

        assert Process.objects.get().status == "completed"
        assert seen == ["42"]


def test_the_web_role_sets_and_reaches_deadlines(roles: dict[str, str]) -> None:
    with connected_as(roles["web"]):
        event_store.publish(Asked(process="1", errands=("wait",)), stream="s")
        event_store.publish(Asked(process="2", errands=("wait", "stop")), stream="s")
        tomorrow = timezone.now() + timedelta(days=1)
        with event_store.clock(lambda: tomorrow):
            run_subscriptions()

        assert sorted(ProcessDeadline.objects.values_list("status", flat=True)) == ["cancelled", "reached"]
        check_settled("1", "2")


def test_the_web_role_delivers_commands_to_the_outside(roles: dict[str, str]) -> None:
    answers: list[Exception | None] = [ConnectionError("no answer"), None, Rejected("no")]

    class Send(Command, type="roles.Send"):
        number: int

    @handles(Send, outside=True, max_attempts=1)
    def send(command: Send, delivery: Delivery) -> None:
        if error := answers.pop(0):
            raise error

    class Sending(ProcessManager):
        reacts_to = (Counted,)

        @dataclass(frozen=True)
        class State:
            pass

        def process_id(self, event: Any) -> str:
            return "1"

        def apply(self, state: State, event: Any) -> State:
            return state

        def act(self, state: State, event: Any) -> Any:
            if isinstance(event.data, Counted):
                yield Send(number=event.data.number)

    with connected_as(roles["web"]):
        event_store.publish([Counted(number=1), Counted(number=2)], stream="s")
        assert Process.objects.get().status == "failed"
        assert retry_process("Sending", "1")
        run_subscriptions()

        assert list(IssuedCommand.objects.order_by("pk").values_list("outcome", flat=True)) == ["accepted", "rejected"]
        assert Process.objects.get().step_count == 3


def test_the_web_role_keeps_snapshots(roles: dict[str, str]) -> None:
    class Total(Aggregate):
        snapshot_every = 1

        def __init__(self, aggregate_id: str) -> None:
            super().__init__(aggregate_id)
            self.total = 0

        @applies(Counted)
        def counted(self, event: Counted) -> None:
            self.total += event.number

    totals = AggregateRepository(Total)
    with connected_as(roles["web"]):
        for number in (1, 2):
            totals.change("1", lambda total, number=number: total.record(Counted(number=number)))  # type: ignore[misc]

        assert (totals.load("1").total, AggregateSnapshot.objects.get().version) == (3, 1)


def test_the_web_role_records_what_fails_and_forgets_it_when_it_succeeds(roles: dict[str, str]) -> None:
    errors = [ZeroDivisionError(), None]

    @subscriber(Noted, durable=True, name="reader")
    def fail_once(event: RecordedEvent[Noted]) -> None:
        if error := errors.pop(0):
            raise error

    with connected_as(roles["web"]):
        event_store.publish(Noted(), stream="s")
        assert FailedEvent.objects.get().attempts == 1
        run_subscriptions("reader")

        assert not FailedEvent.objects.exists()
        assert Subscription.objects.get(name="reader").status == "ok"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event_store_storedevent SET type = 'sample.Renamed'",
        "DELETE FROM event_store_storedevent",
        "TRUNCATE event_store_storedevent CASCADE",
        "UPDATE event_store_streamlink SET position = 7",
        "DELETE FROM event_store_streamlink",
        "TRUNCATE event_store_streamlink",
        "UPDATE event_store_stream SET name = 'another'",
        "DELETE FROM event_store_processstep",
        "ALTER TABLE event_store_storedevent DISABLE TRIGGER USER",
        "DROP TRIGGER event_store_event_refuse_update ON event_store_storedevent",
        "DROP FUNCTION event_store_refuse_change_v1 CASCADE",
        "SELECT nextval('event_store_storedevent_global_position_seq')",
        "SELECT setval('event_store_storedevent_global_position_seq', 1)",
    ],
)
def test_the_web_role_cannot_change_history(roles: dict[str, str], statement: str) -> None:
    event_store.publish(Noted(), stream="s", links=["t"])

    with (
        connected_as(roles["web"]),
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        execute("SET LOCAL event_store.allow_changes = 'on'")
        execute(statement)


def test_the_web_role_deletes_streams_once_it_was_granted_that(roles: dict[str, str]) -> None:
    event_store.publish(Noted(), stream="s")

    with connected_as(roles["web"]), pytest.raises(ProgrammingError, match="permission denied"):
        event_store.delete_stream("s")
    execute(f'GRANT DELETE ON event_store_streamlink TO "{roles["web"]}"')
    with connected_as(roles["web"]):
        assert event_store.delete_stream("s") == 1


def test_the_web_role_can_log_in(roles: dict[str, str]) -> None:
    execute(f"""ALTER ROLE "{roles["web"]}" PASSWORD 'secret'""")
    server = connection.get_connection_params() | {"user": roles["web"], "password": "secret"}
    known = {key: server[key] for key in ("dbname", "user", "password", "host", "port") if server.get(key)}

    with psycopg.connect(**known) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("DELETE FROM event_store_storedevent")


def test_the_reader_reads_everything(roles: dict[str, str]) -> None:
    publish_an_order()
    user = User.objects.create(username="anna")
    user.user_permissions.add(Permission.objects.get(codename="view_payload"))

    with connected_as(roles["reader"]):
        assert [event.global_position for event in event_store.events][-1] == Horizon("default").read()
        assert Process.objects.get().steps.get(number=1).commands.get().type == "sample.Confirm"
        assert User(pk=user.pk).has_perm("event_store.view_payload")


@pytest.mark.parametrize(
    "action",
    [
        lambda: event_store.publish(Noted(), stream="s"),
        lambda: event_store.link(StoredEvent.objects.get().event_id, stream="u"),
        lambda: event_store.delete_stream("s"),
        lambda: StoredEvent.objects.update(type="sample.Renamed"),
        lambda: Process.objects.update(status="completed"),
        User.objects.get,
    ],
)
def test_the_reader_writes_nothing_and_does_not_see_the_users(roles: dict[str, str], action: Callable[[], Any]) -> None:
    event_store.publish(Noted(), stream="s")

    with connected_as(roles["reader"]), pytest.raises(ProgrammingError, match="permission denied"):
        action()


def test_the_operator_changes_an_event_by_the_way_out_only(roles: dict[str, str]) -> None:
    publish_an_order()

    with connected_as(roles["operator"]):
        with pytest.raises(IntegrityError, match="never changed"):
            StoredEvent.objects.update(metadata={"repaired": True})
        with changes_allowed():
            StoredEvent.objects.filter(type="sample.Confirmed").delete()
            StreamLink.objects.filter(position=1).update(position=2)

        assert event_store.events.count() == 2


def test_the_operator_deletes_streams_and_publishes(roles: dict[str, str]) -> None:
    with connected_as(roles["operator"]):
        event_store.publish(Noted(), stream="s")

        assert event_store.delete_stream("s") == 1


def test_the_script_can_run_again(roles: dict[str, str]) -> None:
    execute(roles_sql(roles))

    with connected_as(roles["web"]):
        publish_an_order()
        assert Process.objects.get().status == "completed"


def test_the_script_takes_back_what_a_broad_grant_has_given(roles: dict[str, str]) -> None:
    event_store.publish(Noted(), stream="s")
    for what in ("TABLES", "SEQUENCES"):
        execute(f'GRANT ALL ON ALL {what} IN SCHEMA public TO "{roles["web"]}", "{roles["reader"]}"')

    execute(roles_sql(roles))
    with connected_as(roles["web"]), pytest.raises(ProgrammingError, match="permission denied"):
        execute("UPDATE event_store_streamlink SET position = 7")
    with connected_as(roles["reader"]), pytest.raises(ProgrammingError, match="permission denied"):
        execute("INSERT INTO event_store_subscription DEFAULT VALUES")


@pytest.mark.parametrize(
    "grant",
    [
        'GRANT CURRENT_USER TO "{web}"',
        'ALTER ROLE "{web}" SUPERUSER',
        "GRANT UPDATE (type) ON event_store_storedevent TO PUBLIC",
    ],
)
def test_the_script_does_nothing_for_a_role_that_could_change_events_all_the_same(
    roles: dict[str, str], role_named: Callable[[str], str], grant: str
) -> None:
    execute(grant.format(**roles).replace("CURRENT_USER", connection.settings_dict["USER"]))
    reader = role_named("second reader")

    with pytest.raises(DatabaseError, match="can still change events"):
        execute(roles_sql({"reader": reader, "web": roles["web"]}))
    execute("ROLLBACK; REVOKE ALL ON event_store_storedevent FROM PUBLIC")
    assert not role_exists(reader)


def test_the_script_quotes_whatever_a_name_contains(role_named: Callable[[str], str]) -> None:
    name = role_named(HOSTILE)
    execute(roles_sql({"web": name}))

    with connected_as(name):
        assert len(event_store.publish(Noted(), stream="s")) == 1


def test_psql_runs_what_the_command_prints(role_named: Callable[[str], str]) -> None:
    name, text = role_named(HOSTILE), StringIO()
    call_command("event_store_roles", "--web", name, stdout=text)
    [_, *arguments], environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    psql = [str(programs() / "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", *arguments]

    subprocess.run(psql, input=text.getvalue(), env=os.environ | (environment or {}), check=True, text=True)
    with connected_as(name):
        assert len(event_store.publish(Noted(), stream="s")) == 1
