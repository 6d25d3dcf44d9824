"""What is told of a type's declared fields and of the shape of its stored data."""

from __future__ import annotations

from typing import Any

import pytest

from browser import observed
from browser.declared import fields_of, words_of
from browser.declared_json import json_types_of
from browser.observed import shape_of
from event_store import Event
from event_store.testing import isolated_registries
from tests.event_store.sample import Everything, Noted


def shape(*texts: str | None) -> dict[str, tuple[list[str], int, str]]:
    return {each.name: (each.types, each.events, each.sample) for each in shape_of(texts).paths}


def test_each_path_has_its_types_how_often_it_is_there_and_a_sample() -> None:
    assert shape('{"a": null, "b": {"c": 1.50}}', '{"a": "x", "d": [{"e": true}, {"e": false}]}', '{"a": "y"}') == {
        "a": (["null", "string"], 3, '"x"'),
        "b": (["object"], 1, ""),
        "b.c": (["number"], 1, "1.50"),
        "d": (["array"], 1, ""),
        "d[]": (["object"], 1, ""),
        "d[].e": (["boolean"], 1, "true"),
    }


def test_data_that_is_no_object_is_a_path_of_its_own() -> None:
    assert shape("[1]", '"text"', "null") == {
        "": (["array", "string", "null"], 3, '"text"'),
        "[]": (["number"], 1, "1"),
    }


def test_what_cannot_be_read_is_counted_as_left_out() -> None:
    found = shape_of(['{"a": 1}', None, "{", "[" * 100_000])

    assert (found.read, found.left_out) == (1, 3)


def test_a_key_with_a_dot_is_no_path_into_an_object() -> None:
    found = shape_of(['{"a.b": 1, "a": {"b": "x"}}'])

    assert [(each.name, each.types) for each in found.of_field("a.b")] == [("a.b", ["number"])]
    assert [each.name for each in found.of_field("a")] == ["a", "a.b"]


def test_paths_are_bounded_in_number_and_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "MOST_PATHS", 3)
    many, deep = shape_of(['{"a": 1, "b": 2, "c": 3, "d": 4}', '{"a": 5}']), shape_of(['{"x":' * 50 + "1" + "}" * 50])

    assert [each.name for each in many.paths] == ["a", "b", "c"]
    assert (many.is_cut, many.paths[0].events) == (True, 2)
    assert len(deep.paths) == 3


def test_each_field_allows_the_json_types_of_its_declaration() -> None:
    allowed = json_types_of(Everything)

    assert allowed["note"] == {"string", "null"}
    assert (allowed["price"], allowed["ratio"], allowed["dish"]) == ({"string"}, {"number"}, {"object"})
    assert (allowed["dishes"], allowed["stock"], allowed["course"]) == ({"array"}, {"object"}, {"string"})
    assert json_types_of(None) == {}


def test_a_field_that_takes_anything_and_a_class_without_a_schema_allow_all() -> None:
    with isolated_registries():
        anything = type(
            "Free", (Event,), {"__module__": __name__, "__annotations__": {"value": Any, "flag": bool}}, type="x.Free"
        )
        odd = type("Odd", (Event,), {"__module__": __name__, "__annotations__": {"value": complex}}, type="x.Odd")

    assert json_types_of(anything) == {"flag": {"boolean"}}
    assert json_types_of(odd) == {}


def test_a_field_is_declared_as_its_source_says() -> None:
    fields = {each.name: (each.type, each.is_required, each.default) for each in fields_of(Everything)}

    assert fields["dishes"] == ("tuple[Dish, ...]", True, "")
    assert fields["note"] == ("str | None", False, "None")
    assert fields_of(None) == []


@pytest.mark.parametrize(
    ("namespace", "words"),
    [({}, ""), ({"__doc__": "\n    One line.\n\n    Another one.\n    "}, "One line.")],
)
def test_a_class_speaks_for_itself_or_not_at_all(namespace: dict[str, Any], words: str) -> None:
    with isolated_registries():
        declared = type("Spoken", (Event,), {**namespace, "__module__": "nowhere"}, type="x.Spoken")

    assert words_of(declared) == words
    assert words_of(Noted) == ""
