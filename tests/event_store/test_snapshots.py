"""Snapshots of aggregates: a short cut, and never anything else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_store import Aggregate, AggregateRepository, Event, applies, event_store
from event_store.aggregates import snapshots
from event_store.backends.memory import MemoryBackend
from event_store.exceptions import InvalidAggregate
from event_store.models import AggregateSnapshot
from event_store.store import EventStore
from tests.event_store.threads import at_once

pytestmark = pytest.mark.django_db


class Paid(Event, type="snapshots.Paid"):
    who: str
    amount: Decimal


class Till(Aggregate):
    snapshot_every = 3
    total: Decimal
    payers: set[str]
    latest: tuple[str, ...]

    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.total, self.payers, self.latest = Decimal(0), set(), ()
        self.by_payer: dict[str, int] = {}

    def pay(self, who: str, amount: str = "1.10") -> None:
        self.record(Paid(who=who, amount=Decimal(amount)))

    @applies(Paid)
    def paid(self, event: Paid) -> None:
        self.total += event.amount
        self.payers.add(event.who)
        self.latest = (*self.latest, event.who)[-2:]
        self.by_payer[event.who] = self.by_payer.get(event.who, 0) + 1


tills = AggregateRepository(Till)


def pay(*names: str) -> None:
    for name in names:
        tills.change("1", lambda till, name=name: till.pay(name))  # type: ignore[misc]


def state(till: Till) -> dict[str, Any]:
    return {name: value for name, value in vars(till).items() if name != "recorded"}


def in_full() -> Till:
    till = Till("1")
    till.load(event_store.events.in_stream("Till$1"))
    return till


def rows() -> list[tuple[str, int]]:
    return list(AggregateSnapshot.objects.values_list("stream", "version"))


def events_read(action: Callable[[], Any]) -> tuple[int, int]:
    """How many events an action has loaded, and in how many statements."""
    loaded: list[Any] = []
    kept = Till.apply
    Till.apply = lambda self, event: (loaded.append(event), kept(self, event))[1]  # type: ignore[method-assign, assignment]
    try:
        with CaptureQueriesContext(connection) as captured:
            action()
    finally:
        Till.apply = kept  # type: ignore[method-assign]
    return len(loaded), len(captured)


def test_every_three_events_the_attributes_are_kept_and_only_later_events_are_read() -> None:
    pay("a", "b")
    assert rows() == []
    pay("c")
    assert rows() == [("Till$1", 2)]
    pay("d")

    assert events_read(lambda: tills.load("1")) == (1, 2)
    assert state(tills.load("1")) == state(in_full())
    assert tills.load("1").payers == {"a", "b", "c", "d"}
    pay("e", "f", "g")
    assert rows() == [("Till$1", 5)]


def test_several_events_at_once_make_one_snapshot_behind_the_last() -> None:
    till = tills.load("1")
    for name in "abcdefgh":
        till.pay(name)
    tills.store(till)

    assert rows() == [("Till$1", 7)]
    assert state(tills.load("1")) == state(in_full())


def test_a_snapshot_of_another_version_is_ignored_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pay("a", "b", "c")
    monkeypatch.setattr(Till, "snapshot_version", 2)
    assert events_read(lambda: tills.load("1"))[0] == 3
    pay("d", "e", "f")

    assert events_read(lambda: tills.load("1"))[0] == 0


def test_a_snapshot_of_other_source_is_ignored() -> None:
    pay("a", "b", "c")

    class Other(Till):
        category = "Till"

        @applies(Paid)
        def paid(self, event: Paid) -> None:
            self.total -= event.amount

    assert AggregateRepository(Other).load("1").total == Decimal("-3.30")


@pytest.mark.parametrize("state", ["{}", '{"total": 1}', '{"total": "x", "payers": [], "latest": [], "by_payer": {}}'])
def test_a_snapshot_that_cannot_be_restored_is_ignored(state: str) -> None:
    pay("a", "b", "c")
    AggregateSnapshot.objects.update(state=state)

    assert tills.load("1").total == Decimal("3.30")


def test_a_stream_that_was_deleted_and_written_anew_does_not_get_the_old_state() -> None:
    pay("a", "b", "c")
    event_store.delete_stream("Till$1")
    assert (tills.load("1").version, tills.load("1").payers) == (-1, set())

    event_store.append([Paid(who=name, amount=Decimal(1)) for name in "xyz"], stream="Till$1")
    assert tills.load("1").payers == {"x", "y", "z"}


def test_an_older_snapshot_never_replaces_a_newer_one() -> None:
    pay("a", "b", "c", "d", "e", "f")
    old = Till("1")
    [*events] = event_store.events.in_stream("Till$1")[:3]
    old.load(events)
    snapshots.take(event_store, old, events[-1])

    assert rows() == [("Till$1", 5)]


def test_without_its_rows_everything_is_as_before() -> None:
    pay("a", "b", "c", "d")
    AggregateSnapshot.objects.all().delete()

    assert state(tills.load("1")) == state(in_full())
    pay("e", "f")
    assert rows() == [("Till$1", 5)]


def test_what_is_rolled_back_leaves_no_snapshot() -> None:
    with pytest.raises(ZeroDivisionError), event_store.atomic():
        pay("a", "b", "c")
        raise ZeroDivisionError

    assert rows() == []


class Untyped(Aggregate):
    snapshot_every = 1

    def __init__(self, aggregate_id: str) -> None:
        super().__init__(aggregate_id)
        self.payers: set[str] = set()

    @applies(Paid)
    def paid(self, event: Paid) -> None:
        self.payers.add(event.who)


def test_what_would_not_come_back_is_not_kept_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    untyped = AggregateRepository(Untyped)
    with caplog.at_level(logging.ERROR, "event_store.aggregates"):
        untyped.change("1", lambda one: one.record(Paid(who="a", amount=Decimal(1))))

    assert rows() == []
    assert "There is no snapshot of Untyped$1" in caplog.text
    assert "Untyped.payers comes back from a snapshot as ['a'], not {'a'}: annotate it in the body" in caplog.text
    assert untyped.load("1").payers == {"a"}


def odd(value: Any) -> Any:
    class Odd(Aggregate):
        snapshot_every = 1

        def __init__(self, aggregate_id: str) -> None:
            super().__init__(aggregate_id)
            self.value: Any = None

    one = Odd("1")
    one.value = value
    return one


@pytest.mark.parametrize("value", [{1}, (1,), {1: 2}, Decimal(1), object(), "\ud800", {None: "x"}, float("nan"), b"x"])
def test_values_that_json_does_not_give_back(value: Any) -> None:
    with pytest.raises(InvalidAggregate):
        snapshots.check(odd(value))


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "é\0", [1, [2]], {"b": 1, "a": {"c": None}}, 10**20])
def test_values_that_json_gives_back(value: Any) -> None:
    snapshots.check(odd(value))


def test_attributes_that_init_does_not_set() -> None:
    one = odd(1)
    one.late = 2

    with pytest.raises(InvalidAggregate, match="__init__ sets value, and there is late, value: set all attributes"):
        snapshots.check(one)


def test_a_store_in_memory_keeps_none() -> None:
    store = EventStore(MemoryBackend())
    repository = AggregateRepository(Till, store=store)
    for name in "abcd":
        repository.change("1", lambda till, name=name: till.pay(name))  # type: ignore[misc]

    assert (repository.load("1").version, rows()) == (3, [])


@pytest.mark.django_db(transaction=True)
def test_many_writers_leave_a_snapshot_that_is_true() -> None:
    def pay_three() -> None:
        for _ in range(3):
            tills.change("1", lambda till: till.pay("a"), attempts=50)

    assert at_once([pay_three] * 4) == [None] * 4

    assert rows() == [("Till$1", 11)]
    assert state(tills.load("1")) == state(in_full())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.text("ab\u00e9\U0001f372", max_size=3), st.decimals(-99, 99, places=2))), max_size=12
    )
)
def test_with_snapshots_it_is_what_it_is_without(db: None, batches: list[list[tuple[str, Decimal]]]) -> None:
    event_store.delete_stream("Till$1")
    for batch in batches:
        till = tills.load("1")
        for who, amount in batch:
            till.pay(who, str(amount))
        tills.store(till)
        assert state(tills.load("1")) == state(in_full())


def test_the_admin_shows_no_state_to_who_may_not_see_payloads(client: Client) -> None:
    pay("a", "b", "c")
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_aggregatesnapshot"))
    client.force_login(user)
    path = f"/admin/event_store/aggregatesnapshot/{AggregateSnapshot.objects.get().pk}/change/"

    assert ("Till$1" in client.get(path).text, "by_payer" in client.get(path).text) == (True, False)
