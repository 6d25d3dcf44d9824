"""Reading by category, conversation, cause, and by values in data and metadata."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from event_store.events import Event, NewEvent
from event_store.exceptions import InvalidQuery, InvalidStreamName
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Counted, Noted, counted, numbers


class Holding(Event, type="event_store.contract.Holding"):
    value: Any


def held(store: EventStore, **wanted: Any) -> list[Any]:
    return [event.data.value for event in store.events.with_data(**wanted)]


class ContentContract(ContractCase):
    def test_a_category_is_that_of_the_stream_an_event_was_written_to(self, store: EventStore) -> None:
        store.append(counted(0), stream="Order$1", links=["Caterer$7"])
        store.append(counted(1), stream="Order")
        store.append(counted(2), stream="Order$2$3")
        store.append(counted(3), stream="OrderDesk$1", links=["Order$1"])

        assert numbers(store.events.in_category("Order")) == [0, 1, 2]
        assert numbers(store.events.in_category("Order").in_stream("Order$1")) == [0]
        assert numbers(store.events.in_category("Caterer")) == numbers(store.events.in_category("")) == []

    def test_a_conversation_and_the_effects_of_one_event(self, store: EventStore) -> None:
        [cause] = store.append(counted(0), stream="s")
        with store.caused_by(cause):
            [effect] = store.append(counted(1), stream="s")
            with store.caused_by(effect):
                store.append(counted(2), stream="t")
        store.append(counted(3), stream="s")

        assert numbers(store.events.with_correlation_id(cause.id)) == [0, 1, 2]
        assert numbers(store.events.with_causation_id(str(effect.id))) == [2]
        assert numbers(store.events.with_correlation_id(cause.id).in_stream("s").backward()) == [1, 0]

    def test_derived_streams_stand_for_these_queries(self, store: EventStore) -> None:
        [cause] = store.append(counted(0), stream="Order$1")
        with store.caused_by(cause):
            store.append([*counted(1), Noted()], stream="Desk$1")

        assert numbers(store.events.in_stream("$type-event_store.contract.Counted")) == [0, 1]
        assert numbers(store.events.in_stream("$category-Order")) == [0]
        assert store.events.in_stream(f"$correlation-{cause.id}").count() == 3
        assert store.events.in_stream(f"$causation-{cause.id}").count() == 2

    def test_values_are_equal_by_kind_and_numbers_by_value(self, store: EventStore) -> None:
        values: list[Any] = [1, 2.5, "1", True, None, 0, False, "", 10**15, "é🍲"]
        store.append([Holding(value=value) for value in values], stream="s")

        for value in values:
            [found] = held(store, value=value)
            assert (found, type(found)) == (value, type(value))
        assert held(store, value=1.0) == [1]
        assert held(store, value="None") == []

    def test_values_are_looked_for_as_they_are_stored(self, store: EventStore) -> None:
        store.append(Holding(value={"id": UUID(int=7), "price": Decimal("1.50")}), stream="s")

        assert len(held(store, value={"id": UUID(int=7)})) == 1
        assert len(held(store, value={"id": str(UUID(int=7)), "price": Decimal("1.50")})) == 1
        assert held(store, value={"price": Decimal("1.5")}) == []

    @pytest.mark.parametrize(
        "number", [0.1, 5e-324, -1.5e-9, 1e16, 1.2345678901234567e18, -3.2797959653667654e17, -0.0]
    )
    def test_any_number_of_64_bits_is_found_as_it_was_given(self, store: EventStore, number: float) -> None:
        store.append([Holding(value=number), Holding(value=number * 1.01 + 1)], stream="s")

        assert [float(found) for found in held(store, value=number)] == [number]

    @pytest.mark.parametrize(
        ("comparison", "value", "found"),
        [
            ("=", 2, [2]),
            ("!=", 2, [1, 2.5, "2", "b", True, None, [3], {"a": 3}]),
            ("!=", "b", [1, 2, 2.5, "2", True, None, [3], {"a": 3}]),
            ("!=", None, [1, 2, 2.5, "2", "b", True, [3], {"a": 3}]),
            ("<", 2, [1]),
            ("<=", 2.0, [1, 2]),
            (">", 1, [2, 2.5]),
            (">=", 2, [2, 2.5]),
            (">=", "2", ["2", "b"]),
            ("<", "b", ["2"]),
            ("exists", None, [1, 2, 2.5, "2", "b", True, None, [3], {"a": 3}]),
        ],
    )
    def test_values_are_compared_with_those_of_their_kind(
        self, store: EventStore, comparison: Any, value: Any, found: list[Any]
    ) -> None:
        values: list[Any] = [1, 2, 2.5, "2", "b", True, None, [3], {"a": 3}]
        store.append([Holding(value={"at": each}) for each in values], stream="s")
        store.append(
            [Holding(value={}), Holding(value="at"), Holding(value=["at"]), Holding(value=[{"at": 3}])], stream="s"
        )

        query = store.events.where_data(["value", "at"], comparison, value)

        assert [event.data.value["at"] for event in query] == found

    def test_comparisons_are_joined_and_texts_go_by_code_point(self, store: EventStore) -> None:
        store.append([Holding(value=each) for each in ("Z", "a", "ä", "\U0001f372", "\uffee")], stream="s")
        query = store.events.where_data("value", ">", "Z").where_data("value", "<=", "\U0001f372")

        assert [event.data.value for event in query.where_data("value", "!=", "ä")] == ["a", "\U0001f372", "\uffee"]
        assert list(query.with_data(value="Z")) == []

    @pytest.mark.parametrize(
        ("path", "comparison", "value"),
        [
            ("a", "==", 1),
            ("a", None, 1),
            ("a", "<", None),
            ("a", ">=", True),
            ("a", "=", [1]),
            ("", "exists", None),
            ([], "exists", None),
            (5, "exists", None),
            (["a", 'b"'], "=", 1),
            (["a"] * 200, "=", 1),
        ],
    )
    def test_comparisons_that_make_no_sense_are_refused(
        self, store: EventStore, path: Any, comparison: Any, value: Any
    ) -> None:
        with pytest.raises(InvalidQuery, match="where_data"):
            store.events.where_data(path, comparison, value)

    def test_types_can_be_left_out(self, store: EventStore) -> None:
        store.append([*counted(0, 1), Noted()], stream="s")
        store.append(Holding(value=1), stream="s")

        assert numbers(store.events.not_of_type(Noted, Holding)) == [0, 1]
        assert numbers(store.events.in_stream("s").not_of_type(Noted).not_of_type("event_store.contract.Holding")) == [
            0,
            1,
        ]
        assert store.events.of_type(Counted).not_of_type(Counted).count() == 0

    def test_null_is_not_the_same_as_absent(self, store: EventStore) -> None:
        store.append([Holding(value={"a": None}), Holding(value={}), Holding(value={"a": 0})], stream="s")

        assert held(store, value={"a": None}) == [{"a": None}]

    def test_nested_values_are_found_by_their_path(self, store: EventStore) -> None:
        store.append(
            [
                Holding(value={"customer": {"city": "Kraków", "vip": True}}),
                Holding(value={"customer": {"city": "Lublin", "vip": True}}),
                Holding(value={"city": "Kraków"}),
                Holding(value=["Kraków"]),
                Holding(value="Kraków"),
            ],
            stream="s",
        )

        assert len(held(store, value={"customer": {"city": "Kraków"}})) == 1
        assert len(held(store, value={"customer": {"vip": True}})) == 2
        assert held(store, value={"customer": {"city": "Lublin", "vip": False}}) == []

    def test_several_look_ups_all_have_to_hold(self, store: EventStore) -> None:
        with store.metadata(tenant="acme"):
            store.append(counted(1, 2), stream="s")
        store.append(counted(1), stream="s")
        query = store.events.with_metadata(tenant="acme")

        assert numbers(query) == [1, 2]
        assert numbers(query.with_data(number=1)) == [1]
        assert list(query.with_metadata(tenant="other")) == []

    def test_any_printable_key_can_be_asked_for(self, store: EventStore) -> None:
        keys = ["a b", "a.b", "$", "[0]", "ключ", "🍲", "it's", "%s", "a__b"]
        for number, key in enumerate(keys):
            store.append(NewEvent(Counted(number=number), metadata={key: number}), stream="s")

        for number, key in enumerate(keys):
            assert numbers(store.events.with_metadata({key: number})) == [number]

    @pytest.mark.parametrize(
        "wrong", [None, {}, [], "a", {"": 1}, {5: 1}, {'a"': 1}, {"a\\": 1}, {"a\n": 1}, {"a": {}}]
    )
    def test_keys_that_not_every_database_can_look_for_are_refused(self, store: EventStore, wrong: Any) -> None:
        for ask in (store.events.with_data, store.events.with_metadata):
            with pytest.raises(InvalidQuery, match=ask.__name__):
                ask(wrong)

    @pytest.mark.parametrize(
        "wrong", [[1], object(), float("nan"), float("inf"), "\0", "\ud800", 2**64, 1e23, -(10.0**300), {1, 2}]
    )
    def test_values_that_are_no_scalar_are_refused(self, store: EventStore, wrong: Any) -> None:
        with pytest.raises(InvalidQuery, match="with_data: number"):
            store.events.with_data(number=wrong)

    def test_a_look_up_has_a_hundred_values_and_two_hundred_levels_at_most(self, store: EventStore) -> None:
        deep: Any = 1
        for _ in range(199):
            deep = {"a": deep}
        store.append(Holding(value=deep), stream="s")
        hundred = {str(number): number for number in range(100)}

        assert store.events.with_data(value=deep).count() == 1
        assert list(store.events.with_data(hundred).with_metadata(hundred)) == []
        with pytest.raises(InvalidQuery, match=r"with_data: .*levels deep"):
            store.events.with_data(a={"value": deep})
        with pytest.raises(InvalidQuery, match=r"with_metadata: .*100 values at most"):
            store.events.with_metadata(hundred).with_metadata(more=1)

    @pytest.mark.parametrize("wrong", [None, 5, "Order$1", "a\0", "\ud800", "x" * 256])
    def test_what_is_no_category_is_refused(self, store: EventStore, wrong: Any) -> None:
        with pytest.raises(InvalidStreamName, match="category"):
            store.events.in_category(wrong)
