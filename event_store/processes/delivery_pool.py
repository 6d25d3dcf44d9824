"""Threads of a worker that deliver commands for the outside: one that takes long keeps no events waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

from django.db import connections

from event_store.processes.deliveries import deliver_due_commands, is_any_due
from event_store.store import EventStore

MOST_THREADS = 64


class DeliveryPool:
    """
    A chore of a worker: at each look as many threads as are free begin to deliver, if something is due.

    Args:
        threads: how many deliveries there can be at once, 1 to 64; each has a connection of its own meanwhile.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="event_store.delivery")
        self._under_way: set[Future[int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the deliveries in hand."""
        self._pool.shutdown()

    def __call__(self, store: EventStore, stopping: Callable[[], bool]) -> tuple[int, bool]:
        """How many attempts have ended since the last call, and whether others are under way."""
        done, self._under_way = wait(self._under_way, timeout=0)
        free = self._threads - len(self._under_way)
        if free and not stopping() and is_any_due(store):
            self._under_way |= {self._pool.submit(_deliver, store, stopping) for _ in range(free)}
        # Raises what a thread has raised.
        return sum(each.result() for each in done), bool(self._under_way)


def _deliver(store: EventStore, stopping: Callable[[], bool]) -> int:
    try:
        return deliver_due_commands(store, stopping)
    finally:
        connections.close_all()
