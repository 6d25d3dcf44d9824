"""For the tests of projects that use the store."""

from event_store.testing.registries import isolated_registries
from event_store.testing.subscriptions import run_subscriptions

__all__ = ["isolated_registries", "run_subscriptions"]
