"""What is final: nothing can appear behind it any more. Who else may be writing is a matter of each database."""

from __future__ import annotations

from event_store.store import EventStore
from event_store.testing.contract.case import ContractCase, Counted, counted, numbers, ten_numbers


class FinalityContract(ContractCase):
    def test_while_nobody_writes_everything_is_final(self, store: EventStore) -> None:
        assert not store.events.up_to_horizon().exists()
        events = ten_numbers(store)

        assert store.backend.horizon() >= events[-1].global_position
        assert list(store.events.up_to_horizon()) == list(store.events)
        assert store.events.up_to_horizon().count() == 20

    def test_what_is_final_can_be_narrowed_down_and_turned_round(self, store: EventStore) -> None:
        ten = ten_numbers(store)
        final = store.events.up_to_horizon().of_type(Counted)

        assert numbers(final.after(ten[2]).before(ten[5])) == [3, 4]
        assert numbers(final.before_or_equal(ten[1])) == [0, 1]
        assert numbers(final.backward()[:2]) == [9, 8]
        assert numbers(next(final.as_at().batches(4))) == [0, 1, 2, 3]
        assert final.last() == ten[9]

    def test_a_bound_beyond_what_is_final_does_not_reach_further(self, store: EventStore) -> None:
        [first, second] = store.append(counted(0, 1), stream="numbers")
        store.backend.horizon = lambda: first.global_position  # type: ignore[method-assign]
        final = store.events.up_to_horizon()

        assert numbers(final) == numbers(final.before(second.global_position + 1)) == [0]
        assert numbers(final.before_or_equal(second)) == numbers(final.before(second)) == [0]
        assert numbers(final.before(first)) == []
        assert final.count() == 1

    def test_in_one_streams_order_everything_is_final(self, store: EventStore) -> None:
        store.append(counted(0, 1), stream="numbers")
        store.backend.horizon = lambda: 0  # type: ignore[method-assign]

        assert numbers(store.events.up_to_horizon().in_stream("numbers")) == [0, 1]
        assert numbers(store.events.up_to_horizon().in_streams("numbers")) == []
