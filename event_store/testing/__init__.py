"""For the tests of projects that use the store."""

from typing import TYPE_CHECKING, Any

from event_store.testing.registries import isolated_registries
from event_store.testing.subscriptions import run_subscriptions

if TYPE_CHECKING:
    from event_store.testing.contract import BackendContract

__all__ = ["BackendContract", "isolated_registries", "run_subscriptions"]


def __getattr__(name: str) -> Any:
    if name != "BackendContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The contract needs pytest, which a project that tests with Django alone does not have.
    import pytest

    pytest.register_assert_rewrite("event_store.testing.contract")
    from event_store.testing.contract import BackendContract

    return BackendContract
