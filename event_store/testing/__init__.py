"""For the tests of projects that use the store."""

from typing import TYPE_CHECKING, Any

from event_store.testing.registries import isolated_registries
from event_store.testing.subscriptions import run_subscriptions

if TYPE_CHECKING:
    from event_store.testing.aggregates import AggregateScenario, given_aggregate
    from event_store.testing.contract import BackendContract
    from event_store.testing.processes import EveryOrder, ProcessScenario, given, in_every_order

__all__ = [
    "AggregateScenario",
    "BackendContract",
    "EveryOrder",
    "ProcessScenario",
    "given",
    "given_aggregate",
    "in_every_order",
    "isolated_registries",
    "run_subscriptions",
]


def __getattr__(name: str) -> Any:
    if name in ("AggregateScenario", "given_aggregate"):
        from event_store.testing import aggregates

        return getattr(aggregates, name)
    if name in ("EveryOrder", "ProcessScenario", "given", "in_every_order"):
        # Bound to models, which are not there yet where this module is imported early.
        from event_store.testing import processes

        return getattr(processes, name)
    if name != "BackendContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The contract needs pytest, which a project that tests with Django alone does not have.
    import pytest

    pytest.register_assert_rewrite("event_store.testing.contract")
    from event_store.testing.contract import BackendContract

    return BackendContract
