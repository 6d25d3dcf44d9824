"""The tests of a project that uses the store: Django's own test classes, flush and fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.test import TestCase, TransactionTestCase

from event_store import event_store
from event_store.models import Process
from event_store.testing import run_subscriptions
from tests.event_store.children import manage
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

MODELS = list(apps.get_app_config("event_store").get_models())
database: Any = connection


class EventsOfATestCase(TestCase):
    """Each test sees the events of its class and its own, and no other's."""

    @classmethod
    def setUpTestData(cls) -> None:
        event_store.publish(Noted(text="for all"), stream="s")

    def test_one(self) -> None:
        event_store.publish(Noted(text="one"), stream="s", expected_version=0)

        assert texts("s") == ["for all", "one"]

    def test_two(self) -> None:
        event_store.publish(Noted(text="two"), stream="s", expected_version=0, links=["t"])

        assert texts("t") == ["two"]


class EventsOfATransactionTestCase(TransactionTestCase):
    """Each test begins with an empty store, and its process managers run by themselves."""

    def test_one(self) -> None:
        event_store.publish([Noted(text="one")], stream="s", expected_version=-1, links=["t"])

        assert (texts("s"), texts("t")) == (["one"], ["one"])

    def test_two(self) -> None:
        event_store.publish(CustomerSaidYes(order_id="42"), stream="s", expected_version=-1)
        event_store.publish(CatererSaidYes(order_id="42"), stream="s", expected_version=0)

        assert Process.objects.get().status == "completed"


class EventsOfASerializedRollback(TransactionTestCase):
    """Each test begins with the events that the project's migrations have published."""

    serialized_rollback = True
    contents: str

    @classmethod
    def setUpClass(cls) -> None:
        event_store.publish(Noted(text="migrated"), stream="s", links=["t"])
        cls.contents = database._test_serialized_contents
        # As the creation of a test database does it, after the migrations; the first test finds it all still there.
        database._test_serialized_contents = database.creation.serialize_db_to_string()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        database._test_serialized_contents = cls.contents
        # This class has flushed without Django's permissions: bring them back.
        call_command("flush", interactive=False, verbosity=0)
        super().tearDownClass()

    def test_one(self) -> None:
        event_store.publish(Noted(text="one"), stream="s", expected_version=0)

        assert (texts("s"), texts("t")) == (["migrated", "one"], ["migrated"])

    def test_two(self) -> None:
        self.test_one()


def texts(stream: str) -> list[str]:
    return [event.data.text for event in event_store.events.in_stream(stream)]


def publish_an_order() -> None:
    event_store.publish(CustomerSaidYes(order_id="42"), stream="Order$42", links=["Customer$7"])
    event_store.publish(CatererSaidYes(order_id="42"), stream="Caterer$7")
    run_subscriptions()


def rows() -> dict[str, list[dict[str, Any]]]:
    """All that is stored, times apart: Django's JSON cuts them to milliseconds."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if not name.endswith(("_at", "_since"))}
            for row in model._base_manager.order_by("pk").values()
        ]
        for model in MODELS
    }


def test_flush_empties_the_store_and_it_can_be_used_again(child_environment: dict[str, str]) -> None:
    publish_an_order()
    manage("flush", "--no-input", environment=child_environment)
    assert [model.__name__ for model in MODELS if model._base_manager.exists()] == []

    publish_an_order()
    assert Process.objects.get().status == "completed"


@pytest.mark.django_db(transaction=True)
def test_a_fixture_brings_a_whole_store_into_an_empty_database(tmp_path: Path) -> None:
    fixture = str(tmp_path / "store.json")
    publish_an_order()
    before = rows()
    call_command("dumpdata", "event_store", output=fixture)
    call_command("flush", interactive=False, verbosity=0)

    call_command("loaddata", fixture, verbosity=0)
    assert rows() == before
    [event] = event_store.publish(Noted(), stream="Caterer$7", expected_version=0)
    assert event.global_position == max(row["global_position"] for row in before["StoredEvent"]) + 1


@pytest.mark.django_db
def test_a_fixture_that_is_loaded_twice_changes_nothing(tmp_path: Path) -> None:
    fixture = str(tmp_path / "store.json")
    publish_an_order()
    events = list(event_store.events)
    call_command("dumpdata", "event_store", output=fixture)

    call_command("loaddata", fixture, verbosity=0)
    assert list(event_store.events) == events


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "other"), [('"as it was"', '"another"'), ('"written_here": true', '"written_here": false')]
)
def test_a_fixture_cannot_change_an_event(tmp_path: Path, written: str, other: str) -> None:
    fixture = tmp_path / "store.json"
    event_store.publish(Noted(text="as it was"), stream="s")
    call_command("dumpdata", "event_store", output=str(fixture))
    fixture.write_text(fixture.read_text().replace(written, other))

    with pytest.raises(IntegrityError, match="never changed"):
        call_command("loaddata", str(fixture), verbosity=0)
