"""Text that is compared and sorted byte by byte, on every database."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

_BYTEWISE = {"postgresql": "C", "sqlite": "BINARY"}


class BytewiseCharField(models.CharField):  # type: ignore[type-arg]
    """A CharField in collation "C" (PostgreSQL) or BINARY (SQLite): prefix ranges use the index, order is the same everywhere."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        parameters["collation"] = _BYTEWISE.get(connection.vendor)
        return parameters
