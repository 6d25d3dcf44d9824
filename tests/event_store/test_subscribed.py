"""`with event_store.subscribed(…):`, subscribers for a block of code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from event_store import RecordedEvent, event_store, event_stores, subscriber
from event_store.exceptions import InvalidSubscriber
from tests.event_store.sample import Counted, Noted
from tests.event_store.threads import Elsewhere


@pytest.fixture
def seen() -> list[RecordedEvent[Any]]:
    return []


def note(text: str) -> None:
    event_store.publish(Noted(text=text), stream="s")


def texts(seen: list[RecordedEvent[Any]]) -> list[str]:
    return [event.data.text for event in seen]


@pytest.mark.django_db
def test_a_handler_gets_the_events_of_the_block(seen: list[Any]) -> None:
    note("before")
    with event_store.subscribed(seen.append, Noted):
        note("inside")
        event_store.publish(Counted(number=1), stream="s")
    note("after")

    assert texts(seen) == ["inside"]


@pytest.mark.django_db
def test_a_block_ends_with_an_error_too(seen: list[Any]) -> None:
    with pytest.raises(RuntimeError), event_store.subscribed(seen.append, Noted):
        raise RuntimeError
    note("after")

    assert seen == []


@pytest.mark.django_db
def test_those_of_the_blocks_come_last_from_the_outside_in() -> None:
    order: list[str] = []
    with (
        event_store.subscribed(lambda event: order.append("outer"), Noted),
        event_store.subscribed(lambda event: order.append("inner"), Noted),
    ):
        subscriber(Noted, name="of the process")(lambda event: order.append("process"))
        note("a")

    assert order == ["process", "outer", "inner"]


@pytest.mark.django_db
def test_an_error_in_it_undoes_the_publish() -> None:
    def refuse(event: RecordedEvent[Noted]) -> None:
        event_store.append(Counted(number=1), stream="reaction")
        raise RuntimeError("no")

    with event_store.subscribed(refuse, Noted), pytest.raises(RuntimeError, match="no"):
        note("a")

    assert not event_store.events.exists()


@pytest.mark.django_db
def test_what_subscribers_publish_inside_belongs_to_the_block(seen: list[Any]) -> None:
    subscriber(Counted, name="reaction")(lambda event: note("reaction"))

    with event_store.subscribed(seen.append, Noted):
        event_store.publish(Counted(number=1), stream="s")

    assert texts(seen) == ["reaction"]


@pytest.mark.django_db
def test_it_sees_the_events_of_its_store_only(seen: list[Any], settings: Any) -> None:
    settings.EVENT_STORES = {"default": {}, "second": {}}

    with event_stores["second"].subscribed(seen.append, Noted):
        note("first")
        event_stores["second"].publish(Noted(text="second"), stream="s")

    assert texts(seen) == ["second"]


@pytest.mark.django_db
def test_others_pay_nothing_for_a_block(seen: list[Any]) -> None:
    note("the stream exists")
    with CaptureQueriesContext(connection) as without:
        note("outside")
    with event_store.subscribed(seen.append, Counted), CaptureQueriesContext(connection) as inside:
        note("inside")

    assert len(inside) == len(without)


@pytest.mark.django_db(transaction=True)
def test_another_thread_does_not_see_it(seen: list[Any]) -> None:
    with Elsewhere() as elsewhere, event_store.subscribed(seen.append, Noted):
        elsewhere.do(lambda: note("elsewhere"))
        note("here")

    assert texts(seen) == ["here"]


@pytest.mark.django_db(transaction=True)
def test_durable_subscribers_that_are_woken_inside_do_not_see_it(seen: list[Any]) -> None:
    subscriber(Counted, durable=True, name="later")(lambda event: note("durable"))

    with event_store.subscribed(seen.append, Noted):
        event_store.publish(Counted(number=1), stream="s")

    assert (seen, event_store.events.of_type(Noted).count()) == ([], 1)


@pytest.mark.django_db
def test_an_async_task_sees_it_if_it_was_started_inside(seen: list[Any]) -> None:
    publish = sync_to_async(note)

    async def publish_when(entered: asyncio.Event, text: str) -> None:
        await entered.wait()
        await publish(text)

    async def main() -> None:
        entered = asyncio.Event()
        outside = asyncio.create_task(publish_when(entered, "started outside"))
        with event_store.subscribed(seen.append, Noted):
            entered.set()
            await outside
            await asyncio.create_task(publish_when(entered, "started inside"))
            await publish("in the block")
        await publish("after")

    async_to_sync(main)()

    assert texts(seen) == ["started inside", "in the block"]


@pytest.mark.parametrize("arguments", [(print,), (None, Noted), (print, Noted())])
def test_wrong_arguments_are_refused_before_the_block_begins(arguments: Any) -> None:
    with pytest.raises(InvalidSubscriber, match=r"event_store\.subscribed"):
        event_store.subscribed(*arguments)
