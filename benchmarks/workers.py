"""Processes with a database connection each, that start their jobs together."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import BrokenBarrierError
from types import TracebackType
from typing import Any, Self

from database import connect

READY_WITHIN = 120  # seconds

Start = Callable[[], object]
"""A job calls it once everything is prepared; it returns when all of them have."""


class Workers:
    """
    Args:
        counts: how many processes a job may ask for. As many as the greatest are started, once.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        spawn = multiprocessing.get_context("spawn")
        # Barriers can only be inherited, and end with the last who knows them.
        self._barriers = {count: spawn.Barrier(count, timeout=READY_WITHIN) for count in counts}
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(max(counts)):
            here, there = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(there, self._barriers), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def run(self, count: int, job: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What `job(start, *arguments)` answers in each of `count` processes. Both have to be picklable."""
        pipes = self._pipes[:count]
        for pipe in pipes:
            pipe.send((count, job, arguments))
        answers = [pipe.recv() for pipe in pipes]
        if failures := [each for each in answers if isinstance(each, _Failure)]:
            raise RuntimeError("\n".join(each.traceback for each in failures))
        return answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(READY_WITHIN)


@dataclass(frozen=True)
class _Failure:
    traceback: str


def _serve(pipe: Connection, barriers: dict[int, Any]) -> None:
    connect()
    while True:
        try:
            count, job, arguments = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            pipe.send(job(barriers[count].wait, *arguments))
        except BrokenBarrierError:
            pipe.send(_Failure("Another process failed."))
        except Exception:
            barriers[count].abort()
            pipe.send(_Failure(traceback.format_exc()))
