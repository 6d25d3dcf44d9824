"""What the order desk adds to the event store browser, and the ways between the two."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.utils import timezone

from browser.admin_mixins import EventHistoryMixin
from browser.extension_mistakes import mistakes_in
from browser.extensions import extensions
from catering.admin import OrderSummaryAdmin
from catering.models import OrderSummary
from event_store import event_store
from event_store.models import Process
from event_store.testing import run_subscriptions
from tests.catering.conftest import confirm_both
from tests.catering.factories import CatererFactory, OrderSummaryFactory, StaffFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BROWSER = "/admin/event_store_browser/eventstore/"
EVERYTHING = ("view_storedevent", "view_payload", "view_process", "view_stream", "view_ordersummary", "view_caterer")


@pytest.fixture
def sign_in(db: None) -> Callable[..., Client]:
    def sign_in(*permissions: str, **fields: Any) -> Client:
        user = StaffFactory(**fields)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def confirmed(order: str) -> str:
    confirm_both(order)
    run_subscriptions()
    return order


def links_of(page: str) -> dict[str, str]:
    """The links under the navigation: what they say, and where they lead."""
    part = page.partition('class="es-links"')[2].partition("</ul>")[0]
    return {label: url for url, label in re.findall(r'href="([^"]+)"><bdi>([^<]+)', part)}


def buttons_of(page: str) -> dict[str, str]:
    """The buttons of an object's page in the admin."""
    part = page.partition('class="object-tools"')[2].partition("</ul>")[0]
    return {label.strip(): url for url, label in re.findall(r'href="([^"]+)"[^>]*>([^<]+)', part)}


def test_what_an_apps_event_browser_module_registers_is_found_by_itself() -> None:
    assert [item.label for item in extensions.navigation] == ["Order desk"]
    assert [each.__name__ for each in extensions.panels["process"]] == ["OrderFacts"]


def test_what_the_desk_adds_is_without_mistakes() -> None:
    assert list(mistakes_in(extensions)) == []
    assert finders.find("catering/event_browser.css")


def test_a_process_shows_its_order_from_the_desks_own_table(sign_in: Callable[..., Client], confirmed: str) -> None:
    page = sign_in(*EVERYTHING).get(f"{BROWSER}processes/CateringMatch/{confirmed}/").text
    panel = re.sub(r"<[^>]+>|\s+", " ", page.partition('class="es-added"')[2].partition("</section>")[0])

    assert "The order" in panel
    assert "Anna" in panel
    assert 'href="/static/catering/event_browser.css"' in page
    OrderSummary.objects.all().delete()
    assert "The order" not in sign_in(*EVERYTHING).get(f"{BROWSER}processes/CateringMatch/{confirmed}/").text


def test_the_desks_facts_and_links_are_for_those_who_may_view_orders(
    sign_in: Callable[..., Client], confirmed: str
) -> None:
    page = (
        sign_in("view_storedevent", "view_payload", "view_process")
        .get(f"{BROWSER}processes/CateringMatch/{confirmed}/")
        .text
    )

    assert "The order" not in page
    assert links_of(page).keys() == {"Open in the admin"}
    assert "Order desk" not in page


def test_the_ways_between_an_order_and_its_events_lead_both_ways(
    sign_in: Callable[..., Client], confirmed: str
) -> None:
    client = sign_in(*EVERYTHING)
    of_order = f"/admin/catering/ordersummary/{confirmed}/change/"
    stream, process = f"{BROWSER}streams/Order${confirmed}/", f"{BROWSER}processes/CateringMatch/{confirmed}/"
    buttons = buttons_of(client.get(of_order).text)

    assert buttons["Events"] == stream
    assert buttons["Process"] == process
    for page in (stream, process):
        links = links_of(client.get(page).text)
        assert links[f"Open Order {confirmed} in the admin"] == of_order
        assert links["Order desk"] == f"/orders/{confirmed}/"
    caterer = links_of(client.get(f"{BROWSER}streams/Caterer$green-fork/").text)
    assert caterer["Open The Green Fork in the admin"] == "/admin/catering/caterer/green-fork/change/"
    assert buttons_of(client.get(caterer["Open The Green Fork in the admin"]).text)["Events"].endswith(
        "Caterer$green-fork/"
    )


@pytest.mark.parametrize(
    ("missing", "buttons"),
    [
        ((), {"Events", "Process"}),
        (("view_storedevent",), {"Process"}),
        (("view_process",), {"Events"}),
        (("view_process", "view_storedevent"), set()),
    ],
)
def test_a_button_is_there_for_those_who_may_see_what_it_leads_to(
    sign_in: Callable[..., Client], confirmed: str, missing: tuple[str, ...], buttons: set[str]
) -> None:
    client = sign_in(*(each for each in EVERYTHING if each not in missing))

    page = client.get(f"/admin/catering/ordersummary/{confirmed}/change/").text
    assert buttons_of(page).keys() & {"Events", "Process"} == buttons
    assert page.count(f'streams/Order${confirmed}/"') == ("Events" in buttons)


