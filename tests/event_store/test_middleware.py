from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path

from event_store import RecordedEvent, event_store, subscriber
from event_store.context import Context
from event_store.middleware import EventMetadataMiddleware, RequestMetadata
from event_store.testing import run_subscriptions
from tests.event_store.sample import Counted, Noted


def publish(request: HttpRequest) -> HttpResponse:
    event_store.publish(Noted(), stream="s")
    return HttpResponse()


@non_atomic_requests
async def publish_in_a_thread(request: HttpRequest) -> HttpResponse:
    await sync_to_async(event_store.publish)(Noted(), stream="s")
    return HttpResponse()


def sign_in(request: HttpRequest) -> HttpResponse:
    login(request, User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    return publish(request)


def do_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@non_atomic_requests
async def do_nothing_later(request: HttpRequest) -> HttpResponse:
    await sync_to_async(do_nothing)(request)
    return HttpResponse()


urlpatterns = [
    path("publish/", publish),
    path("publish-in-a-thread/", publish_in_a_thread),
    path("sign-in/", sign_in),
    path("nothing/", do_nothing),
    path("nothing-later/", do_nothing_later),
]


@pytest.fixture(autouse=True)
def mount(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna")


def published() -> dict[str, Any]:
    event = event_store.events.backward().first()
    assert event is not None
    return dict(event.metadata)


def respond_to(path: str = "/", *, user: Any = None, view: Any = publish, **headers: str) -> dict[str, Any]:
    request = RequestFactory().get(path, headers=headers)
    if user is not None:
        request.user = user
    EventMetadataMiddleware(view)(request)
    return published()


def test_what_is_published_in_a_request_tells_of_it(anna: User) -> None:
    client = Client(headers={"X-Request-ID": "from-the-proxy"})
    client.force_login(anna)
    client.post("/publish/?secret=1")

    assert published() == {
        "request_id": "from-the-proxy",
        "method": "POST",
        "path": "/publish/",
        "user_id": anna.pk,
    }


def test_async_views_and_the_threads_they_use_are_covered(anna: User) -> None:
    client = AsyncClient()
    client.force_login(anna)
    async_to_sync(client.get)("/publish-in-a-thread/", headers={"X-Request-ID": "a"})

    assert published() == {"request_id": "a", "method": "GET", "path": "/publish-in-a-thread/", "user_id": anna.pk}


@pytest.mark.parametrize("is_async", [False, True])
def test_a_request_that_publishes_nothing_asks_for_no_user(anna: User, is_async: bool) -> None:
    client = AsyncClient() if is_async else Client()
    client.force_login(anna)

    with CaptureQueriesContext(connection) as captured:
        if is_async:
            async_to_sync(client.get)("/nothing-later/")
        else:
            client.get("/nothing/")

    assert [each["sql"] for each in captured if "django_session" in each["sql"]] == []


def test_who_signs_in_is_known_from_then_on(anna: User) -> None:
    Client().get("/sign-in/")

    assert published()["user_id"] == anna.pk


@pytest.mark.django_db
@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_without_somebody_signed_in_there_is_no_user_id(user: Any) -> None:
    assert respond_to(user=user).keys() == {"request_id", "method", "path"}


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "stored"), [(7, 7), ("anna", "anna"), (UUID(int=1), str(UUID(int=1)))])
def test_the_users_key_is_a_number_or_a_text(key: Any, stored: Any) -> None:
    assert respond_to(user=SimpleNamespace(is_authenticated=True, pk=key))["user_id"] == stored


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", " ", "x" * 201, "a\tb", "a\x7f", "ünlesbar"])
def test_a_request_id_that_is_no_sane_text_is_replaced_by_a_new_one(given: str) -> None:
    first, second = (respond_to(**{"X-Request-ID": given})["request_id"] for _ in range(2))

    assert UUID(first) != UUID(second)


@pytest.mark.django_db
def test_a_long_and_plain_request_id_is_kept() -> None:
    assert respond_to(**{"X-Request-ID": f" {'x' * 200} "})["request_id"] == "x" * 200


@pytest.mark.django_db
def test_all_that_one_request_publishes_has_one_id() -> None:
    def publish_twice(request: HttpRequest) -> HttpResponse:
        publish(request)
        return publish(request)

    respond_to(view=publish_twice)

    assert len({event.metadata["request_id"] for event in event_store.events}) == 1


@pytest.mark.django_db
def test_a_path_that_cannot_be_stored_fails_nothing() -> None:
    assert respond_to("/a%00b/")["path"] == "/a\\0b/"
    assert respond_to("/" + "é" * 5000)["path"] == "/" + "é" * 999


@pytest.mark.django_db
def test_inner_blocks_win_and_see_the_rest() -> None:
    def override(request: HttpRequest) -> HttpResponse:
        with event_store.metadata(path="hidden", tenant="acme"):
            return publish(request)

    metadata = respond_to("/secret/", view=override)

    assert (metadata["path"], metadata["tenant"], metadata["method"]) == ("hidden", "acme", "GET")


@pytest.mark.django_db
def test_nothing_leaks_out_of_a_request() -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with suppress(RuntimeError):
        EventMetadataMiddleware(fail)(RequestFactory().get("/"))
    event_store.publish(Noted(), stream="s")

    assert published() == {}


def test_durable_handlers_inherit_it(anna: User) -> None:
    @subscriber(Noted, durable=True, name="reader")
    def react(event: RecordedEvent[Noted]) -> None:
        event_store.publish(Counted(number=1), stream="t")

    client = Client()
    client.force_login(anna)
    client.get("/publish/")
    run_subscriptions("reader")
    first, second = event_store.events

    assert (second.metadata, second.metadata["user_id"]) == (first.metadata, anna.pk)


def test_it_reads_like_a_dictionary() -> None:
    metadata = RequestMetadata(RequestFactory().put("/a/"))

    assert (len(metadata), metadata["method"], metadata.get("user_id")) == (3, "PUT", None)


def test_comparing_contexts_asks_no_lazy_metadata() -> None:
    class Unasked(dict[str, Any]):
        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    assert Context(metadata=Unasked()) != Context(metadata=Unasked())
