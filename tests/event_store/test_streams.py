from __future__ import annotations

import pytest

from event_store.exceptions import InvalidStreamName, ReservedStream
from event_store.streams import category_of, check_stream_name, check_writable_stream, reserve_category


@pytest.mark.parametrize("name", ["Order$42", "a", "x" * 255, "🍲" * 255, "a/b %?#", "\n", "\u202e", "\"'", " "])
def test_any_name_that_a_database_can_store_is_legal(name: str) -> None:
    assert check_writable_stream(name) == name


@pytest.mark.parametrize("name", ["", "x" * 256, None, 5, b"Order", "a\0b", "\ud800", ["Order"]])
def test_a_name_that_cannot_be_stored_is_refused(name: object) -> None:
    with pytest.raises(InvalidStreamName, match="^stream: "):
        check_stream_name(name)


def test_names_that_start_with_a_dollar_belong_to_the_store() -> None:
    with pytest.raises(ReservedStream, match=r"starts with \$"):
        check_writable_stream("$all")


def test_the_streams_of_a_reserved_category_belong_to_its_owner() -> None:
    reserve_category("Matching", owner="shop.Matching")

    with pytest.raises(ReservedStream, match=r"only shop\.Matching writes"):
        check_writable_stream("Matching$7")
    assert check_writable_stream("Matching") == "Matching"


@pytest.mark.parametrize(("name", "category"), [("Order$4$2", "Order"), ("audit", "audit"), ("Order$", "Order")])
def test_the_category_is_the_part_before_the_first_dollar(name: str, category: str) -> None:
    assert category_of(name) == category
