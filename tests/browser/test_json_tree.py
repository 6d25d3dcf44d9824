from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence

import pytest

from browser.hidden import Hidden
from browser.json_tree import _Number, json_text, json_tree, plain_tree, summary, value_tree


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
    assert "U+202E" in json_tree('{"a": "x\u202ey\u200bz"}')
    assert "\u202e" not in json_tree('{"a\u202e": 1}')


@pytest.mark.parametrize(
    "text", [r"\u0001", r"\u00e9", "é", r"\"quoted\"", r"\\", r"a\\\"b\\n", r"\ud800", r"\/", "+1"]
)
def test_texts_are_shown_as_they_are_written(text: str) -> None:
    assert f': "{text}"' in words(json_tree(f'{{"a": "{text}"}}'))
    assert f"{text}: 1" in words(json_tree(f'{{"{text}": 1}}'))


def test_values_that_were_parsed_are_written_the_same_way() -> None:
    assert words(value_tree({"a\n": 'x"\ty', "é": Hidden("why")})) == r'a\n: "x\"\ty"é: hidden: why'
    assert words(plain_tree({"a\n": "é\n"}, changed={"a\n": "b"})) == r'a\n: "é\n" was "b"'


def test_what_can_be_closed_keeps_its_name_in_sight() -> None:
    html = json_tree(json.dumps({"a": {"b": 1}, "long": "x" * 301, "short": "x" * 300, "list": [1, [2]]}))
    summaries = [words(each) for each in re.findall(r"<summary>(.*?)</summary>", html)]

    assert summaries == ["a: {1 field}", f'long: "{"x" * 60}… 301 characters', "list: [2 items]"]
    assert "x" * 301 in html
    changed = plain_tree({"a": {"b": 1}}, changed={"a": {"b": 2}})
    assert '<summary><span class="chg"><span class="k">a</span></span>: ' in changed
    assert words(changed).startswith('a: {1 field} was {"b": 2}')


def test_values_lead_to_where_they_are_found_but_not_those_without_a_place() -> None:
    asked: list[tuple[tuple[str, ...], object]] = []

    def find(path: Sequence[str], value: object) -> str:
        asked.append((tuple(path), value))
        return "/found/" if value != "b" else ""

    text = r'{"a\n": "é\u00e9\"", "n": {"x": 1.50}, "b": "b", "list": [1, {"y": 2}], "": 3, "o": {}, "t": null}'
    html = json_tree(text, find=find)

    assert asked == [(("a\n",), 'éé"'), (("n", "x"), "1.50"), (("b",), "b"), (("t",), None)]
    assert html.count('<a href="/found/">') == 3
    assert "<a" not in json_tree(json.dumps({"a": "x" * 101, "k" * 101: 1}), find=lambda path, value: "/found/")
    assert "<a" not in value_tree({"a": Hidden("why")}, find=find)


@pytest.mark.parametrize("text", ['{"a": "\ud800"}', "\ud800", '{"\ud800"'])
def test_half_a_character_can_be_sent(text: str) -> None:
    assert json_tree(text).encode()
    assert json_text({"\ud800": "\ud800", "é": _Number("1.10")}) == r'{"\ud800": "\ud800", "é": 1.10}'


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200 + "]" * 200,
        '{"a":' * 200 + "1" + "}" * 200,
        "[" * 20_000 + "]" * 20_000,
        '{"broken"',
        json.dumps("x" * 5_000_000),
        json.dumps("\\" * 2_500_000),
        json.dumps(["&" * 5_000] * 999),
        json.dumps({"\u202e" * 3_000 + str(number): "\u202e" * 3_000 for number in range(800)}, ensure_ascii=False),
        json.dumps([{"n": [number]} for number in range(300_000)]),
        "1" * 5_000_000,
    ],
    ids=["deep list", "deep object", "too deep", "broken", "large", "escaped", "markup", "hidden", "many", "number"],
)
def test_deep_broken_and_large_values_stay_small_and_fast(text: str) -> None:
    started = time.process_time()
    html = json_tree(text)

    assert len(html) < 1_000_000
    # It takes less than a second; work that grows with the square would take minutes, on busy machines, too.
    assert time.process_time() - started < 10


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
