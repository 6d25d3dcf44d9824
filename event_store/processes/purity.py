"""No database inside `process_id`, `apply`, `act` and `waiting_for`: what they say must be the same at every replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

from event_store.exceptions import ImpureProcessManager


@contextmanager
def pure(what: str) -> Iterator[None]:
    """Inside, every statement in this thread raises ImpureProcessManager; `what` names the method for people."""

    def refuse(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        raise ImpureProcessManager(
            f"{what} has asked the database ({str(sql)[:100]}): it sees the state and the event, and nothing else. Put "
            "what it needs into the event, or do it in the handler of a command."
        )

    with ExitStack() as blocks:
        for connection in connections.all():
            blocks.enter_context(connection.execute_wrapper(refuse))
        yield
