"""The plain admin pages of the store's models."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from event_store import event_store
from event_store.models import (
    AggregateSnapshot,
    CommandDelivery,
    IssuedCommand,
    Process,
    ProcessDeadline,
    ProcessStep,
    StoredEvent,
    Stream,
    Subscription,
)
from tests.browser.conftest import ADMIN
from tests.event_store.sample import Noted

pytestmark = pytest.mark.django_db
MODELS = ["stream", "storedevent", "subscription", "failedevent", "process", "processstep", "issuedcommand"]


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("model", MODELS)
def test_a_change_list_is_read_only_and_never_counts_everything(client: Client, orders: Any, model: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(f"/admin/event_store/{model}/")
    counts = [each["sql"] for each in captured if "COUNT(" in each["sql"]]

    assert response.status_code == 200
    assert client.get(f"/admin/event_store/{model}/add/").status_code == 403
    assert all("LIMIT 1001" in sql for sql in counts)
    assert not any("DISTINCT" in each["sql"] for each in captured)


def test_a_capped_list_says_that_there_are_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_store.admin.NEWEST", 3)
    event_store.append([Noted()] * 3, stream="n")
    assert "3 events" in client.get("/admin/event_store/storedevent/").text
    for number in range(4):
        event_store.append(Noted(), stream=f"n{number}")

    capped = client.get("/admin/event_store/storedevent/").text
    found = client.get("/admin/event_store/stream/?q=n").text

    assert "the newest 3 events; more are stored and not listed here" in capped
    assert "the newest 3 streams; more" in found
    assert "3 results" not in found
    assert "the first 3 streams; more" in client.get("/admin/event_store/stream/?o=1").text


def test_change_lists_link_to_the_browser(client: Client, orders: Any) -> None:
    for model, target in (
        ("stream", "streams/Order$41/"),
        ("storedevent", f"events/{orders['customer'].id}/"),
        ("process", "processes/Agreement/41/"),
        ("processstep", "processes/Agreement/41/?at=2"),
        ("issuedcommand", f"commands/{orders['confirmed'].causation_id}/"),
        ("subscription", "handlers/Agreement/"),
    ):
        assert f'href="{ADMIN}{target}"' in client.get(f"/admin/event_store/{model}/").text


def test_what_belongs_to_a_process_or_a_stream_leads_there(client: Client, orders: Any) -> None:
    command = IssuedCommand.objects.get(process__key="41")
    step = ProcessStep.objects.filter(process=command.process).first()
    CommandDelivery.objects.create(command=command, process=command.process)
    ProcessDeadline.objects.create(process=command.process, name="answer", due_at=step.handled_at, set_by=step)
    AggregateSnapshot.objects.create(
        stream="Order$41", version=0, event_id=orders["customer"].id, code="1", state="{}", taken_at=step.handled_at
    )

    for model, target in (
        ("commanddelivery", f"commands/{command.command_id}/"),
        ("processdeadline", "processes/Agreement/41/"),
        ("aggregatesnapshot", "streams/Order$41/"),
    ):
        assert f'href="{ADMIN}{target}"' in client.get(f"/admin/event_store/{model}/").text


def test_a_visitor_who_may_not_see_the_pages_is_not_led_there(sign_in: Callable[..., Client], orders: Any) -> None:
    stream = Stream.objects.get(name="Order$41")
    client = sign_in("view_stream")

    for path in ("", f"{stream.pk}/change/"):
        page = client.get(f"/admin/event_store/stream/{path}")
        assert page.status_code == 200
        assert f'href="{ADMIN}streams/Order$41/"' not in page.text


def test_an_object_can_be_looked_at_and_not_changed(client: Client, orders: Any) -> None:
    for each in (Stream, StoredEvent, Process, ProcessStep, IssuedCommand):
        url = f"/admin/event_store/{each._meta.model_name}/{each.objects.first().pk}/change/"
        assert client.get(url).status_code == 200
        assert client.post(url, {}).status_code == 403


def test_an_objects_page_leads_to_the_browser(client: Client, orders: Any) -> None:
    def links(model: type[Any], **values: Any) -> tuple[str, list[str]]:
        url = f"/admin/event_store/{model._meta.model_name}/{model.objects.get(**values).pk}/change/"
        page = client.get(url).text
        return re.sub(r"<[^>]+>", "", page), re.findall(f'href="{re.escape(ADMIN)}([^"]+)"', page)

    confirmed = orders["confirmed"]
    text, targets = links(StoredEvent, event_id=orders["customer"].id)
    assert "Customer$7 #0 (linked)" in text
    assert targets[:4] == [
        f"events/{orders['customer'].id}/",
        "streams/Order$41/",
        "streams/Customer$7/",
        "streams/Agreement$41/",
    ]
    _text, targets = links(StoredEvent, event_id=confirmed.id)
    assert f"correlations/{confirmed.correlation_id}/" in targets
    assert f"find/?q={confirmed.causation_id}" in targets
    text, targets = links(Stream, name="Customer$7")
    assert f"0: sample.CustomerSaidYes {orders['customer'].id} (linked)" in text
    assert targets == ["streams/Customer$7/", f"events/{orders['customer'].id}/"]
    assert links(Process, key="42")[1] == ["processes/Agreement/42/"]
    assert links(ProcessStep, process__key="41", number=1)[1] == ["processes/Agreement/41/?at=2"]
    assert links(Subscription, name="Agreement")[1] == ["handlers/Agreement/"]


def test_steps_are_counted_from_one_as_in_the_browser(client: Client, orders: Any) -> None:
    step = ProcessStep.objects.get(process__key="41", number=1)
    row = client.get("/admin/event_store/processstep/").text
    page = client.get(f"/admin/event_store/processstep/{step.pk}/change/").text

    assert str(step) == "step 2"
    assert '<td class="field-step">2</td>' in row
    assert "step 2" in page
    assert re.search(r"Step:.*?readonly[^>]*>2<", page, re.DOTALL)
    assert "Number:" not in page


def test_a_process_that_waits_for_any_event_says_so(client: Client, orders: Any) -> None:
    Process.objects.filter(key="42").update(waiting_for="*")
    process = Process.objects.get(key="42")

    assert '<td class="field-awaited">any event</td>' in client.get("/admin/event_store/process/").text
    assert ">any event<" in client.get(f"/admin/event_store/process/{process.pk}/change/").text


def test_payloads_need_their_permission(sign_in: Any) -> None:
    [event] = event_store.publish(Noted(text="s3cret"), stream="s")

    assert (
        "s3cret"
        not in sign_in("view_storedevent").get(f"/admin/event_store/storedevent/{event.global_position}/change/").text
    )


def test_words_that_may_hold_payload_need_its_permission(sign_in: Callable[..., Client], orders: Any) -> None:
    IssuedCommand.objects.update(reason="s3cret")
    Process.objects.update(last_error="s3cret")
    Subscription.objects.update(last_error="s3cret")
    views = [f"view_{model}" for model in MODELS]
    without, reader = sign_in(*views), sign_in(*views, "view_payload", username="berta")

    for model in (IssuedCommand, Process, Subscription):
        name, pk = model._meta.model_name, model.objects.first().pk  # type: ignore[attr-defined]
        own_page = f"/admin/event_store/{name}/{pk}/change/"
        assert "s3cret" not in without.get(f"/admin/event_store/{name}/").text
        assert "s3cret" not in without.get(own_page).text
        assert "s3cret" in reader.get(own_page).text
