from __future__ import annotations

import json
import re
import time

import pytest

from browser.json_tree import json_tree, plain_tree, summary


def words(html: str) -> str:
    return (
        re.sub(r"<[^>]+>", "", html)
        .replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
    )


@pytest.mark.parametrize("number", ["12345678901234567890.123456789", "-7210194211959421178", "1e400", "1.10", "-0.0"])
def test_numbers_are_shown_digit_for_digit(number: str) -> None:
    assert number in words(json_tree(f'{{"n": {number}}}'))


@pytest.mark.parametrize("text", ["null", "true", "5", '"text"', "[]", "{}", "[1, [2, [3]]]"])
def test_whatever_is_stored_is_shown(text: str) -> None:
    assert words(json_tree(text)).replace(" ", "") != ""


def test_markup_in_keys_and_values_is_text() -> None:
    html = json_tree(json.dumps({"<img src=x>": "<script>alert(1)</script>", "{{7*7}}": ["</bdi>"]}))

    assert "<script" not in html
    assert "<img" not in html
    assert "<script>alert(1)</script>" in words(html)
    assert "{{7*7}}" in html


def test_characters_that_hide_are_made_visible() -> None:
    assert "U+202E" in json_tree(json.dumps({"a": "x\u202ey\u200bz"}))
    assert "\u202e" not in json_tree(json.dumps({"a\u202e": 1}))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200 + "]" * 200,
        '{"a":' * 200 + "1" + "}" * 200,
        "[" * 20_000 + "]" * 20_000,
        '{"broken"',
        json.dumps("x" * 5_000_000),
    ],
    ids=["deep list", "deep object", "too deep", "broken", "large"],
)
def test_deep_broken_and_large_values_stay_small_and_fast(text: str) -> None:
    started = time.perf_counter()
    html = json_tree(text)

    assert len(html) < 1_000_000
    assert time.perf_counter() - started < 2


def test_many_values_end_in_a_note() -> None:
    html = json_tree(json.dumps([{"n": number} for number in range(5_000)]))

    assert "see the raw JSON" in html
    assert html.count("<li>") < 1_000


def test_changed_keys_are_marked_with_what_was_before() -> None:
    html = plain_tree({"a": 1, "b": ["x"]}, changed={"b": []})

    assert words(html).replace("\n", "").endswith('b: ["x"] was []')
    assert html.count("chg") == 1


def test_a_summary_has_up_to_three_plain_fields() -> None:
    assert summary('{"a": 1, "b": {"c": 2}, "d": "x", "e": null, "f": true, "g": 4}') == "a=1  d=x  f=true"
    assert summary("[1]") == summary("broken") == ""
    assert len(summary(json.dumps({"a": "x" * 500}))) == 120
    assert summary(json.dumps({"a": "x" * 50_000})) == ""
