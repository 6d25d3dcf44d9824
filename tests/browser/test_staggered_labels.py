"""Labels of marks on a line: each over its own mark, in two rows where one is too narrow for them."""

from __future__ import annotations

import pytest

from browser.staggered_labels import FEWEST, Named, StaggeredLabel, fitting, staggered
from browser.text_width import text_width

LONG = "CatererConfirmedMenu"


def labels(*marks: Named, limit: float = 900, width: float = 960) -> list[StaggeredLabel | None]:
    return staggered(marks, limit=limit, width=width)


def span(label: StaggeredLabel) -> tuple[float, float]:
    length = text_width(label.text, 12)
    return (label.x - length, label.x) if label.ends_here else (label.x, label.x + length)


def test_labels_with_room_begin_at_their_marks_in_one_row() -> None:
    placed = labels(Named(100, "OrderPlaced"), Named(300, LONG), Named(600, "Paid"))

    assert [(each.text, each.x, each.raised) for each in placed if each] == [
        ("OrderPlaced", 94, False), (LONG, 294, False), ("Paid", 594, False)
    ]  # fmt: skip


def test_a_label_without_room_is_raised_and_its_neighbours_keep_theirs() -> None:
    placed = labels(Named(400, "MenuSuggested"), Named(540, "Customer" + LONG[7:]), Named(650, LONG), limit=760)

    assert [each.text for each in placed if each] == ["MenuSuggested", "Customer" + LONG[7:], LONG]
    assert [each.raised for each in placed if each].count(True) in (1, 2)


@pytest.mark.parametrize("apart", [46, 60, 90, 110])
@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_eight_marks_all_have_a_label_over_their_own_mark_alone(apart: float, count: int) -> None:
    marks = [Named(96 + apart * index, LONG) for index in range(count)]
    placed = labels(*marks, limit=marks[-1].x + apart)

    for index, (mark, label) in enumerate(zip(marks, placed, strict=True)):
        assert label is not None
        begin, end = span(label)
        assert begin <= mark.x - 6
        assert end >= mark.x + 6
        beside = [other for other, each in zip(marks, placed, strict=True) if each and each.raised] if label.raised else marks  # fmt: skip
        assert [other.x for other in beside if begin < other.x + 6 and end > other.x - 6] == [mark.x]
        following = [each for each in placed[index + 1 :] if each and each.raised == label.raised]
        assert all(end < span(each)[0] for each in following)


@pytest.mark.parametrize("must", [0, 7, 13, 28])
def test_of_many_marks_the_one_that_counts_and_the_last_keep_their_labels(must: int) -> None:
    marks = [Named(96 + 26 * index, LONG, must=index in (must, 29)) for index in range(30)]
    placed = labels(*marks, limit=900)

    assert placed[must] is not None
    assert placed[29] is not None
    assert 2 < sum(each is not None for each in placed) < 30


def test_a_text_is_shortened_until_too_little_would_be_left() -> None:
    assert fitting(LONG, 200) == LONG
    assert "…" in fitting(LONG, 90)
    assert len(fitting(LONG, 90)) >= FEWEST
    assert fitting(LONG, 20) == ""
    assert fitting("Paid", 40) == "Paid"
    assert labels() == []
