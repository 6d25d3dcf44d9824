"""Tables beside the live ones, with the same structure, which are filled anew and then take the place of their rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.management.color import no_style
from django.db import IntegrityError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from event_store.exceptions import RebuildFailed

_SUFFIX = "__rebuild"
_LONGEST_NAME = 63


@dataclass(frozen=True)
class _Table:
    model: type[Model]
    live: str
    shadow: str

    @property
    def columns(self) -> str:
        fields = [each for each in self.model._meta.local_concrete_fields if not getattr(each, "generated", False)]
        return ", ".join(f'"{field.column}"' for field in fields)


class ShadowTables:
    """
    Args:
        models: those of one projection; the tables of their many-to-many fields belong to them.
        using: the alias of the database.
    """

    def __init__(self, models: Iterable[type[Model]], *, using: str) -> None:
        all_models: list[type[Model]] = []
        for model in models:
            through: list[Any] = [field.remote_field.through for field in model._meta.local_many_to_many]
            all_models += [model, *(each for each in through if each._meta.auto_created)]
        self._tables = [_Table(each, each._meta.db_table, _shadow_of(each._meta.db_table)) for each in all_models]
        self._using = using
        self._shadows = {f'"{table.live}"': f'"{table.shadow}"' for table in self._tables}
        # A column behind its table ("table"."column") is none of them.
        self._live_names = re.compile(r"(?<!\.)(?:" + "|".join(map(re.escape, self._shadows)) + ")")

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self._using]

    def exist(self) -> bool:
        return any(table.shadow in self._connection.introspection.table_names() for table in self._tables)

    def create(self) -> None:
        """Empty ones, from the structure that the live tables have now. Inside a transaction."""
        with self._connection.cursor() as cursor:
            for sql in self._definitions(cursor):
                cursor.execute(sql)

    def drop(self) -> None:
        with self._connection.cursor() as cursor:
            for table in reversed(self._tables):
                cursor.execute(f'DROP TABLE IF EXISTS "{table.shadow}"')

    def changed(self) -> list[str]:
        """The live tables whose columns are no longer those of their shadows."""
        return [table.live for table in self._tables if self._structure(table.live) != self._structure(table.shadow)]

    @contextmanager
    def redirected(self) -> Iterator[None]:
        """
        What this thread's statements call by the quoted name of a live table is its shadow.

        Raises:
            RebuildFailed: a column has the name of a table, so that the two cannot be told apart.
        """
        for table in self._tables:
            if columns := self._names() & {str(each.column) for each in table.model._meta.local_concrete_fields}:
                raise RebuildFailed(f"{table.live} has a column that is named like a table: {', '.join(columns)}.")
        with self._connection.execute_wrapper(self._redirect):
            yield

    def _names(self) -> set[str]:
        return {table.live for table in self._tables}

    def _redirect(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if isinstance(sql, str):
            sql = self._live_names.sub(lambda found: self._shadows[found.group()], sql)
        return execute(sql, params, many, context)

    def replace_live_rows(self) -> None:
        """
        Bring the shadows' rows into the live tables, in place of theirs. Inside a transaction.

        Raises:
            RebuildFailed: rows of other tables refer to rows that are no more.
        """
        try:
            with self._connection.cursor() as cursor:
                for table in reversed(self._tables):
                    cursor.execute(f'DELETE FROM "{table.live}"')  # noqa: S608 - names of our own tables
                for table in self._tables:
                    cursor.execute(
                        f'INSERT INTO "{table.live}" ({table.columns}) SELECT {table.columns} FROM "{table.shadow}"'  # noqa: S608
                    )
                models = [table.model for table in self._tables]
                for sql in self._connection.ops.sequence_reset_sql(no_style(), models):
                    cursor.execute(sql)
            # Now, and not at the commit, which could only say that it failed.
            self._connection.check_constraints()
        except IntegrityError as error:
            raise RebuildFailed(
                f"The rows that were built do not fit the tables around them, so that the live ones stay as they are: {error}"
            ) from error

    def _definitions(self, cursor: Any) -> Iterator[str]:
        if self._connection.vendor == "postgresql":
            for table in self._tables:
                yield f'CREATE TABLE "{table.shadow}" (LIKE "{table.live}" INCLUDING ALL)'
            return
        for table in self._tables:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL ORDER BY type DESC",
                [table.live],
            )
            for name, sql in cursor.fetchall():
                yield self._renamed(sql if name == table.live else sql.replace(f'"{name}"', f'"{_shadow_of(name)}"', 1))

    def _renamed(self, sql: str) -> str:
        # Foreign keys among them are among the shadows, too.
        for table in self._tables:
            sql = sql.replace(f'"{table.live}"', f'"{table.shadow}"')
        return sql

    def _structure(self, table: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            columns: Any = self._connection.introspection.get_table_description(cursor, table)
        return sorted((column.name, column.type_code, column.null_ok) for column in columns)


def _shadow_of(name: str) -> str:
    if len(name.encode()) + len(_SUFFIX) <= _LONGEST_NAME:
        return name + _SUFFIX
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - len(_SUFFIX) - 13]}_{digest}{_SUFFIX}"
