"""Each backend held against the contract. The database is the one of this run: SQLite, or PostgreSQL."""

from __future__ import annotations

import pytest

from event_store.backends.base import Backend
from event_store.backends.database import DatabaseBackend
from event_store.backends.memory import MemoryBackend
from event_store.testing import BackendContract


class TestMemoryBackend(BackendContract):
    def make_backend(self) -> Backend:
        return MemoryBackend()


@pytest.mark.django_db
class TestDatabaseBackend(BackendContract):
    def make_backend(self) -> Backend:
        return DatabaseBackend()
