from __future__ import annotations

import pytest

from event_store import Command, Event, command_classes, event_classes
from event_store.testing import isolated_registries
from tests.event_store.sample import Confirm, Noted


def test_the_declared_classes_are_found_by_type_in_the_order_of_the_types() -> None:
    assert event_classes()["sample.Noted"] is Noted
    assert command_classes()["sample.Confirm"] is Confirm
    assert list(event_classes()) == sorted(event_classes())
    assert "sample.Confirm" not in event_classes()


@pytest.mark.parametrize(("base", "classes"), [(Event, event_classes), (Command, command_classes)])
def test_what_cannot_be_stored_is_not_among_them(base: type[Event | Command], classes: object) -> None:
    with isolated_registries():
        before = classes()  # type: ignore[operator]

        type("Unnamed", (base,), {"__module__": "nowhere"})
        type("Abstract", (base,), {"__module__": "nowhere"}, type="x.Abstract", abstract=True)
        assert classes() == before  # type: ignore[operator]


def test_of_two_classes_with_one_type_the_first_one_is_named() -> None:
    with isolated_registries():
        first = type("First", (Event,), {"__module__": "nowhere"}, type="x.Same")
        type("Second", (Event,), {"__module__": "nowhere"}, type="x.Same")

        assert event_classes()["x.Same"] is first
