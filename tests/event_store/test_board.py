"""What processes wait for, and which are stuck: by jumps in indexes, and the same as by reading all."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_store import (
    WaitingGroup,
    count_processes,
    process_managers,
    stuck_processes,
    waiting_groups,
    why_stuck,
)
from event_store.models import Process
from event_store.processes import board
from tests.event_store.sample import Agreement
from tests.event_store.transactions import run

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)


@pytest.fixture(autouse=True)
def an_hour_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(hours=1))


def process(
    key: object,
    *,
    type: str = "Agreement",
    waiting_for: str = "A",
    minutes: int = 0,
    deadline: int | None = None,
    **values: Any,
) -> Process:
    """`minutes` that it has waited, `deadline` in minutes from now."""
    since = NOW - timedelta(minutes=minutes)
    return Process(
        key=str(key),
        type=type,
        status=values.pop("status", "waiting"),
        waiting_for=waiting_for,
        waiting_since=since,
        next_deadline=None if deadline is None else NOW + timedelta(minutes=deadline),
        started_at=since,
        updated_at=since,
        **values,
    )


def by_reading_all() -> list[WaitingGroup]:
    groups: dict[tuple[str, str], list[Process]] = defaultdict(list)
    for each in Process.objects.filter(status="waiting"):
        groups[each.type, each.waiting_for].append(each)
    found = [
        WaitingGroup(
            *names,
            len(members),
            sum(bool(why_stuck(each)) for each in members),
            min(each.waiting_since for each in members if each.waiting_since),
            min((each.next_deadline for each in members if each.next_deadline), default=None),
        )
        for names, members in groups.items()
    ]
    return sorted(found, key=lambda group: (group.oldest, group.type, group.waiting_for))


def test_nothing_waits() -> None:
    Process.objects.bulk_create([process(1, status="completed")])

    assert waiting_groups() == []


def test_a_group_says_how_many_since_when_and_until_when() -> None:
    Process.objects.bulk_create(
        [
            process(1, minutes=10, deadline=30),
            process(2, minutes=70),
            process(3, minutes=5, deadline=-2),
            process(4, minutes=80, deadline=-3),
            process(5, minutes=900, status="failed"),
            process(6, waiting_for="B", minutes=90, type="Unknown"),
        ]
    )

    assert waiting_groups() == [
        WaitingGroup("Unknown", "B", 1, 0, NOW - timedelta(minutes=90), None),
        WaitingGroup("Agreement", "A", 4, 3, NOW - timedelta(minutes=80), NOW - timedelta(minutes=3)),
    ]
    assert sorted(stuck_processes().values_list("key", flat=True)) == ["2", "3", "4"]
    assert [why_stuck(each) for each in Process.objects.order_by("key")] == [
        "",
        "too long",
        "deadline",
        "deadline",
        "",
        "",
    ]


def test_where_no_class_says_how_long_is_too_long_only_deadlines_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for manager in process_managers.values():
        monkeypatch.setattr(manager, "stuck_after", None)
    Process.objects.bulk_create([process(1, minutes=9999), process(2, minutes=9999, deadline=-2)])

    assert [each.key for each in stuck_processes()] == ["2"]
    assert waiting_groups()[0].stuck == 1


def test_the_groups_of_one_type_are_those_of_all_without_the_others() -> None:
    Process.objects.bulk_create(
        process(f"{of_type}{number}", type=of_type, waiting_for=f"A{number % 3}", minutes=number)
        for of_type in ("Agreement", "B", "C")
        for number in range(7)
    )

    assert waiting_groups(process_type="B") == [each for each in waiting_groups() if each.type == "B"]
    assert waiting_groups(process_type="Never") == []


def test_statuses_are_counted_up_to_a_number(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr(board, "COUNTED_UP_TO", 2)
    Process.objects.bulk_create([process(number, status="failed") for number in range(5)] + [process("w")])

    with django_assert_num_queries(1):
        assert count_processes("failed", "waiting", "completed") == {"failed": 3, "waiting": 1, "completed": 0}


def test_counts_and_groups_end_at_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "COUNTED_UP_TO", 2)
    Process.objects.bulk_create([process(number, minutes=100, waiting_for=f"A{number % 3}") for number in range(15)])

    assert [(each.waiting_for, each.count, each.stuck) for each in waiting_groups(limit=2)] == [
        ("A0", 3, 3),
        ("A1", 3, 3),
    ]


waiting = st.builds(
    process,
    key=st.uuids(),
    type=st.sampled_from(["Agreement", "CateringMatch", "Z\u00e9", "a"]),
    waiting_for=st.sampled_from(["", "*", "A", "A & B", "A | B", "\U0001f372", "a"]),
    minutes=st.integers(0, 9999),
    deadline=st.none() | st.integers(-99, 99),
    status=st.sampled_from(["waiting", "waiting", "failed", "completed"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(waiting, max_size=30, unique_by=lambda each: each.key))
def test_jumping_finds_what_reading_all_finds(rows: list[Process]) -> None:
    Process.objects.all().delete()
    Process.objects.bulk_create(rows)

    assert waiting_groups() == by_reading_all()
    assert {each.pk for each in stuck_processes()} == {each.pk for each in Process.objects.all() if why_stuck(each)}


def test_of_many_processes_few_are_read() -> None:
    """Plans, not times: each part of the statement has an index to go by."""
    Process.objects.bulk_create([process(number, waiting_for=f"A{number % 7}") for number in range(3000)])
    table = Process._meta.db_table
    run(f"ANALYZE {table}", using="default")
    seen: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        waiting_groups()
    [(sql, params)] = seen
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(explain + sql, params)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert f"Seq Scan on {table}" not in plan
    assert "SCAN p\n" not in plan
    assert f"SCAN {table}" not in plan
