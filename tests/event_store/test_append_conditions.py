"""Append on a condition with several writers at once: exact, whoever comes first."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from event_store import ANY, AppendCondition, AppendConditionFailed, Event, event_store
from event_store.models import Stream
from tests.event_store.sample import Noted
from tests.event_store.threads import Elsewhere, at_once

pytestmark = pytest.mark.django_db(transaction=True)

CAPACITY = 5


class StudentEnrolled(Event, type="course.StudentEnrolled"):
    course: str
    student: str


def last_position(events: Any, otherwise: int = -1) -> int:
    newest = events.backward().first()
    return otherwise if newest is None else newest.position


def enrol(student: str, course: str = "c1") -> bool:
    """Read, decide, append; again when somebody was faster. Whether there was a place left."""
    while True:
        seen = list(event_store.events.in_stream(f"Course${course}").of_type(StudentEnrolled))
        if len(seen) >= CAPACITY:
            return False
        read = seen[-1].position if seen else -1
        condition = AppendCondition({f"Course${course}": read}, types=[StudentEnrolled])
        try:
            event_store.publish(
                StudentEnrolled(course=course, student=student),
                stream=f"Enrolment${course}-{student}",
                links=[f"Course${course}", f"Student${student}"],
                condition=condition,
            )
        except AppendConditionFailed:
            continue
        return True


def test_a_course_never_takes_more_than_its_places() -> None:
    def enrol_two(writer: int) -> list[bool]:
        return [enrol(f"{writer}a"), enrol(f"{writer}b")]

    answers = at_once([lambda writer=writer: enrol_two(writer) for writer in range(6)])  # type: ignore[misc]

    assert sorted(got for pair in answers for got in pair) == [False] * 7 + [True] * 5
    assert event_store.events.in_stream("Course$c1").count() == CAPACITY


def test_of_two_that_saw_nobody_yet_one_wins_though_neither_writes_to_the_stream() -> None:
    def claim(stream: str) -> Any:
        return event_store.publish(
            Noted(), stream=stream, links=["Names"], condition=AppendCondition({"Names": -1, "Never$written": -1})
        )

    answers = at_once([lambda number=number: claim(f"s{number}") for number in range(5)])  # type: ignore[misc]

    refused = [answer for answer in answers if isinstance(answer, AppendConditionFailed)]
    assert (len(refused), {answer.stream for answer in refused}) == (4, {"Names"})
    assert not event_store.streams.with_prefix("Never").exists()


def test_events_of_other_types_do_not_count() -> None:
    enrol("anna")
    read = last_position(event_store.events.in_stream("Course$c1"))
    event_store.publish(Noted(), stream="Course$c1")
    changed = AppendCondition({"Course$c1": read})
    unchanged = AppendCondition({"Course$c1": read}, types=[StudentEnrolled])

    with pytest.raises(AppendConditionFailed):
        event_store.publish(Noted(), stream="s", condition=changed)
    event_store.publish(Noted(), stream="s", condition=unchanged)


@pytest.mark.postgresql
def test_a_writer_waits_for_the_one_that_may_change_its_condition() -> None:
    condition = AppendCondition({"Tag": -1})
    with Elsewhere() as other:
        with transaction.atomic():
            event_store.publish(Noted(), stream="s", links=["Tag"])
            waiting = other.start(lambda: event_store.publish(Noted(), stream="t", condition=condition))
            assert not waiting.done()
        with pytest.raises(AppendConditionFailed) as refused:
            waiting.result(timeout=30)

    assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("Tag", -1, 0)


@pytest.mark.postgresql
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_lost_race_under_a_stricter_isolation_level_is_a_failed_condition(level: str, exists: bool) -> None:
    if exists:
        event_store.publish(Noted(), stream="Tag")
    read = last_position(event_store.events.in_stream("Tag"))
    with Elsewhere() as other, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        assert event_store.events.in_stream("Tag").count() == read + 1
        other.do(lambda: event_store.publish(Noted(), stream="Tag"))

        with pytest.raises(AppendConditionFailed) as refused:
            event_store.publish(Noted(), stream="s", expected_version=ANY, condition=AppendCondition({"Tag": read}))

    assert refused.value.actual is None
    assert not event_store.events.in_stream("s").exists()


def test_a_condition_shows_what_it_asks() -> None:
    condition = AppendCondition({"Course$c1": 12}, types=[StudentEnrolled])

    assert repr(condition) == "AppendCondition({'Course$c1': 12}, types=['course.StudentEnrolled'])"
    assert repr(AppendCondition({"s": -1})) == "AppendCondition({'s': -1})"


def test_a_condition_that_held_leaves_no_stream_behind_that_can_be_listed() -> None:
    event_store.publish(Noted(), stream="s", condition=AppendCondition({"Empty": -1}))

    assert [each.name for each in event_store.streams] == ["s"]
    assert not Stream.objects.filter(name="Empty", version__gte=0).exists()
