"""What the plain admin tells of payloads: nothing by its filters, its log and its titles, without their permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from event_store.admin import PayloadAdmin
from event_store.models import FailedEvent, Process, ProcessDeadline, Subscription

pytestmark = pytest.mark.django_db
MODELS = ("stream", "storedevent", "subscription", "failedevent", "process", "processstep", "issuedcommand",
          "commanddelivery", "processdeadline", "aggregatesnapshot")  # fmt: skip
VIEWS = tuple(f"view_{model}" for model in MODELS)
HOLD_PAYLOAD = [
    (model, field)
    for model, model_admin in admin.site._registry.items()
    if isinstance(model_admin, PayloadAdmin)
    for field in model_admin.payload_fields
]


def status(client: Client, model: str, lookup: str, value: str = "x") -> int:
    return client.get(f"/admin/event_store/{model}/", {lookup: value}).status_code


@pytest.fixture
def failure(orders: dict[str, Any]) -> FailedEvent:
    return FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=orders["waiting"].global_position,
        sequence="42", attempts=5, parked_at=timezone.now(), last_failed_at=timezone.now(), error="broken",
        status="skipped", skipped_at=timezone.now(), skipped_by="olga", skip_reason="s3cret",
    )  # fmt: skip


@pytest.fixture
def deadline(orders: dict[str, Any]) -> ProcessDeadline:
    process = Process.objects.get(key="41")
    return ProcessDeadline.objects.create(
        process=process, name="s3cret", due_at=timezone.now(), set_by=process.steps.first()
    )


@pytest.mark.parametrize(("model", "field"), HOLD_PAYLOAD)
def test_no_filter_asks_about_what_may_not_be_seen(
    sign_in: Callable[..., Client], model: type[Model], field: str
) -> None:
    without, reader = sign_in(*VIEWS), sign_in(*VIEWS, "view_payload", username="berta")
    name = str(model._meta.model_name)

    assert status(without, name, f"{field}__startswith") == 400
    assert status(without, name, f"{field}__isnull", "0") == 400
    assert status(without, name, field) == 400
    assert status(reader, name, f"{field}__isnull", "0") == 200


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("storedevent", "data__text__startswith"),
        ("storedevent", "metadata__user"),
        ("issuedcommand", "data__order_id"),
        ("processstep", "state_before__icontains"),
        ("failedevent", "event__data__text"),
        ("failedevent", "subscription__last_error__startswith"),
        ("subscription", "failures__error__startswith"),
        ("commanddelivery", "command__data__order_id"),
        ("stream", "links__event__data__text"),
        ("processdeadline", "set_by__state_before__icontains"),
    ],
)
def test_neither_keys_nor_relations_lead_to_it(sign_in: Callable[..., Client], model: str, lookup: str) -> None:
    assert status(sign_in(*VIEWS), model, lookup) == 400


def test_other_filters_stay(sign_in: Callable[..., Client], orders: dict[str, Any]) -> None:
    client = sign_in(*VIEWS)

    for model, lookup, value in (
        ("storedevent", "type__startswith", "sample."),
        ("failedevent", "status__exact", "parked"),
        ("failedevent", "subscription__id__exact", "1"),
        ("commanddelivery", "command__outcome__exact", "waiting"),
        ("stream", "name", "Order$41"),
    ):
        assert status(client, model, lookup, value) == 200


@pytest.mark.parametrize(
    ("model", "lookup"),
    [("stream", "name__regex"), ("storedevent", "data__text__iregex"), ("worker", "name__iregex")],
)
def test_patterns_are_for_nobody(client: Client, model: str, lookup: str) -> None:
    client.force_login(User.objects.create_superuser("root"))

    assert status(client, model, lookup, "(a+)+$") == 400


def test_the_reason_of_a_skip_is_for_those_who_may_see_payloads(
    sign_in: Callable[..., Client], failure: FailedEvent
) -> None:
    without, reader = sign_in(*VIEWS), sign_in(*VIEWS, "view_payload", username="berta")
    LogEntry.objects.log_actions(
        user_id=User.objects.get(username="anna").pk, queryset=[failure], action_flag=CHANGE,
        change_message="Skipped: skipped: s3cret.", single_object=True,
    )  # fmt: skip
    page = f"/admin/event_store/failedevent/{failure.pk}"

    assert "s3cret" not in without.get(f"{page}/change/").text
    assert "s3cret" in reader.get(f"{page}/change/").text
    assert without.get(f"{page}/history/").status_code == 403
    assert "s3cret" in reader.get(f"{page}/history/").text


def test_the_name_of_a_deadline_is_for_those_who_may_see_payloads(
    sign_in: Callable[..., Client], deadline: ProcessDeadline
) -> None:
    without, reader = sign_in(*VIEWS), sign_in(*VIEWS, "view_payload", username="berta")

    for path in ("", f"{deadline.pk}/change/"):
        page = without.get(f"/admin/event_store/processdeadline/{path}")
        assert page.status_code == 200
        assert "s3cret" not in page.text
        assert "s3cret" in reader.get(f"/admin/event_store/processdeadline/{path}").text
