"""Several connections at once: each thread has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def at_once(actions: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run the actions in threads that start together; their answers in order, an error in place of an answer."""
    work = list(actions)
    barrier = threading.Barrier(len(work), timeout=30)
    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(lambda action: _in_a_connection(barrier, action), work))


class Elsewhere:
    """A connection of its own, in a thread of its own: `elsewhere.do(action)` waits for the action."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self.do(connections.close_all)
        self._pool.shutdown()

    def do(self, action: Callable[[], Any]) -> Any:
        return self._pool.submit(action).result(timeout=30)

    def start(self, action: Callable[[], Any]) -> Any:
        """Begin without waiting; `.result()` of what it gives waits."""
        return self._pool.submit(action)


def _in_a_connection(barrier: threading.Barrier, action: Callable[[], Any]) -> Any:
    try:
        barrier.wait()
        return action()
    except Exception as error:
        return error
    finally:
        connections.close_all()
