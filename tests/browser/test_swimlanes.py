"""The picture of a conversation, without a page: lanes, marks, lines and labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from browser.conversation import Message, Row
from browser.labels import Label, labels_of
from browser.swimlanes import Swimlanes, swimlanes

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


def picture(*told: tuple[str, float, int | None], true_scale: bool = False) -> Swimlanes:
    """Of events, each a stream, seconds after noon, and the index of its cause."""
    messages = [
        Message(UUID(int=index + 1), "event", "sample.Noted", NOON + timedelta(seconds=at), None, stream)
        for index, (stream, at, _cause) in enumerate(told)
    ]
    rows = [
        Row(message, None, None if cause is None else messages[cause])
        for message, (_stream, _at, cause) in zip(messages, told, strict=True)
    ]
    return swimlanes(rows, true_scale=true_scale)


def percents(shown: Swimlanes) -> list[float]:
    return [float(mark.x.removesuffix("%")) for mark in shown.marks]


def test_each_stream_has_a_lane_in_the_order_of_its_first_event() -> None:
    shown = picture(("b", 0, None), ("a", 1, None), ("b", 2, None))

    assert [(lane.stream, lane.y) for lane in shown.lanes] == [("b", 16), ("a", 48)]
    assert [mark.y for mark in shown.marks] == [16, 48, 16]


def test_marks_are_inside_the_picture_and_rise_with_time() -> None:
    for count in (1, 2, 14, 200):
        shown = picture(*(("s", at, None) for at in range(count)))
        places = percents(shown)
        assert places == sorted(places)
        assert places[0] > 0
        assert places[-1] < 100


@pytest.mark.parametrize("apart", [0, 0.001, 3600, 86400 * 30])
def test_neighbours_never_lie_on_one_another(apart: float) -> None:
    shown = picture(*(("s", at * apart, None) for at in range(200)))
    pixels = [each * shown.width / 100 for each in percents(shown)]

    assert min(after - before for before, after in pairwise(pixels)) >= 11.5


def test_a_short_conversation_needs_no_more_than_a_narrow_window() -> None:
    assert picture(("s", 0, None)).width == 640
    assert picture(*(("s", at, None) for at in range(14))).width == 640


def test_a_line_leads_below_the_cause_s_lane_and_then_to_its_effect() -> None:
    shown = picture(("a", 0, None), ("b", 1, 0), ("a", 2, 1), ("a", 3, 2))
    down, up, same = shown.edges

    assert (down.y1, down.track, down.y2) == (22, 25.5, 42)
    assert (up.y1, up.track, up.y2) == (54, 59.5, 22)
    assert (same.y1, same.track, same.y2) == (22, 29.5, 22)
    assert [edge.x1 for edge in shown.edges] == [mark.x for mark in shown.marks[:3]]
    assert [edge.x2 for edge in shown.edges] == [mark.x for mark in shown.marks[1:]]


def test_effects_of_one_cause_share_its_line() -> None:
    shown = picture(("a", 0, None), ("b", 1, 0), ("c", 2, 0))

    assert len({edge.track for edge in shown.edges}) == 1


def test_labels_give_way_in_a_narrow_picture_first() -> None:
    shown = picture(*(("s", at, None) for at in range(14)))

    assert [mark.narrow for mark in shown.marks[:-2]] == [None] * 12
    assert [mark.wide.text for mark in shown.marks if mark.wide] == ["Noted"] * 13


def test_a_clock_that_went_back_leaves_the_labels_in_order() -> None:
    shown = picture(("s", 10, None), ("s", 0, None))

    assert percents(shown)[0] > percents(shown)[1]
    assert [mark.narrow and mark.narrow.text for mark in shown.marks] == ["Noted", "Noted"]


def test_a_label_begins_at_its_mark_ends_there_or_is_left_out() -> None:
    assert labels_of([(10, "ab"), (90, "abc")], 100) == [Label("ab", False), Label("abc", True)]
    assert labels_of([(10, "abcdefghijklm"), (90, "ab")], 120) == [None, Label("ab", False)]
    assert labels_of([(10, "abcdefgh"), (90, "abcdefghij")], 100) == [Label("abcdefgh", False), None]
    assert labels_of([], 100) == []


def test_what_caused_itself_is_drawn_all_the_same() -> None:
    message = Message(uuid4(), "event", "sample.Noted", NOON, None, "s")

    assert len(swimlanes([Row(message, None, message)]).edges) == 1


def test_times_stand_below_the_axis_where_there_is_room() -> None:
    ticks = picture(*(("s", at * 3600, None) for at in range(30))).ticks

    assert [ticks[0].label, ticks[0].anchor] == ["19 Nov 2026, 12:00:00", "start"]
    assert [ticks[-1].label, ticks[-1].anchor] == ["20 Nov, 17:00:00", "end"]
    assert [tick.label for tick in ticks[1:-1]] == ["20:00:00", "20 Nov, 01:00:00", "06:00:00", "10:00:00"]


def test_a_short_conversation_tells_times_to_the_millisecond() -> None:
    assert [tick.label for tick in picture(("s", 0, None), ("s", 0.004, None)).ticks] == [
        "19 Nov 2026, 12:00:00.000",
        "12:00:00.004",
    ]
    assert len(picture(("s", 0, None), ("s", 0, None), ("s", 0, None)).ticks) == 1
    assert len(picture(("s", 0, None)).ticks) == 1


def test_the_true_scale_folds_nothing() -> None:
    told = (("s", 0, None), ("s", 1, None), ("s", 86400, None))

    assert len(picture(*told).folds) == 1
    assert picture(*told, true_scale=True).folds == []
