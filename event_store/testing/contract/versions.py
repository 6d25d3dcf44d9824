"""What a writer may believe of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from event_store.exceptions import InvalidExpectedVersion, WrongExpectedVersion
from event_store.expected_version import ANY, NO_STREAM, STREAM_EXISTS
from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Noted, counted, nothing_is_stored, numbers, positions


class VersionContract(ContractCase):
    @pytest.mark.parametrize("expected", [ANY, NO_STREAM])
    def test_a_new_stream_is_begun(self, store: EventStore, expected: Any) -> None:
        [event] = store.publish(Noted(), stream="s", expected_version=expected)

        assert event.position == 0

    @pytest.mark.parametrize("expected", [ANY, STREAM_EXISTS, 1])
    def test_an_existing_stream_is_continued(self, store: EventStore, expected: Any) -> None:
        store.publish(counted(0, 1), stream="s")

        [event] = store.publish(Noted(), stream="s", expected_version=expected)

        assert event.position == 2

    @pytest.mark.parametrize("expected", [NO_STREAM, 0, 2, 100, 2**62 - 1])
    def test_a_wrong_version_is_refused_with_its_facts(self, store: EventStore, expected: Any) -> None:
        store.publish(counted(0, 1), stream="s")

        with pytest.raises(WrongExpectedVersion) as refused:
            store.publish(Noted(), stream="s", expected_version=expected)

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("s", expected, 1)
        assert positions(store, "s") == [0, 1]

    @pytest.mark.parametrize("expected", [STREAM_EXISTS, 0, 7])
    def test_a_stream_that_does_not_exist_is_at_version_minus_one(self, store: EventStore, expected: Any) -> None:
        with pytest.raises(WrongExpectedVersion) as refused:
            store.publish(Noted(), stream="s", expected_version=expected)

        assert (refused.value.expected, refused.value.actual) == (expected, -1)
        assert nothing_is_stored(store)

    @pytest.mark.parametrize("first", [ANY, -1])
    @pytest.mark.parametrize("second", [ANY, STREAM_EXISTS, 1])
    @pytest.mark.parametrize("third", [ANY, STREAM_EXISTS, 2])
    def test_any_and_exact_versions_mix_on_one_stream(
        self, store: EventStore, first: Any, second: Any, third: Any
    ) -> None:
        store.publish(counted(0, 1), stream="s", expected_version=first)
        store.publish(counted(2), stream="s", expected_version=second)
        store.publish(counted(3, 4), stream="s", expected_version=third)

        assert numbers(store.events.in_stream("s")) == [0, 1, 2, 3, 4]
        assert positions(store, "s") == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("wrong", [-2, -(2**70), 2**62, 1.0, "1", None, True, b"1", [0]])
    def test_what_is_no_version_is_refused(self, store: EventStore, wrong: Any) -> None:
        for write in (
            lambda: store.publish(Noted(), stream="s", expected_version=wrong),
            lambda: store.append(Noted(), stream="s", expected_version=wrong),
            lambda: store.publish(Noted(), stream="s", links={"t": wrong}),
            lambda: store.link([], stream="s", expected_version=wrong),
            lambda: store.delete_stream("s", expected_version=wrong),
        ):
            with pytest.raises(InvalidExpectedVersion, match=r"^(expected_version|links\[.t.\]): "):
                write()
        assert nothing_is_stored(store)

    def test_further_streams_may_have_versions_of_their_own(self, store: EventStore) -> None:
        store.publish(counted(0, 1), stream="b")

        store.publish(counted(2), stream="c", links={"a": NO_STREAM, "b": 1, "d": ANY})

        assert [positions(store, name) for name in "abcd"] == [[0], [0, 1, 2], [0], [0]]

    def test_one_wrong_version_among_several_stores_nothing(self, store: EventStore) -> None:
        store.publish(Noted(), stream="b")

        with pytest.raises(WrongExpectedVersion) as refused:
            store.publish(Noted(), stream="c", links={"a": NO_STREAM, "b": 5})

        assert (refused.value.stream, refused.value.expected, refused.value.actual) == ("b", 5, 0)
        assert [positions(store, name) for name in "abc"] == [[], [0], []]

    def test_of_several_wrong_versions_the_first_name_is_told(self, store: EventStore) -> None:
        with pytest.raises(WrongExpectedVersion) as refused:
            store.publish(Noted(), stream="b", expected_version=3, links={"a": 1, "c": 2})

        assert (refused.value.stream, refused.value.expected) == ("a", 1)

    def test_a_refusal_within_a_block_leaves_the_block_usable(self, store: EventStore) -> None:
        with store.atomic():
            store.publish(Noted(), stream="s")
            with pytest.raises(WrongExpectedVersion):
                store.publish(Noted(), stream="s", expected_version=9)
            store.publish(Noted(), stream="s", expected_version=0)

        assert positions(store, "s") == [0, 1]
