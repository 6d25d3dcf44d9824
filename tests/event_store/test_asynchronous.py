"""The store in asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import SyncToAsync, async_to_sync
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path

from event_store import EventNotFound, WrongExpectedVersion, event_store
from tests.event_store.sample import Counted, Noted

pytestmark = pytest.mark.django_db


def in_an_event_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async_to_sync(test)(*arguments, **named)

    return run


@transaction.non_atomic_requests
async def publishing_view(request: HttpRequest) -> HttpResponse:
    with event_store.metadata(user="anna"):
        await event_store.apublish(Noted(text="from a view"), stream="s", links=["t"])
    return HttpResponse(str(await event_store.events.in_stream("t").acount()))


urlpatterns = [path("publish/", publishing_view)]


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each hop from the event loop to a thread."""
    made: list[Any] = []
    original = SyncToAsync.__call__

    async def counting(self: SyncToAsync[Any, Any], *args: Any, **kwargs: Any) -> Any:
        made.append(self.func)
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counting)
    return made


async def publish_ten() -> list[Any]:
    return await event_store.apublish([Counted(number=number) for number in range(10)], stream="numbers")


@in_an_event_loop
async def test_every_verb_has_a_twin() -> None:
    first, second = await event_store.apublish([Noted(), Noted()], stream="s", links=["t"])
    await event_store.aappend(Noted(), stream="s")
    await event_store.alink(first, stream="u")

    assert [place.stream for place in await event_store.astreams_of(first)] == ["s", "t", "u"]
    assert await event_store.aposition_in_stream(second, "t") == 1
    assert await event_store.aglobal_position(second) == second.global_position
    assert await event_store.ais_in_stream(second, "u") is False
    assert await event_store.aevent_types() == ["sample.Noted"]
    assert [stream.name for stream in await event_store.arecently_changed_streams()] == ["s", "t", "u"]
    assert await event_store.adelete_stream("t") == 2


@in_an_event_loop
async def test_errors_reach_the_caller() -> None:
    with pytest.raises(WrongExpectedVersion):
        await event_store.apublish(Noted(), stream="s", expected_version=3)
    with pytest.raises(EventNotFound):
        await event_store.events.after(uuid4()).afirst()
    with pytest.raises(EventNotFound):
        [event async for event in event_store.events.after(uuid4())]


@in_an_event_loop
async def test_reading_gives_what_reading_gives() -> None:
    ten = await publish_ten()
    query = event_store.events.in_stream("numbers").after(3)

    assert [event async for event in query] == ten[4:]
    assert [len(batch) async for batch in query.abatches(4)] == [4, 2]
    assert (await query.afirst(), await query.alast()) == (ten[4], ten[9])
    assert (await query.acount(), await query.aexists()) == (6, True)
    assert [stream.name async for stream in event_store.streams] == ["numbers"]
    assert (await event_store.streams.afirst()).version == 9  # type: ignore[union-attr]


@in_an_event_loop
async def test_iterating_takes_one_hop_for_each_batch_and_none_for_an_event(hops: list[Any]) -> None:
    await publish_ten()
    hops.clear()

    seen = [event.data.number async for event in event_store.events.aiterator(4)]

    assert seen == list(range(10))
    # Batches of 4, 4 and 2, and one hop to learn that there are no more.
    assert len(hops) == 4


@in_an_event_loop
async def test_leaving_early_reads_no_further(hops: list[Any]) -> None:
    await publish_ten()
    hops.clear()

    async for event in event_store.events.aiterator(3):
        if event.data.number == 4:
            break

    assert len(hops) == 2


@in_an_event_loop
async def test_a_block_follows_its_tasks_and_no_others() -> None:
    async def publish(stream: str) -> Any:
        [event] = await event_store.apublish(Noted(), stream=stream)
        return event.metadata

    outside = asyncio.ensure_future(publish("outside"))
    with event_store.metadata(tenant="acme"):
        inside = await asyncio.gather(publish("a"), publish("b"))

    assert inside == [{"tenant": "acme"}] * 2
    assert await outside == {}


@pytest.mark.urls(__name__)
@in_an_event_loop
async def test_an_asynchronous_view_publishes() -> None:
    response = await AsyncClient().get("/publish/")

    assert response.content == b"1"
    event = await event_store.events.afirst()
    assert (event.data.text, event.metadata["user"]) == ("from a view", "anna")  # type: ignore[union-attr]
