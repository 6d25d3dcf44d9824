"""Metadata of the current request for everything that is published in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from event_store.context import metadata_block
from event_store.identifiers import new_id
from event_store.subscriptions.errors import storable

LONGEST_REQUEST_ID = 200
LONGEST_PATH = 1000

Response = HttpResponseBase | Awaitable[HttpResponseBase]


class EventMetadataMiddleware:
    """
    Adds `request_id`, `method`, `path` (without the query) and, once somebody is signed in, `user_id`.

    The id is that of the header X-Request-ID, or a new one. The user is asked for when something is published.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        if self._is_async:
            return self._respond_later(request)
        with metadata_block(RequestMetadata(request)):
            return self._get_response(request)

    async def _respond_later(self, request: HttpRequest) -> HttpResponseBase:
        with metadata_block(RequestMetadata(request)):
            return await cast("Awaitable[HttpResponseBase]", self._get_response(request))


class RequestMetadata(Mapping[str, Any]):
    """What is known of a request at the time that it is asked."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._fixed = {
            "request_id": _request_id(request.headers.get("X-Request-ID", "")),
            "method": request.method,
            # NUL (%00) in a path would fail every publish of the request.
            "path": storable(request.path[:LONGEST_PATH]),
        }

    def __getitem__(self, key: str) -> Any:
        return self._current()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> dict[str, Any]:
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return self._fixed
        return {**self._fixed, "user_id": user.pk if isinstance(user.pk, (int, str)) else str(user.pk)}


def _request_id(given: str) -> str:
    given = given.strip()
    is_sane = 0 < len(given) <= LONGEST_REQUEST_ID and given.isascii() and given.isprintable()
    return given if is_sane else str(new_id())
