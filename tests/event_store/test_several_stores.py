"""Two stores in two databases: each reads and writes in its own, whatever routers say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from uuid import UUID

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections, transaction

from event_store import (
    DuplicateEvent,
    EventNotFound,
    NewEvent,
    RecordedEvent,
    checks,
    event_store,
    event_stores,
    subscriber,
)
from event_store.exceptions import InvalidStoreSettings, InvalidSubscriber, NotMigrated
from event_store.models import FailedEvent, IssuedCommand, Process, StoredEvent, Stream
from event_store.testing import run_subscriptions
from tests.event_store.sample import CatererSaidYes, Counted, CustomerSaidYes, Noted
from tests.event_store.threads import Elsewhere

BOTH = ["default", "archive"]
pytestmark = pytest.mark.django_db(databases=BOTH)
committing = pytest.mark.django_db(databases=BOTH, transaction=True)

STORES: dict[str, Any] = {"default": {}, "archive": {"OPTIONS": {"using": "archive"}}}


@pytest.fixture(autouse=True)
def two_stores(settings: Any) -> None:
    settings.EVENT_STORES = STORES


def texts(store: str) -> list[str]:
    return [event.data.text for event in event_stores[store].events.of_type(Noted)]


def note(store: str, text: str = "", **options: Any) -> RecordedEvent[Any]:
    [event] = event_stores[store].publish(NewEvent(Noted(text=text), **options), stream="s")
    return event


# ---- two databases


def test_events_are_in_the_database_of_their_store_only() -> None:
    note("archive", "kept")
    note("default", "current")

    assert (texts("default"), texts("archive")) == (["current"], ["kept"])
    assert [StoredEvent.objects.using(alias).count() for alias in BOTH] == [1, 1]


def test_each_store_counts_for_itself_and_ids_may_repeat_across_stores() -> None:
    first, second = (note(store, id=UUID(int=1)) for store in BOTH)

    assert (first.id, first.position) == (second.id, second.position)
    with pytest.raises(DuplicateEvent):
        note("archive", id=UUID(int=1))


def test_an_event_of_one_store_cannot_be_linked_in_the_other() -> None:
    event = note("default")

    with pytest.raises(EventNotFound):
        event_stores["archive"].link(event, stream="t")


def test_an_event_of_the_other_store_may_be_a_cause() -> None:
    cause = note("default")
    with event_store.caused_by(cause):
        effect = note("archive")

    assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.id)


def test_deleting_a_stream_leaves_the_other_store_alone() -> None:
    for store in BOTH:
        note(store)
    event_stores["archive"].delete_stream("s")

    assert [event_stores[store].events.in_stream("s").count() for store in BOTH] == [1, 0]


@committing
@pytest.mark.parametrize(("undone", "kept"), [("default", "archive"), ("archive", "default")])
def test_a_rollback_in_one_database_leaves_the_other_alone(undone: str, kept: str) -> None:
    with pytest.raises(RuntimeError), event_stores[undone].atomic():
        note(undone, "undone")
        note(kept, "kept")
        raise RuntimeError
    note(undone, "later")

    assert (texts(undone), texts(kept)) == (["later"], ["kept"])


@committing
def test_a_broken_transaction_in_one_database_does_not_break_a_publish_in_the_other() -> None:
    subscriber(Noted, name="reader")(lambda event: None)

    with transaction.atomic():
        transaction.set_rollback(True)
        note("archive", "kept")

    assert texts("archive") == ["kept"]


# ---- settings


@committing
def test_overridden_settings_count_at_once_in_all_threads_and_are_undone(settings: Any) -> None:
    def using() -> str:
        return event_store.backend.using

    with Elsewhere() as elsewhere:
        before = using(), elsewhere.do(using)
        settings.EVENT_STORES = {"default": {"OPTIONS": {"using": "archive"}}}
        overridden = using(), elsewhere.do(using)
        settings.EVENT_STORES = STORES

        assert before == (using(), elsewhere.do(using)) == ("default", "default")
        assert overridden == ("archive", "archive")


def test_the_default_store_may_be_in_another_database_with_its_processes(settings: Any) -> None:
    settings.EVENT_STORES = {"default": {"OPTIONS": {"using": "archive"}}}
    event_store.publish([CustomerSaidYes(order_id="42"), CatererSaidYes(order_id="42")], stream="s")
    run_subscriptions("Agreement")

    assert [Process.objects.using(alias).count() for alias in BOTH] == [0, 1]
    assert Process.objects.using("archive").get().status == Process.Status.COMPLETED


def test_a_store_in_a_database_that_does_not_exist_says_so(settings: Any) -> None:
    settings.EVENT_STORES = STORES | {"old": {"OPTIONS": {"using": "old"}}}

    with pytest.raises(
        InvalidStoreSettings, match=r"'old', which is not in DATABASES\. DATABASES has default, archive"
    ):
        note("old")
    note("archive")


def test_the_checks_pass_for_two_stores() -> None:
    assert run_checks(databases=BOTH) == []


def test_the_checks_name_the_second_store_and_its_database(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["archive"], "OPTIONS", {})
    [slow] = checks.check_databases_of_stores()
    settings.EVENT_STORES = STORES | {"archive": {"OPTIONS": {"using": "old"}}}
    [missing] = checks.check_event_stores()

    assert (slow.id, missing.id) == ("event_store.W001", "event_store.E002")
    assert "'archive'" in slow.msg
    assert "EVENT_STORES['archive']" in missing.msg


# ---- subscribers


@pytest.mark.parametrize("durable", [False, True])
def test_a_subscriber_may_be_for_one_store(durable: bool) -> None:
    seen: list[str] = []
    subscriber(Noted, durable=durable, name="reader", store="archive")(lambda event: seen.append(event.data.text))
    for store in BOTH:
        note(store, store)
        if durable:
            run_subscriptions(store=store)

    assert seen == ["archive"]


def test_one_name_for_two_stores_is_refused() -> None:
    subscriber(Noted, store="archive", name="reader")(print)

    with pytest.raises(InvalidSubscriber, match="Two subscribers are named 'reader'"):
        subscriber(Counted, name="reader")(print)


# ---- routers


class Redirecting:
    """Wants everything of the event store in the other database, and nothing related."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "archive" if model._meta.app_label == "event_store" else None

    db_for_write = db_for_read

    def allow_relation(self, *objects: Any, **hints: Any) -> bool:
        return False


