"""What touches the database, for `async`: one hop to a thread for each call, or for each batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def async_twin(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """`apublish = async_twin(publish)`: the same arguments, result and errors, for `await`."""

    async def twin(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(method)(self, *args, **kwargs)

    update_wrapper(twin, method)
    twin.__name__, twin.__doc__ = f"a{method.__name__}", f"`{method.__name__}` for `await`."
    return twin


async def each_of(iterator: Iterator[T]) -> AsyncIterator[T]:
    """What an iterator gives, each taken in a thread; it never gives None."""
    take = sync_to_async(_next_or_none)
    while (item := await take(iterator)) is not None:
        yield item


def _next_or_none(iterator: Iterator[T]) -> T | None:
    return next(iterator, None)
