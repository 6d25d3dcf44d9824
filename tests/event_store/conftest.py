from __future__ import annotations

from collections.abc import Iterator

import pytest

from event_store.testing import isolated_registries


@pytest.fixture(autouse=True)
def forget_what_a_test_declares() -> Iterator[None]:
    with isolated_registries():
        yield
