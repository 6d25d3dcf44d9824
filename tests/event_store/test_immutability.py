"""Events and links are never changed; operators have a way out."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory

from event_store import checks, event_store
from event_store.immutability import changes_allowed, install_triggers, missing_triggers
from event_store.models import StoredEvent, StreamLink
from tests.event_store.children import run_hint
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)

DOCUMENT = Path(__file__).parent.parent.parent / "docs/immutability.md"
WAY_OUT = re.escape("event_store.immutability.changes_allowed()")


@pytest.fixture
def event(db: None) -> StoredEvent:
    event_store.publish(Noted(text="as it was"), stream="s", links=["t"])
    return StoredEvent.objects.get()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def rename(event: StoredEvent) -> None:
    event.type = "sample.Renamed"
    event.save()


def rename_in_bulk(event: StoredEvent) -> None:
    event.type = "sample.Renamed"
    StoredEvent.objects.bulk_update([event], ["type"])


def insert_over(event: StoredEvent) -> None:
    event.type = "sample.Renamed"
    StoredEvent.objects.bulk_create([event], update_conflicts=True, unique_fields=["pk"], update_fields=["type"])


def move_link(event: StoredEvent) -> None:
    StreamLink.objects.filter(stream__name="t").update(position=7)


def change(event: StoredEvent) -> None:
    execute("UPDATE event_store_storedevent SET data = '{}'")


def is_refused(action: Callable[[StoredEvent], Any], event: StoredEvent) -> bool:
    try:
        with transaction.atomic():
            action(event)
    except IntegrityError:
        return True
    return False


# ---- what is refused


@pytest.mark.parametrize(
    "action",
    [
        rename,
        rename_in_bulk,
        insert_over,
        move_link,
        change,
        lambda event: StoredEvent.objects.update(type="sample.Renamed"),
        lambda event: execute("UPDATE event_store_storedevent SET type = type"),
        lambda event: execute("UPDATE event_store_streamlink SET written_here = true"),
    ],
)
def test_events_and_links_cannot_be_changed(event: StoredEvent, action: Callable[[StoredEvent], None]) -> None:
    before = list(event_store.events), event_store.streams_of(event.event_id)

    with pytest.raises(IntegrityError, match=WAY_OUT), transaction.atomic():
        action(event)
    assert (list(event_store.events), event_store.streams_of(event.event_id)) == before


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "action",
    [
        lambda event: event.delete(),
        lambda event: StoredEvent.objects.all().delete(),
        lambda event: execute("DELETE FROM event_store_streamlink; DELETE FROM event_store_storedevent"),
    ],
)
def test_events_cannot_be_deleted(event: StoredEvent, action: Callable[[StoredEvent], None]) -> None:
    with pytest.raises(IntegrityError, match=WAY_OUT), transaction.atomic():
        action(event)
    assert event_store.events.in_stream("s").count() == 1


def test_the_admin_has_no_form_that_changes_an_event(event: StoredEvent, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    page = f"/admin/event_store/storedevent/{event.pk}"

    assert client.post(f"{page}/change/", {"type": "sample.Renamed"}).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403


def test_a_projects_own_admin_cannot_change_an_event_either(event: StoredEvent) -> None:
    admin: Any = ModelAdmin(StoredEvent, AdminSite())
    event.type = "sample.Renamed"

    with pytest.raises(IntegrityError, match=WAY_OUT), transaction.atomic():
        admin.save_model(RequestFactory().post("/"), event, form=None, change=True)


def test_a_statement_that_meets_no_event_is_none_of_our_business(event: StoredEvent) -> None:
    assert StoredEvent.objects.filter(type="sample.Unknown").update(type="sample.Renamed") == 0


# ---- the way out


@committing
def test_changes_are_allowed_inside_the_block_and_refused_after_it(event: StoredEvent) -> None:
    with changes_allowed():
        rename(event)

    assert StoredEvent.objects.get().type == "sample.Renamed"
    assert is_refused(change, event)
    assert missing_triggers(connection) == []


def test_the_transaction_around_the_block_allows_nothing_afterwards(event: StoredEvent) -> None:
    with transaction.atomic():
        with changes_allowed():
            rename(event)

        assert is_refused(change, event)


@pytest.mark.postgresql
def test_events_can_be_deleted_in_the_block(event: StoredEvent) -> None:
    with changes_allowed():
        event.delete()

    assert event_store.events.count() == 0


@pytest.mark.parametrize("around", [transaction.atomic, changes_allowed])
def test_an_error_undoes_the_change_and_ends_the_permission(event: StoredEvent, around: Any) -> None:
    with around():
        with pytest.raises(ZeroDivisionError), changes_allowed():
            rename(event)
            raise ZeroDivisionError
        in_between = is_refused(change, event)

    assert in_between == (around is transaction.atomic)
    assert is_refused(change, event)


@committing
def test_a_block_that_is_rolled_back_quietly_leaves_everything_as_it_was(event: StoredEvent) -> None:
    with changes_allowed():
        rename(event)
        transaction.set_rollback(True)

    assert StoredEvent.objects.get().type == "sample.Noted"
    assert is_refused(change, event)


def test_blocks_may_stand_in_one_another(event: StoredEvent) -> None:
    with changes_allowed():
        with changes_allowed():
            rename(event)
        move_link(event)

    assert event_store.streams_of(event.event_id)[1].position == 7
    assert is_refused(change, event)


@committing
def test_another_connection_is_refused_meanwhile(event: StoredEvent) -> None:
    with Elsewhere() as elsewhere:
        with changes_allowed():
            # On SQLite it waits for the end of the block.
            other = elsewhere.start(lambda: is_refused(change, event))
            if connection.vendor == "postgresql":
                other.result(timeout=30)

        assert other.result(timeout=30)


@pytest.mark.postgresql
@committing
def test_the_sql_for_operators_of_postgresql_works(event: StoredEvent) -> None:
    for statement in documented_sql("SET LOCAL", event).split(";\n"):
        execute(statement)

    assert StoredEvent.objects.get().metadata == {}
    assert is_refused(change, event)


@pytest.mark.sqlite
@committing
def test_the_sql_for_operators_of_sqlite_works(event: StoredEvent) -> None:
    script = re.sub(
        r"\.read sql/(\S+)",
        lambda match: files("event_store.sql").joinpath(match[1]).read_text(),
        documented_sql("DROP TRIGGER", event),
    )
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as shell:
        shell.executescript(script)

    assert StoredEvent.objects.get().metadata == {}
    assert is_refused(change, event)


def documented_sql(words: str, event: StoredEvent) -> str:
    [block] = [each for each in re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL) if words in each]
    return str(block).replace("= 42", f"= {event.pk}")


# ---- missing triggers


@pytest.mark.parametrize(
    "disable",
    [
        "DROP TRIGGER event_store_link_refuse_update",
        pytest.param("ALTER TABLE event_store_streamlink DISABLE TRIGGER USER", marks=pytest.mark.postgresql),
    ],
)
def test_missing_triggers_are_found_and_brought_back_by_the_command_in_the_hint(
    child_environment: dict[str, str], event: StoredEvent, disable: str
) -> None:
    if connection.vendor == "postgresql":
        disable = disable.replace("update", "update ON event_store_streamlink")
    execute(disable)

    [message] = checks.check_triggers(databases=["default"])
    assert (message.id, "event_store_link_refuse_update" in message.msg) == ("event_store.E007", True)
    run_hint(message.hint, environment=child_environment)
    assert checks.check_triggers(databases=["default"]) == []
    assert is_refused(move_link, event)


@pytest.mark.sqlite
@committing
def test_migrate_brings_back_what_a_rebuilt_table_has_lost(event: StoredEvent) -> None:
    with connection.schema_editor() as editor:
        editor._remake_table(StoredEvent)  # type: ignore[attr-defined]
    assert missing_triggers(connection) == ["event_store_event_refuse_update"]

    call_command("migrate", verbosity=0)
    assert is_refused(change, event)


def test_installing_twice_changes_nothing(event: StoredEvent) -> None:
    install_triggers(connection)

    assert missing_triggers(connection) == []
    assert is_refused(change, event)
