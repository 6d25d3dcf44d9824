"""Two states compared, value by value."""

from __future__ import annotations

from typing import Any

import pytest

from browser.state_diff import Difference, compare


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": 1, "b": None}, {"a": 1, "b": "x"}, [Difference("b", "changed", "null", '"x"')]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c d": []}}, [Difference('a["c d"]', "added", None, "[]")]),
        ({"a": {"b": {"c": 1}}}, {"a": {}}, [Difference("a.b.c", "removed", "1", None)]),
        (["b", "c"], ["a", "b", "c"], [Difference("[0]", "added", None, '"a"')]),
        (["a", "b", "c"], ["a", "c"], [Difference("[1]", "removed", '"b"', None)]),
        ([{"n": 1}], [{"n": 2}], [Difference("[0].n", "changed", "1", "2")]),
        ({"a": {"b": 1}}, {"a": [1]}, [Difference("a", "changed", '{"b": 1}', "[1]")]),
        ({}, {}, []),
    ],
)
def test_each_value_that_differs_is_named_by_its_path(before: Any, after: Any, changed: list[Difference]) -> None:
    assert list(compare(before, after).changed) == changed


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), (12345678901234567890, 12345678901234567891), ("\u00e9", "e\u0301")],
)
def test_what_python_takes_for_equal_differs_where_it_is_written_otherwise(one: Any, other: Any) -> None:
    assert [each.kind for each in compare({"n": one}, {"n": other}).changed] == ["changed"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 12345678901234567890, None, [[]], {"a": {}}])
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    compared = compare({"n": value}, {"n": value})

    assert (list(compared.changed), [each.kind for each in compared.same]) == ([], ["same"])


def test_large_states_are_compared_up_to_a_bound() -> None:
    large = {str(number): number for number in range(50_000)}
    all_new, late = compare({}, large), compare(large, {**large, "49999": 0})

    assert (len(all_new.changed), all_new.is_cut) == (500, True)
    assert (len(late.changed), len(late.same), late.is_cut, late.same_is_cut) == (0, 500, True, True)
    assert not compare(large, large, most=60_000, visits=60_000).is_cut


def test_deep_states_end_in_one_value() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    [row] = compare({"a": deep}, {"a": [2]}).changed

    # How deep a value may be to be written depends on the Python.
    assert (row.path, row.after) == ("a[0]", "2")
    assert row.before in ("…", "[" * 4_999 + "1" + "]" * 4_999)


def test_long_lists_are_compared_place_by_place() -> None:
    before, after = list(range(300)), [*range(299), -1, 5]

    assert list(compare(before, after).changed) == [
        Difference("[299]", "changed", "299", "-1"),
        Difference("[300]", "added", None, "5"),
    ]
