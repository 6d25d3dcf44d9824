from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from event_store import Command, Event, checks, event_store, handles, subscriber
from event_store.backends import postgresql
from tests.event_store.children import run_hint
from tests.event_store.sample import Noted
from tests.event_store.transactions import run


def drop_a_function() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION event_store_link_v1")


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.django_db
def test_the_projects_own_settings_pass() -> None:
    assert run_checks(databases=["default"]) == []


@pytest.mark.parametrize("stores", [{}, {"main": {}}, [], "default"])
def test_a_setting_without_a_default_store(settings: Any, stores: Any) -> None:
    settings.EVENT_STORES = stores

    assert ids(checks.check_event_stores()) == ["event_store.E001"]
    assert checks.check_stores_of_subscribers() == []


@pytest.mark.parametrize(
    ("configuration", "what", "hint"),
    [
        ({"BAKEND": "x"}, "unknown key 'BAKEND'", "BACKEND and OPTIONS"),
        ({"BACKEND": "event_store.backends.databse.DatabaseBackend"}, "cannot be imported", "DatabaseBackend"),
        ({"BACKEND": "event_store.store.EventStore"}, "not a Backend", "DatabaseBackend"),
        ({"BACKEND": None}, "cannot be imported", "DatabaseBackend"),
        ({"OPTIONS": {"usign": "default"}}, "unknown key 'usign'", "using and wake_up"),
        ({"OPTIONS": {"using": ["default"]}}, "not in DATABASES", "default"),
        ({"OPTIONS": {"using": "other"}}, "'other', which is not in DATABASES", "default"),
        ({"OPTIONS": {"wake_up": "later"}}, "'later'", "inline, worker"),
        ({"OPTIONS": None}, "['OPTIONS'] is None", "dict"),
        ("DatabaseBackend", "is 'DatabaseBackend'", "dict"),
    ],
)
def test_a_typo_in_the_setting_is_found_with_a_hint(settings: Any, configuration: Any, what: str, hint: str) -> None:
    settings.EVENT_STORES = {"default": configuration}

    [message] = checks.check_event_stores()

    assert message.id == "event_store.E002"
    assert what in message.msg
    assert message.hint is not None
    assert hint in message.hint


def test_two_classes_of_one_type() -> None:
    class First(Event, type="sample.Taken"):
        pass

    class Second(Event, type="sample.Taken"):
        pass

    assert ids(checks.check_types()) == ["event_store.E003"]


def test_a_command_that_nobody_handles() -> None:
    class Lonely(Command, type="sample.Lonely"):
        pass

    [message] = checks.check_command_handlers()

    assert message.id == "event_store.E004"
    assert "Lonely" in message.msg


def test_a_command_that_two_functions_handle() -> None:
    class Contested(Command, type="sample.Contested"):
        pass

    def first(command: Contested) -> None: ...

    def second(command: Contested) -> None: ...

    handles(Contested)(first)
    handles(Contested)(second)
    [message] = checks.check_command_handlers()

    assert message.id == "event_store.E012"
    assert re.search(r"Contested is handled by .*first and .*second\.", message.msg)


def test_a_subscriber_of_a_store_that_does_not_exist() -> None:
    subscriber(Event, name="lost", store="arcive")(print)

    [message] = checks.check_stores_of_subscribers()

    assert (message.id, message.hint) == ("event_store.E008", "EVENT_STORES has default.")
    assert "lost is for the store 'arcive'" in message.msg


def test_two_durable_subscribers_of_one_name() -> None:
    subscriber(Event, durable=True, name="letters")(print)
    subscriber(Event, durable=True, name="letters")(repr)

    [message] = checks.check_names_of_subscriptions()

    assert message.id == "event_store.E009"
    assert "Two subscribers are named 'letters'" in message.msg


def test_sqlite_without_immediate_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}
    monkeypatch.setattr(checks.settings, "DATABASES", {"default": sqlite})

    assert ids(checks.check_databases_of_stores()) == ["event_store.W001"]


def test_a_project_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False

    assert "event_store.E006" in ids(checks.check_databases_of_stores())


@pytest.mark.postgresql
def test_missing_functions_are_found_and_brought_back_by_the_command_in_the_hint(
    child_environment: dict[str, str],
) -> None:
    assert checks.check_functions(databases=["default"]) == []
    drop_a_function()

    [message] = checks.check_functions(databases=["default"])
    assert message.id == "event_store.E005"
    assert "event_store_link_v1" in message.msg
    run_hint(message.hint, environment=child_environment)
    assert checks.check_functions(databases=["default"]) == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_what_a_migration_is_still_to_bring_does_not_keep_it_from_running() -> None:
    drop_a_function()
    MigrationRecorder(connection).migration_qs.filter(app="event_store").delete()

    assert checks.check_functions(databases=["default"]) == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_every_migrate_brings_back_missing_functions() -> None:
    drop_a_function()

    call_command("migrate", verbosity=0)
    assert checks.check_functions(databases=["default"]) == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_sequence_that_hands_out_several_numbers_at_once() -> None:
    run(f"ALTER SEQUENCE {postgresql.POSITION_SEQUENCE} CACHE 10")

    [message] = checks.check_positions(databases=["default"])
    assert (message.id, "takes 10 global positions" in message.msg) == ("event_store.E010", True)
    run(str(message.hint).partition(";")[0])
    assert checks.check_positions(databases=["default"]) == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_events_beyond_the_sequence_are_found_and_the_hint_mends_it() -> None:
    event_store.append(Noted(), stream="s")
    run(f"SELECT setval('{postgresql.POSITION_SEQUENCE}', 1)")
    run(
        "INSERT INTO event_store_storedevent (global_position, event_id, type, category, schema_version, data, metadata,"
        " recorded_at, valid_at) VALUES (1000000, gen_random_uuid(), 'x', 's', 1, '{}', '{}', now(), now())"
    )

    [message] = checks.check_positions(databases=["default"])
    assert (message.id, "up to position 1000000" in message.msg) == ("event_store.E011", True)
    run(str(message.hint).partition(": ")[2])
    assert checks.check_positions(databases=["default"]) == []
    assert event_store.append(Noted(), stream="s")[0].global_position == 1000001


@pytest.mark.postgresql
@pytest.mark.django_db
def test_who_may_not_see_the_sequence_hears_nothing_about_it() -> None:
    run("CREATE ROLE event_store_blind; GRANT SELECT ON ALL TABLES IN SCHEMA public TO event_store_blind")
    run(f"REVOKE ALL ON SEQUENCE {postgresql.POSITION_SEQUENCE} FROM event_store_blind")
    event_store.append(Noted(), stream="s")
    run("SET ROLE event_store_blind")

    assert checks.check_positions(databases=["default"]) == []
    run("RESET ROLE")


@pytest.mark.django_db
def test_a_database_without_the_tables_of_the_store_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: ["django_site"])

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert checks.check_functions(databases=["default"]) == checks.check_triggers(databases=["default"]) == []
    assert checks.check_positions(databases=["default"]) == []


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
