from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.test import RequestFactory
from django.urls import NoReverseMatch
from django.utils import timezone

from catering.templatetags import catering as tags
from tests.catering.factories import StaffFactory


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0, "0 min"),
        (0.5, "30 min"),
        (2, "2 h"),
        (2.5, "2 h 30 min"),
        (7.5, "7 h"),
        (24, "1 d"),
        (76, "3 d 4 h"),
        (-1, "0 min"),
    ],
)
def test_an_age_has_two_units_at_most(hours: float, expected: str) -> None:
    shown = tags.age(timezone.now() - timedelta(hours=hours))

    assert shown.replace("\u00a0", " ") == expected


def test_the_units_of_an_age_stay_with_their_numbers() -> None:
    assert tags.age(timezone.now() - timedelta(days=3, hours=4)) == "3\u00a0d 4\u00a0h"


def test_no_time_has_no_age() -> None:
    assert tags.age(None) == ""


def test_what_a_process_waits_for_is_joined_by_words() -> None:
    assert tags.awaited("catering.A & catering.B | catering.C") == [
        {"name": "A", "joint": ""},
        {"name": "B", "joint": "and"},
        {"name": "C", "joint": "or"},
    ]


def test_is_before_is_false_for_no_time() -> None:
    now = timezone.now()

    assert tags.is_before(now, now + timedelta(seconds=1))
    assert not tags.is_before(None, now)


@pytest.fixture
def reversed_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "reverse", lambda name, args: f"{name} {args}")


@pytest.mark.django_db
def test_the_browsers_pages_are_linked_for_those_who_may_see_them(reversed_names: None) -> None:
    request = RequestFactory().get("/")
    request.user = StaffFactory(is_superuser=True)

    assert (
        tags.browser_url({"request": request}, "stream", "Order$1") == "admin:event_store_browser:stream ('Order$1',)"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("user", [AnonymousUser, StaffFactory, lambda: StaffFactory(is_staff=False, is_superuser=True)])
def test_the_browsers_pages_are_not_linked_for_others(reversed_names: None, user: type) -> None:
    request = RequestFactory().get("/")
    request.user = user()

    assert tags.browser_url({"request": request}, "stream", "Order$1") == ""


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "linked"), [("process", True), ("processes", True), ("stream", False)])
def test_who_may_see_processes_only_gets_links_to_processes(reversed_names: None, page: str, linked: bool) -> None:
    request = RequestFactory().get("/")
    request.user = StaffFactory()
    request.user.user_permissions.add(Permission.objects.get(codename="view_process"))

    assert bool(tags.browser_url({"request": request}, page)) == linked


@pytest.mark.django_db
def test_without_the_browser_nothing_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    def reverse(name: str, args: object) -> str:
        raise NoReverseMatch(name)

    monkeypatch.setattr(tags, "reverse", reverse)
    request = RequestFactory().get("/")
    request.user = StaffFactory(is_superuser=True)

    assert tags.browser_url({"request": request}, "stream", "Order$1") == ""