def test_an_object_without_events_has_no_button(sign_in: Callable[..., Client]) -> None:
    client = sign_in(*EVERYTHING, "add_caterer", "change_caterer")

    for obj in (OrderSummaryFactory(), CatererFactory()):
        page = client.get(f"/admin/catering/{obj._meta.model_name}/{obj.pk}/change/")
        assert page.status_code == 200
        assert buttons_of(page.text).keys() & {"Events", "Process"} == set()
    assert client.get("/admin/catering/caterer/add/").status_code == 200


def test_an_admin_without_the_browser_has_no_button() -> None:
    plain = OrderSummaryAdmin(OrderSummary, AdminSite(name="plain"))

    assert list(plain._link("Events", "stream", "Order$1")) == []


def test_an_admin_page_that_names_neither_stream_nor_process_has_no_button(confirmed: str) -> None:
    request = RequestFactory().get("/")
    request.user = StaffFactory(is_superuser=True)
    silent = EventHistoryMixin(OrderSummary, AdminSite(name="admin"))

    assert list(silent._links(request, OrderSummary.objects.get(pk=confirmed))) == []


def test_processes_of_others_are_no_business_of_the_desks(sign_in: Callable[..., Client]) -> None:
    Process.objects.create(type="Other", key="1", status="waiting", started_at=NOW, updated_at=NOW)
    page = sign_in(*EVERYTHING).get(f"{BROWSER}processes/Other/1/").text

    assert links_of(page).keys() == {"Open in the admin"}


def test_a_link_is_left_out_where_the_object_may_not_be_seen(
    sign_in: Callable[..., Client], confirmed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catering.admin.OrderSummaryAdmin.has_view_permission", lambda *arguments: False)
    links = links_of(sign_in(*EVERYTHING).get(f"{BROWSER}streams/Order${confirmed}/").text)

    assert links.keys() == {"Open in the admin", "Order desk"}


def test_help_names_the_streams_of_this_site(sign_in: Callable[..., Client]) -> None:
    page = sign_in("view_process").get(f"{BROWSER}help/").text

    assert "Streams of this site" in page
    assert "What the signs and words mean" in page


# ---- the policy


@pytest.fixture
def policy(settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": "catering.browser_policy.CateringPolicy"}
    settings.ROOT_URLCONF = "tests.browser.urls"


@pytest.mark.usefixtures("policy")
def test_a_caterer_sees_its_own_stream_and_nothing_else(sign_in: Callable[..., Client], confirmed: str) -> None:
    caterer = sign_in("view_storedevent", "view_payload", "view_process", username="green-fork", is_staff=False)
    event = event_store.events.in_stream("Caterer$green-fork").backward().first()

    assert caterer.get("/es/streams/Caterer$green-fork/").status_code == 200
    assert caterer.get(f"/es/streams/Order${confirmed}/").status_code == 403
    assert caterer.get(f"/es/processes/CateringMatch/{confirmed}/").status_code == 403
    streams = caterer.get("/es/streams/").text
    assert "Caterer$green-fork" in streams
    assert "Order$" not in streams.partition("<tbody")[2]
    assert event is not None
    assert caterer.get(f"/es/events/{event.id}/").status_code == 200


@pytest.mark.usefixtures("policy")
def test_personal_data_is_for_those_who_may_view_orders(sign_in: Callable[..., Client], order: str) -> None:
    placed = event_store.events.in_stream(f"Order${order}").first()
    assert placed is not None
    path = f"{BROWSER}events/{placed.id}/"

    without = sign_in("view_storedevent", "view_payload").get(path).text
    assert "hidden: personal data" in without
    assert "Anna" not in without
    assert "Anna" in sign_in(*EVERYTHING).get(path).text


@pytest.mark.usefixtures("policy")
def test_the_desks_panel_and_button_obey_the_policy(
    sign_in: Callable[..., Client], confirmed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(*EVERYTHING)
    assert "The order" in client.get(f"{BROWSER}processes/CateringMatch/{confirmed}/").text
    assert "Events" in buttons_of(client.get(f"/admin/catering/ordersummary/{confirmed}/change/").text)

    monkeypatch.setattr("catering.browser_policy.CateringPolicy.may_see_stream", lambda *arguments: False)
    monkeypatch.setattr("catering.browser_policy.CateringPolicy.may_see_process", lambda *arguments: False)
    page = client.get(f"/admin/catering/ordersummary/{confirmed}/change/").text
    assert buttons_of(page).keys() & {"Events", "Process"} == set()
    assert client.get(f"{BROWSER}processes/CateringMatch/{confirmed}/").status_code == 403


def test_the_template_that_the_site_replaces_extends_ours() -> None:
    text = (Path(__file__).parent.parent.parent / "templates/browser/help.html").read_text()

    assert text.startswith('{% extends "browser/help.html" %}')
