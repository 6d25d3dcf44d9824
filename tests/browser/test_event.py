"""The page of one event: its facts, streams, causes, effects and outcomes, and the event as text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from event_store import Event, NewEvent, RecordedEvent, event_store, subscriber
from event_store.immutability import changes_allowed
from event_store.models import FailedEvent, IssuedCommand, StoredEvent, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.queries import forbidden, statements
from tests.event_store.sample import CatererSaidYes, Counted, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db


class Rewritten(Event, type="sample.Rewritten", version=2):
    text: str
    tone: str = "calm"


def page_of(client: Client, event: Any, query: str = "") -> Any:
    return client.get(f"{ADMIN}events/{event.id}/{query}")


def words(page: Any, part: str = 'id="es"') -> str:
    without_inline = re.sub(r"</?(?:bdi|span|b|a)\b[^>]*>", "", page.text.partition(part)[2])
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_inline)).split())


def noted(*, cause: UUID | None = None, stream: str = "s", text: str = "", **fields: Any) -> RecordedEvent[Any]:
    [event] = event_store.append(NewEvent(Noted(text=text), causation_id=cause, **fields), stream=stream)
    return event


def rewrite(event: RecordedEvent[Any], **columns: Any) -> None:
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(**columns)


def store_text(event: RecordedEvent[Any], text: str) -> None:
    with changes_allowed(), connection.cursor() as cursor:
        cast = "::jsonb" if connection.vendor == "postgresql" else ""
        sql = f"UPDATE event_store_storedevent SET data = %s{cast} WHERE global_position = %s"
        cursor.execute(sql, [text, event.global_position])


# ---- causes and effects


def test_an_event_shows_all_its_streams_its_causes_to_the_root_and_its_effects(client: Client, orders: Any) -> None:
    with event_store.caused_by(orders["confirmed"]):
        [ticket] = event_store.publish(Noted(text="ticket"), stream="Kitchen$7", links=["Order$41", "Day$1"])
    with event_store.caused_by(ticket):
        [cooked] = event_store.publish(Noted(text="cooked"), stream="Kitchen$7")
    page = page_of(client, ticket)
    causes, effects = words(page, "<h2>Caused by</h2>"), words(page, "<h2>Led to</h2>")

    assert re.match(
        r"CatererSaidYes .* Confirm \+.* sent by Agreement 41, step 2 Accepted because both said yes", causes
    )
    assert re.search(r"Confirmed \+\S+ ms in Order\$41 #1 Noted this event", causes)
    assert re.match(r"Noted \+\S+ ms in Kitchen\$7 #1 Subscriptions", effects)
    for place in ("Kitchen$7 0 written here", "Order$41 2 linked", "Day$1 0 linked"):
        assert place in words(page, "<h2>In streams</h2>")
    for path in ("streams/Kitchen$7/", "streams/Order$41/", "streams/Day$1/", "streams/Caterer$7/",
                 f"events/{orders['caterer'].id}/", f"events/{orders['confirmed'].id}/", f"events/{cooked.id}/",
                 "processes/Agreement/41/?at=2"):  # fmt: skip
        assert f'href="{ADMIN}{path}' in page.text


def test_effects_stand_below_their_causes(client: Client) -> None:
    root = noted(text="root")
    first, second = noted(cause=root.id), noted(cause=root.id)
    noted(cause=first.id)
    tree = page_of(client, root).text.partition('id="es-effects"')[2].partition("</section>")[0]
    shape = re.sub(r"\s", "", "".join(re.findall(r"</?(?:ol|li)>", tree)))

    assert shape == "<ol><li><ol><li></li></ol></li><li></li></ol>"
    assert tree.index(str(first.id)) < tree.index(str(second.id))


def test_a_cause_that_is_missing_and_causes_that_go_round_are_said_in_words(client: Client) -> None:
    unknown, one, other = uuid4(), uuid4(), uuid4()
    noted(id=one, cause=other)
    round_about = noted(id=other, cause=one)

    assert f"A message that is not in the store: {unknown}" in words(page_of(client, noted(cause=unknown)))
    assert "they go round" in words(page_of(client, round_about))


def test_a_long_chain_of_causes_ends_and_says_so(client: Client) -> None:
    event = noted()
    for _ in range(52):
        event = noted(cause=event.id)
    page = page_of(client, event)

    assert "There are more causes" in words(page)
    assert len(page.context["around"].causes) == 52


def test_of_many_effects_the_first_are_shown_and_the_others_counted_and_linked(client: Client) -> None:
    root = noted()
    children = [noted(cause=root.id) for _ in range(57)]
    for _ in range(22):
        noted(cause=children[3].id)
    page = page_of(client, root)

    assert 'href="?more=1#es-effects">show 37 more</a>' in page.text
    assert f'href="{ADMIN}events/{children[3].id}/#es-effects">show 2 more</a>' in page.text
    assert len(page.context["around"].effects) == 20 + 1 + 20 + 1
    at_length = page_of(client, root, "?more=1")
    assert len(at_length.context["around"].effects) == 57 + 22
    assert "show" not in words(at_length, 'id="es-effects"').partition("Subscriptions")[0]


@pytest.mark.parametrize("permissions", [PERMISSIONS, ["view_storedevent", "view_payload"]])
def test_the_number_of_queries_does_not_grow_with_the_effects(
    sign_in: Callable[..., Client], orders: Any, permissions: list[str]
) -> None:
    client, root = sign_in(*permissions), orders["caterer"]

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert page_of(client, root).status_code == 200
        assert forbidden(captured) == []
        return statements(captured)

    before = queries()
    for _ in range(20):
        child = noted(cause=root.id, stream="many")
        for _ in range(9):
            noted(cause=child.id, stream="many")
    event_store.link(root.id, stream="further")

    assert len(queries()) == len(before) <= 11
    assert len(page_of(client, root).context["around"].effects) >= 180


def test_without_the_permission_for_processes_a_command_is_only_mentioned(
    sign_in: Callable[..., Client], orders: Any
) -> None:
    client = sign_in("view_storedevent", "view_payload")
    cause, effect = page_of(client, orders["caterer"]), page_of(client, orders["confirmed"])

    for page in (cause, effect):
        assert "A command of a process: to see it needs the permission" in words(page)
        assert "both said yes" not in page.text
        assert "processes/" not in page.text
    assert f"{ADMIN}events/{orders['confirmed'].id}/" in cause.text
    assert f"{ADMIN}events/{orders['caterer'].id}/" in effect.text


# ---- neighbours and streams


def test_neighbours_are_those_of_the_stream_that_one_came_from(client: Client) -> None:
    [first, event, last] = event_store.publish([Noted(text=each) for each in "abc"], stream="Order$1")
    elsewhere = noted(stream="Audit$1")
    event_store.link(event.id, stream="Audit$1")
    here, there = page_of(client, event).text, page_of(client, event, "?in=Audit$1").text

    assert neighbour("prev", here) == f"{ADMIN}events/{first.id}/?in=Order%241"
    assert neighbour("next", here) == f"{ADMIN}events/{last.id}/?in=Order%241"
    assert neighbour("prev", there) == f"{ADMIN}events/{elsewhere.id}/?in=Audit%241"
    assert 'rel="next"' not in there
    assert f'href="{ADMIN}events/{event.id}/?in=Audit%241"' in client.get(f"{ADMIN}streams/Audit$1/").text
    for unknown in ("never", "a\0b", "%ED%A0%80", "x" * 5_000):
        assert client.get(f"{ADMIN}events/{event.id}/", {"in": unknown}).context["neighbours"].stream == "Order$1"


def neighbour(rel: str, page: str) -> str:
    [tag] = re.findall(rf'<a [^>]*rel="{rel}"[^>]*>', page)
    return re.search(r'href="([^"]*)"', tag)[1]  # type: ignore[index]


def test_an_event_in_many_streams_shows_some_of_them_and_the_one_that_one_came_from(client: Client) -> None:
    event = noted(stream="z")
    for number in range(210):
        event_store.link(event.id, stream=f"s{number:03}")
    page = page_of(client, event, "?in=s209")

    assert "shown in more than 200 streams" in words(page)
    assert page.context["neighbours"].stream == "s209"


def test_an_event_whose_streams_are_gone_is_still_shown(client: Client) -> None:
    event = noted(stream="gone")
    event_store.delete_stream("gone")
    page = page_of(client, event, "?in=gone")

    assert "its streams were deleted" in words(page)
    assert f"Noted deleted {event.recorded_at:%Y-%m-%dT%H:%M}" in words(page)


# ---- facts and data


def test_one_line_says_which_event_it_is(client: Client) -> None:
    [event] = event_store.publish(Noted(), stream="Order$\u202e42")
    time = f"{event.recorded_at:%Y-%m-%dT%H:%M:%S}.{event.recorded_at.microsecond // 1000:03d}Z"

    assert f"Noted Order$‹U+202E›42#0 {time} {event.id}" in words(page_of(client, event))


def test_where_an_event_was_published_is_said_and_errors_in_metadata_are_open(client: Client) -> None:
    quiet = noted(metadata={"method": "POST", "path": "/orders/<b>", "user_id": 7})
    loud = noted(metadata={"last_error": "no seitan"})

    assert "Published in POST /orders/<b> by 7" in words(page_of(client, quiet))
    assert "<details><summary><h2>Metadata" in page_of(client, quiet).text
    assert "<details open><summary><h2>Metadata" in page_of(client, loud).text


def test_a_class_that_is_gone_is_said_in_words(client: Client) -> None:
    event = noted()
    rewrite(event, type="gone.Forgotten")

    assert "unknown to this code: no class that is loaded here has it" in words(page_of(client, event))


def test_an_event_of_an_older_version_can_be_shown_as_the_class_of_today_reads_it(client: Client) -> None:
    [event] = event_store.publish(Rewritten(text="x"), stream="s")
    store_text(event, '{"text": "x"}')
    rewrite(event, schema_version=1)
    stored, today = page_of(client, event), page_of(client, event, "?shown=today")

    assert "Schema version 1 · its class is at 2" in words(stored)
    assert "?shown=today&amp;in=s" in stored.text
    assert "calm" not in stored.text
    assert 'tone: "calm"' in words(today)
    assert "As the class of today reads it. Show what is stored" in words(today)


def test_data_that_no_reader_can_take_is_said_with_the_reason(client: Client, sign_in: Callable[..., Client]) -> None:
    event = noted()
    store_text(event, '{"text": 5}')
    blind = sign_in("view_storedevent", username="bert")

    for query in ("", "?shown=today"):
        page = words(page_of(client, event, query))
        assert "its data does not fit its class of today" in page
        assert "Expected `str`, got `int`" in page
    assert "does not fit" not in words(page_of(blind, event))


class Explosive(Event, type="sample.Explosive"):
    text: str = ""

    def __post_init__(self) -> None:
        if self.text == "lit":
            raise ZeroDivisionError("boom")


def test_a_class_that_raises_when_it_is_read_closes_no_page(client: Client) -> None:
    [event] = event_store.publish(Explosive(), stream="s")
    store_text(event, '{"text": "lit"}')

    assert "ZeroDivisionError: boom" in words(page_of(client, event))
    assert '"data": {"text": "lit"}' in client.get(f"{ADMIN}events/{event.id}/fixture/").text


def test_a_subscriber_of_a_class_without_a_type_closes_no_page(client: Client) -> None:
    class Homeless(Event):
        pass

    @subscriber(Homeless, durable=True, name="homeless")
    def homeless(event: Any) -> None: ...

    assert "homeless" not in words(page_of(client, noted()))


NUMBERS = ["12345678901234567890.123456789", "-7210194211959421178", r'"\u0001\u00e9\"\\"', "1e400"]


@pytest.mark.parametrize("value", NUMBERS)
def test_values_are_shown_as_the_stored_text_has_them(client: Client, value: str) -> None:
    event = noted()
    text = '{"text": %s}' % (value if connection.vendor == "sqlite" else value.replace(r"\u0001", ""))
    store_text(event, text)
    stored = event_store.events.as_json().with_ids(event.id).first()
    assert stored is not None
    shown = stored.data.partition(": ")[2].removesuffix("}")
    page, raw = page_of(client, event), client.get(f"{ADMIN}events/{event.id}/raw.json").text

    assert shown in unescape(re.sub(r"</?(?:bdi|span)[^>]*>", "", page.text))
    assert f'{{"data": {stored.data}, "metadata": {{}}}}' in raw


def test_a_value_leads_to_the_events_that_have_it(client: Client) -> None:
    event, other = noted(), noted(text="x")
    store_text(
        event, r'{"text": "é \"b\"", "n": 1.50, "a b": {"c": true, "d": [1, {"e": 2}]}, "long": "%s"}' % ("x" * 200)
    )
    store_text(other, r'{"text": "é \"b\"", "n": 1.5}')
    page = page_of(client, event)
    data = page.text.partition("<h2>Data")[2].partition("<h2>Caused")[0]
    found = [unquote_plus(unescape(each)) for each in re.findall(r'href="[^"]*\?where=([^"]*)"', data)]
    rows = client.get(f"{ADMIN}events/", {"where": found}).context["page"].rows

    assert sorted(found) == sorted([r'text:"é \"b\""', "n:1.50", '"a b".c:true'])
    assert [row.event.id for row in rows] == [event.id]
    assert len(client.get(f"{ADMIN}events/", {"where": found[:1]}).context["page"].rows) >= 1


def test_half_a_character_leads_nowhere_and_breaks_nothing(client: Client) -> None:
    event = noted()
    if connection.vendor == "sqlite":
        store_text(event, r'{"text": "\ud800", "\ud800": 1, "z": "\u0000"}')
    page = page_of(client, event)

    assert page.status_code == 200
    assert client.get(f"{ADMIN}events/{event.id}/fixture/").status_code == 200
    assert client.get(f"{ADMIN}events/").status_code == 200


ODD = {
    "null": "null",
    "list": "[1, [2]]",
    "text": '"text"',
    "large": '{"text": "%s"}' % ("x" * 5_000_000),
    "many": f"[{', '.join(['[1, {}]'] * 300_000)}]",
    "deep": "[" * 200 + "]" * 200,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_large_and_deep_data_is_shown_in_time_and_within_bounds(client: Client, name: str) -> None:
    event = noted()
    store_text(event, ODD[name])
    rewrite(event, type="gone.Forgotten")
    started = time.process_time()
    page = page_of(client, event)

    assert page.status_code == 200
    assert time.process_time() - started < 10
    assert len(page.content) < 1_000_000
    assert client.get(f"{ADMIN}events/{event.id}/raw.json").status_code == 200
    assert client.get(f"{ADMIN}events/{event.id}/fixture/").status_code == 200


# ---- subscriptions


def test_what_became_of_an_event_in_each_subscription_is_said(client: Client, orders: Any) -> None:
    @subscriber(CustomerSaidYes)
    def at_once(event: Any) -> None: ...

    @subscriber(CustomerSaidYes, durable=True, name="mails.failing", max_attempts=5)
    def failing(event: Any) -> None: ...

    @subscriber(Event, durable=True, name="never", partitions=2)
    def never(event: Any) -> None: ...

    @subscriber(Counted, durable=True, name="not for it")
    def not_for_it(event: Any) -> None: ...

    mails = Subscription.objects.create(name="mails.failing", checkpoint=2**62)
    event = orders["customer"]
    FailedEvent.objects.create(
        subscription=mails, event_id=event.global_position, sequence="Order$41", attempts=2, parked_at=timezone.now(),
        next_attempt_at=timezone.now() + timedelta(minutes=1), error="TimeoutError: <b>",
    )  # fmt: skip
    text = words(page_of(client, event), "<h2>Subscriptions of")

    assert text.startswith("CustomerSaidYes 4 (1 failed, 1 not reached yet, 1 done, 1 at once)")
    assert re.search(
        r"at_once [0-9a-f]+ At once Agreement Done 41, step 1 failing Retrying Attempt 2 of 5, the next one", text
    )
    assert "TimeoutError: <b> never Has never run" in text
    assert "not for it" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "given_up", "attempts": 20, "error": "no"}, "Given up|Attempt 20 of 20: no"),
        ({"status": "waiting"}, "Waiting|It waits behind an earlier event of its sequence that failed."),
        ({"status": "skipped", "attempts": 3, "skip_reason": "paid"}, "Skipped|Skipped after 3 attempts"),
    ],
)
def test_a_parked_event_says_what_it_waits_for(client: Client, orders: Any, changes: dict[str, Any], said: str) -> None:
    event = orders["waiting"]
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence="42",
        parked_at=timezone.now(), **changes,
    )  # fmt: skip

    text = words(page_of(client, event), "<h2>Subscriptions of")
    assert [each for each in said.split("|") if each not in text] == []


def test_partitions_and_later_starts_claim_no_more_than_is_known(client: Client) -> None:
    @subscriber(Noted, durable=True, name="split", partitions=2)
    def split(event: Any) -> None: ...

    @subscriber(Noted, durable=True, name="new", start="now")
    def new(event: Any) -> None: ...

    @subscriber(Noted, durable=True, name="of one stream", stream="t")
    def of_one_stream(event: Any) -> None: ...

    event = noted(stream="t")
    for name, partition, checkpoint in (("split", 0, event.global_position), ("split", 1, 0), ("new", 0, 2**62)):
        Subscription.objects.create(name=name, partition=partition, partitions=2, checkpoint=checkpoint)
    Subscription.objects.create(name="of one stream", stream="t", checkpoint=-1)
    text = words(page_of(client, event), "<h2>Subscriptions of")

    assert "new Passed of one stream Not reached yet split Partly passed by 1 of 2 partitions" in text
    Subscription.objects.filter(name="of one stream").update(checkpoint=0)
    assert "of one stream Done" in words(page_of(client, event))


def test_an_event_that_nobody_wants_says_so(client: Client) -> None:
    event = noted()
    rewrite(event, type="gone.Forgotten")

    assert "Subscriptions of Forgotten None that is loaded here wants it." in words(page_of(client, event))


def test_errors_of_subscriptions_need_the_permission_for_data(sign_in: Callable[..., Client], orders: Any) -> None:
    event = orders["waiting"]
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=event.global_position, sequence="42",
        attempts=1, parked_at=timezone.now(), error="s3cret", status="given_up",
    )  # fmt: skip
    page = page_of(sign_in("view_storedevent", "view_process"), event)

    assert "Attempt 1 of 20: hidden" in words(page)
    assert "s3cret" not in page.text


# ---- as text


def test_a_fixture_builds_the_same_event(client: Client, orders: Any) -> None:
    event = orders["caterer"]
    response = client.get(f"{ADMIN}events/{event.id}/fixture/")
    built: dict[str, Any] = {}
    exec(response.text.replace("CatererSaidYes(", "event = CatererSaidYes(", 1), built)

    assert built["event"] == event.data == CatererSaidYes(order_id="41")
    assert response.text.startswith("# CatererSaidYes Caterer$7#0 ")
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"].startswith("text/plain")
    assert f'href="{ADMIN}events/{event.id}/fixture/"' in page_of(client, event).text


def test_a_fixture_of_what_no_class_can_read_is_the_stored_json(client: Client) -> None:
    event = noted()
    store_text(event, '{"text": 1.10}')
    response = client.get(f"{ADMIN}events/{event.id}/fixture/")

    assert '"data": {"text": 1.10}' in response.text
    assert response.text.startswith("{")


def test_a_name_with_a_new_line_does_not_leave_the_comment_of_a_fixture(client: Client) -> None:
    [event] = event_store.publish(Noted(), stream="a\nimport os\rx\u2028y")
    lines = client.get(f"{ADMIN}events/{event.id}/fixture/").text.splitlines()

    assert [line for line in lines if "import os" in line] == [lines[0]]
    assert lines[0].startswith("# ")


def test_text_for_programs_needs_the_permission_for_data(sign_in: Callable[..., Client], orders: Any) -> None:
    client = sign_in("view_storedevent", "view_process")

    for name in ("raw.json", "fixture/"):
        assert client.get(f"{ADMIN}events/{orders['caterer'].id}/{name}").status_code == 403
        assert client.get(f"{ADMIN}events/{uuid4()}/{name}").status_code == 403


def test_a_command_that_was_sent_again_shows_its_page(client: Client, orders: Any) -> None:
    IssuedCommand.objects.update(outcome="suppressed", reason="again\u202e")

    assert "Not sent again because again‹U+202E›" in words(page_of(client, orders["caterer"]))


def test_a_process_that_has_not_come_so_far_yet_is_not_called_done(client: Client, orders: Any) -> None:
    [event] = event_store.append(CustomerSaidYes(order_id="77"), stream="Order$77")
    assert "Agreement Not reached yet" in words(page_of(client, event))
    run_subscriptions()

    assert "Agreement Done 77, step 1" in words(page_of(client, event))


@pytest.mark.postgresql
def test_no_query_of_the_page_reads_a_table_of_events_as_a_whole(client: Client, orders: Any) -> None:
    event_store.append([Noted(text=str(number)) for number in range(300)], stream="notes")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off")
    with CaptureQueriesContext(connection) as captured:
        page_of(client, orders["caterer"])
    selects = [each for each in statements(captured) if each.lstrip().startswith(("SELECT", "WITH"))]
    with connection.cursor() as cursor:
        plans = []
        for sql in selects:
            cursor.execute("EXPLAIN " + sql.replace("%", "%%"), ())
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    scanned = re.findall(
        r"Seq Scan on (event_store_(?:storedevent|stream|streamlink|processstep|issuedcommand|failedevent))\b",
        "\n".join(plans),
    )
    assert scanned == []
