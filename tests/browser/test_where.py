"""The little language of `where`: what it reads, what it refuses, and that a value finds its way back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser.json_tree import parse
from browser.where import Term, WrongTerm, parse_term, term_for, term_with


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ('customer.city:"Kraków"', Term(("customer", "city"), "=", "Kraków")),
        ("amount>=100", Term(("amount",), ">=", 100)),
        (" amount > -1.5 ", Term(("amount",), ">", -1.5)),
        ("amount<1e3", Term(("amount",), "<", 1000.0)),
        ("amount <= 0", Term(("amount",), "<=", 0)),
        ("vip!=true", Term(("vip",), "!=", True)),
        ("vip=false", Term(("vip",), "=", False)),
        ("note:null", Term(("note",), "=", None)),
        ("note?", Term(("note",), "exists", None)),
        ('number:"42"', Term(("number",), "=", "42")),
        ("number:42", Term(("number",), "=", 42)),
        ('"home city"."a.b":"\\u00e9\\n"', Term(("home city", "a.b"), "=", "é\n")),
        ('text:"a:b>=c?"', Term(("text",), "=", "a:b>=c?")),
        ("ключ.🍲:1", Term(("ключ", "🍲"), "=", 1)),
        ("customer_name:Zoe and Max", Term(("customer_name",), "=", "Zoe and Max")),
        (" customer.name !=  Zoe  and Max ", Term(("customer", "name"), "!=", "Zoe  and Max")),
        ('name:Max "Zoe" \\ Co: 7', Term(("name",), "=", 'Max "Zoe" \\ Co: 7')),
        ("name:True", Term(("name",), "=", "True")),
        ("name:Infinity", Term(("name",), "=", "Infinity")),
        ("number:007", Term(("number",), "=", "007")),
        ("price:10 EUR", Term(("price",), "=", "10 EUR")),
        ("day>=2026-11-25", Term(("day",), ">=", "2026-11-25")),
        ("city<Lublin", Term(("city",), "<", "Lublin")),
    ],
)
def test_a_term_is_a_path_a_sign_and_a_typed_value(text: str, term: Term) -> None:
    found = parse_term(text)

    assert found == term
    assert type(found.value) is type(term.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Zoe and Max", '^Name the field, too: field:"Zoe and Max"$'),
        ('"Zoe and Max"', '^Name the field, too: field:"Zoe and Max"$'),
        ("“Zoe and Max”", '^Name the field, too: field:"Zoe and Max"$'),
        ("amount", 'Name the field, too: field:"amount"'),
        (":1", "Name the field, too: field:1$"),
        ("", "a field, a sign and a value, such as customer.city:Kraków"),
        (">=", "a field, a sign and a value, such as customer.city:Kraków"),
        ("a..b:1", 'in quotes: "a..b":1'),
        ("a b:1", 'in quotes: "a b":1'),
        ("customer.home city>=x", 'in quotes: customer."home city">=x'),
        ("a:", "the value is missing"),
        ("a?1", "nothing can stand behind the question mark"),
        ("a:[1]", "no list or object"),
        ('a:{"b":1}', "no list or object"),
        ("a>NaN", "NaN is nearly a number"),
        ("a<-Infinity", "-Infinity is nearly a number"),
        ("a>10 EUR", '10 EUR is nearly a number; if it is a text, it stands in quotes: "10 EUR"'),
        ("a<=1,5", "1,5 is nearly a number"),
        ("a:>=1", 'a text that begins so stands in quotes: ">=1"'),
        ("a==1", 'a text that begins so stands in quotes: "=1"'),
        ("a<>b", 'a text that begins so stands in quotes: ">b"'),
        ("a:'Zoe and Max'", 'a text that begins so stands in quotes: "Zoe and Max"'),
        ('a:"Zoe and', 'a text that begins so stands in quotes: "\\\\"Zoe and"'),
        (f"a:{'x' * 500}", "the text is too long"),
        ("a:12345678901234567890.123456789", "more digits than can be looked for"),
        ("a:9223372036854775808", "more digits than can be looked for"),
        ("a:1e400", "more digits than can be looked for"),
        (f"a:{'9' * 5000}", "more digits than can be looked for"),
        (f"a:{'[' * 100_000}", "no list or object"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(WrongTerm, match=why.replace("?", r"\?")):
        parse_term(text)


@given(st.text(max_size=30))
def test_a_text_without_quotes_is_written_with_them_and_means_the_same(text: str) -> None:
    try:
        term = parse_term(f"a:{text}")
    except WrongTerm:
        return

    assert parse_term(term.written) == term
    assert parse_term(term.written).written == term.written


@given(st.text(max_size=20), st.text(max_size=30))
def test_a_value_becomes_a_term_with_any_field(name: str, text: str) -> None:
    term = term_with(name, text)

    assert not term or parse_term(term).path == (name,)


@given(
    st.lists(st.text(max_size=8) | st.integers(0, 3), max_size=3),
    st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.floats(-1e15, 1e15),
)
def test_a_value_finds_its_way_back(path: list[Any], value: Any) -> None:
    text = term_for(path, value)

    assert not text or parse_term(text) == Term(tuple(path), "=", value)


@pytest.mark.parametrize(
    ("path", "json", "term"),
    [
        (["customer", "city"], '"Kraków"', 'customer.city:"Kraków"'),
        (["a.b", "c d"], "true", '"a.b"."c d":true'),
        (["price"], "19.99", "price:19.99"),
        (["price"], "12345678901234567890.123456789", ""),
        (["items", 0], "1", ""),
        ([], "1", ""),
        (['a"b'], "1", ""),
        (["a\nb"], "1", ""),
    ],
)
def test_a_value_of_the_tree_becomes_a_term_where_one_can_find_it(path: list[Any], json: str, term: str) -> None:
    assert term_for(path, parse(json)) == term