class Forbidding:
    """Lets nobody ask."""

    def refuse(self, model: Any, **hints: Any) -> None:
        if model._meta.app_label == "event_store":
            raise PermissionError(model)

    db_for_read = db_for_write = refuse

    def allow_relation(self, *objects: Any, **hints: Any) -> NoReturn:
        raise PermissionError(objects)


routers = pytest.mark.parametrize("router", [Redirecting(), Forbidding()], ids=["redirecting", "forbidding"])


@routers
@pytest.mark.parametrize(("here", "there"), [("default", "archive"), ("archive", "default")])
def test_routers_do_not_change_where_a_store_reads_and_writes(
    settings: Any, router: Any, here: str, there: str
) -> None:
    settings.DATABASE_ROUTERS = [router]
    store, event = event_stores[here], note(here, "a")
    store.link(event, stream="t")
    store.append(Counted(number=1), stream="t")

    assert [at.stream for at in store.streams_of(event)] == ["s", "t"]
    assert store.events.in_stream("t").count() == 2
    assert store.delete_stream("t") == 2
    assert not Stream.objects.using(there).exists()


@routers
def test_routers_do_not_change_where_processes_are(settings: Any, router: Any) -> None:
    settings.DATABASE_ROUTERS = [router]
    yes = [CustomerSaidYes(order_id="42"), CatererSaidYes(order_id="42"), CatererSaidYes(order_id="42")]
    event_store.publish(yes, stream="s")
    run_subscriptions("Agreement")

    assert IssuedCommand.objects.using("default").select_related("step").get().step.number == 1
    assert not Process.objects.using("archive").exists()


@routers
def test_routers_do_not_change_where_failures_are(settings: Any, router: Any) -> None:
    def fail(event: RecordedEvent[Any]) -> NoReturn:
        raise ValueError("no")

    settings.DATABASE_ROUTERS = [router]
    subscriber(Noted, durable=True, name="reader")(fail)
    note("archive")

    with pytest.raises(AssertionError, match="reader failed at sample.Noted .*: ValueError: no"):
        run_subscriptions("reader", store="archive")
    assert [FailedEvent.objects.using(alias).count() for alias in BOTH] == [0, 1]


# ---- migrations


class KeepOthersOut:
    """The archive is for events alone."""

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool | None:
        return app_label == "event_store" if alias == "archive" else None


@pytest.fixture
def empty_archive(transactional_db: None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The archive's database without a table."""
    connection = connections["archive"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / "empty.sqlite3")
    yield
    connection.close()


@committing
@pytest.mark.parametrize("arguments", [["event_store"], []])
def test_migrate_makes_a_store_in_a_database_that_is_for_events_alone(
    settings: Any, empty_archive: None, arguments: list[str]
) -> None:
    settings.DATABASE_ROUTERS = [KeepOthersOut()]
    call_command("migrate", *arguments, database="archive", verbosity=0, skip_checks=False)
    note("archive", "first")

    tables = connections["archive"].introspection.table_names()
    assert [table for table in tables if not table.startswith("event_store_")] == ["django_migrations"]
    assert texts("archive") == ["first"]


@committing
@pytest.mark.parametrize("verb", [note, texts, lambda store: run_subscriptions(store=store)])
def test_a_store_that_is_not_migrated_says_how(empty_archive: None, verb: Callable[[str], object]) -> None:
    with pytest.raises(NotMigrated, match="'archive': run `manage.py migrate event_store --database archive`"):
        verb("archive")
    note("default")
