"""What a project adds to the pages: panels, links, navigation, templates; and what happens when it fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks.registry import registry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.checks import check_extensions
from browser.extension_mistakes import mistakes_in
from browser.extensions import (
    Extensions,
    Link,
    Panel,
    extensions,
    links_for_event,
    links_for_process,
    links_for_stream,
    navigation_item,
    panel,
)
from event_store.models import Stream
from tests.browser.conftest import ADMIN, PERMISSIONS

pytestmark = pytest.mark.django_db
PROCESS = "processes/Agreement/41/"


@pytest.fixture(autouse=True)
def template(settings: Any, tmp_path: Path) -> Callable[[str, str], None]:
    """`template("browser/x.html", "…")`: a template in a folder of the project's."""
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    write("facts.html", "<p>{{ fact }} of {{ subject }}</p>")
    return write


class Facts(Panel):
    title = "Facts <b>"
    template_name = "facts.html"

    class Media:
        css = {"all": ["shop/facts.css"]}
        js = ["shop/facts.js"]

    def context(self, view: Any, subject: Any) -> dict[str, Any] | None:
        return {"fact": "<i>so</i>"}


class Silent(Facts):
    def context(self, view: Any, subject: Any) -> dict[str, Any] | None:
        return None


class Raising(Facts):
    def context(self, view: Any, subject: Any) -> dict[str, Any] | None:
        raise RuntimeError("s3cret")


class AskingWrongly(Facts):
    def context(self, view: Any, subject: Any) -> dict[str, Any] | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM there_is_no_such_table")
        return {}


class OfItsSubject(Panel):
    title = "Subject"
    template_name = "facts.html"


class OfAnotherTemplate(Facts):
    template_name = "broken.html"


def pages_of(orders: dict[str, Any]) -> dict[str, str]:
    event = f"events/{orders['customer'].id}/"
    return {"overview": "", "event": event, "stream": "streams/Order$41/", "process": PROCESS}


# ---- panels


def test_a_panel_stands_on_its_page_and_brings_its_files(client: Client, orders: Any) -> None:
    for page, path in pages_of(orders).items():
        with extensions.isolated():
            panel(on=page)(Facts)
            shown = {name: client.get(ADMIN + each).text for name, each in pages_of(orders).items()}

        assert [name for name, text in shown.items() if "es-added" in text] == [page]
        assert "Facts &lt;b&gt;" in shown[page]
        assert "<p>&lt;i&gt;so&lt;/i&gt; of " in shown[page]
        assert 'href="/static/shop/facts.css"' in shown[page]
        assert '<script src="/static/shop/facts.js"></script>' in shown[page]
        assert "shop/facts.css" not in client.get(ADMIN + path).text


def test_a_panel_that_has_nothing_to_say_is_left_out_with_its_files(client: Client, orders: Any) -> None:
    panel(on="process")(Silent)
    page = client.get(ADMIN + PROCESS).text

    assert "es-added" not in page
    assert "facts.css" not in page


def test_a_panel_may_need_nothing_but_its_subject(client: Client, orders: Any) -> None:
    panel(on="stream")(OfItsSubject)

    assert "<p> of Order$41</p>" in client.get(f"{ADMIN}streams/Order$41/").text


@pytest.mark.parametrize("failing", [Raising, AskingWrongly, OfAnotherTemplate])
def test_a_panel_that_raises_says_so_and_breaks_nothing(
    client: Client, orders: Any, template: Any, caplog: pytest.LogCaptureFixture, failing: type[Panel]
) -> None:
    template("broken.html", "{{ subject.key }}{% include 'there/is/none.html' %}")
    panel(on="process")(failing)
    panel(on="process")(Facts)
    page = client.get(ADMIN + PROCESS)

    assert page.status_code == 200
    assert "This panel failed." in page.text
    assert page.text.count("es-added-1") == 2
    assert "so&lt;/i&gt; of" in page.text
    assert "s3cret" not in page.text
    assert f"The panel {__name__}.{failing.__name__} failed on {ADMIN}{PROCESS}" in caplog.text


def test_a_panel_is_for_those_who_have_its_permissions(
    sign_in: Callable[..., Client], orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel(on="process")(Facts)
    without, reader = sign_in("view_process"), sign_in("view_process", "view_payload", username="berta")

    assert "es-added" not in without.get(ADMIN + PROCESS).text
    assert "es-added" in reader.get(ADMIN + PROCESS).text
    monkeypatch.setattr(Facts, "permissions", ("catering.view_ordersummary", "event_store.view_process"))
    assert "es-added" not in reader.get(ADMIN + PROCESS).text


def test_a_panel_is_closed_to_those_whom_a_policy_limits_unless_it_obeys(
    client: Client, orders: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_BROWSER = {"POLICY": "tests.browser.test_policy.Only41"}
    panel(on="process")(Facts)
    links_for_process()(lambda view, process: [Link("limited link", "/x/")])
    page = client.get(ADMIN + PROCESS).text

    assert "es-added" not in page
    assert "limited link" not in page
    monkeypatch.setattr(Facts, "obeys_policy", True)
    links_for_process(obeys_policy=True)(lambda view, process: [Link("limited link", "/x/")])
    page = client.get(ADMIN + PROCESS).text
    assert "es-added" in page
    assert page.count("limited link") == 1
    # On a page that is withheld nothing is rendered for the visitor.
    assert "es-added" not in client.get(f"{ADMIN}processes/Agreement/42/").text


# ---- links


def test_links_stand_on_the_pages_of_what_they_are_for(client: Client, orders: Any) -> None:
    links_for_event()(lambda view, event: [Link(f"event {event.type}", "/e/")])
    links_for_stream()(lambda view, stream: [Link(f"stream {stream.name}", "/s/")])
    links_for_process()(lambda view, process: [Link(f"process {process.key}", "/p/")])
    pages = pages_of(orders)

    assert 'href="/e/"><bdi>event sample.<wbr>CustomerSaidYes</bdi>' in client.get(ADMIN + pages["event"]).text
    assert 'href="/s/"><bdi>stream Order$41</bdi>' in client.get(ADMIN + pages["stream"]).text
    assert 'href="/p/"><bdi>process 41</bdi>' in client.get(ADMIN + pages["process"]).text


def test_links_of_events_need_the_permission_for_their_data(sign_in: Callable[..., Client], orders: Any) -> None:
    links_for_event()(lambda view, event: [Link(event.data, "/e/")])
    path = f"{ADMIN}events/{orders['customer'].id}/"

    assert "/e/" not in sign_in("view_storedevent").get(path).text
    assert "/e/" in sign_in("view_storedevent", "view_payload", username="berta").get(path).text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " \tJavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x"]
)
def test_a_link_that_would_run_is_left_out(
    client: Client, orders: Any, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    links_for_stream()(lambda view, stream: [Link("fine", "/fine/"), Link("run me", url)])
    links_for_stream()(lambda view, stream: [Link("elsewhere", "https://example.com/")])
    page = client.get(f"{ADMIN}streams/Order$41/").text

    assert "run me" not in page
    assert "https://example.com/" in page
    assert "A page may not link to" in caplog.text


def test_a_model_is_linked_to_its_page_in_the_admin_of_the_mount(sign_in: Callable[..., Client], orders: Any) -> None:
    user = User.objects.create_user("object of links")
    links_for_stream()(lambda view, stream: [user, Stream.objects.get(name="Customer$7")])
    of_user = f'href="/admin/auth/user/{user.pk}/change/"><bdi>Open object of links in the admin</bdi>'
    of_stream = f"/event_store/stream/{Stream.objects.get(name='Customer$7').pk}/change/"
    some, all_of_it = sign_in(*PERMISSIONS), sign_in(*PERMISSIONS, "view_user", "view_stream", username="berta")

    assert "Open " not in some.get(f"{ADMIN}streams/Order$41/").text
    page = all_of_it.get(f"{ADMIN}streams/Order$41/").text
    assert of_user in page
    assert f'href="/admin{of_stream}' in page
    operations = all_of_it.get("/operations/event_store_browser/eventstore/streams/Order$41/").text
    assert f'href="/operations{of_stream}' in operations
    assert "/auth/user/" not in operations
    assert "Open " not in all_of_it.get("/es/streams/Order$41/").text


# ---- navigation


def test_an_item_of_the_navigation_leads_to_a_page_of_the_projects(
    sign_in: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    navigation_item("Desk", "board", permissions=("catering.view_ordersummary",))
    navigation_item("Here", lambda view: view.url("help"))
    navigation_item("Nowhere", lambda view: None)
    navigation_item("Wrong", "there is no such name")
    without, desk = sign_in("view_process"), sign_in("view_process", "view_ordersummary", username="berta")

    def navigation(client: Client) -> list[tuple[str, str]]:
        nav = client.get(ADMIN).text.partition('class="es-nav"')[2].partition("</nav>")[0]
        return re.findall(r'<a href="([^"]+)">([^<]+)</a>', nav)

    assert navigation(without)[-1] == (f"{ADMIN}help/", "Here")
    assert navigation(desk)[-2:] == [("/orders/", "Desk"), (f"{ADMIN}help/", "Here")]
    assert "The navigation item 'Wrong' failed" in caplog.text
    assert "Here" not in sign_in(username="carla").get(ADMIN).text


def test_a_name_in_the_navigation_costs_no_query(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{ADMIN}help/")
        return len(captured)

    before = queries()
    navigation_item("Desk", "board")

    assert queries() == before


# ---- templates


def test_a_template_of_the_projects_takes_the_place_of_ours(client: Client, orders: Any, template: Any) -> None:
    template("browser/_event_row.html", "<tr><td>one row: {{ row.event.type }}</td></tr>")
    template(
        "browser/stream.html",
        '{% extends "browser/stream.html" %}{% block es_facts %}{{ block.super }}<div>mine</div>{% endblock %}',
    )

    assert "one row: sample.Noted" in client.get(f"{ADMIN}events/").text
    page = client.get(f"{ADMIN}streams/notes/").text
    assert "<div>mine</div>" in page
    assert "Category" in page


@pytest.mark.parametrize(
    ("template_name", "blocks"),
    [
        ("frame.html", {"page_title", "heading", "es_links", "page", "es_footer"}),
        ("overview.html", {"es_panels"}),
        ("streams.html", {"es_toolbar", "es_rows"}),
        ("stream.html", {"es_facts", "es_panels", "es_toolbar", "es_rows"}),
        ("events.html", {"es_toolbar", "es_rows"}),
        ("event.html", {"es_facts", "es_panels"}),
        ("process.html", {"es_facts", "es_panels"}),
        ("process_type.html", {"es_facts", "es_rows"}),
        ("help.html", {"es_words"}),
    ],
)
def test_the_blocks_that_a_project_may_fill_are_there_and_documented(template_name: str, blocks: set[str]) -> None:
    root = Path(__file__).parent.parent.parent
    text = (root / "browser/templates/browser" / template_name).read_text()
    [documented] = re.findall(rf"^\| `{template_name}` \|(.*)\|$", (root / "docs/browser.md").read_text(), re.MULTILINE)

    assert blocks <= set(re.findall(r"{% block (\w+) %}", text))
    assert set(re.findall(r"`(\w+)`", documented)) == blocks


# ---- two sites


def test_two_sites_have_their_own_extensions_and_stay_apart(client: Client, orders: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.browser.two_sites"
    first, second = client.get("/first/streams/Order$41/").text, client.get("/second/streams/Order$41/").text

    assert "of the second" not in first
    assert 'href="/of-the-second/"><bdi>of the second' in second
    assert 'href="/first/' in first
    assert "/first/" not in second
    assert "/second/" not in first


def test_an_admin_has_views_and_extensions_of_its_own(client: Client, orders: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.browser.replaced_views"
    path = "event_store_browser/eventstore/streams/Order$41/"
    own, usual = client.get(f"/operations/{path}"), client.get(f"/admin/{path}")

    assert own.context["kept"] == "seven years"
    assert "/of-this-admin/" in own.text
    assert "kept" not in usual.context
    assert "/of-this-admin/" not in usual.text


# ---- mistakes


class Untitled(Panel):
    template_name = "facts.html"


class OfNoTemplate(Facts):
    template_name = "there/is/none.html"


class OfNobody(Facts):
    permissions = ("view_orders", "nowhere.view_order")


class OfLetters(Facts):
    permissions = "event_store.view_payload"  # type: ignore[assignment]


class NoPanel:
    pass


@pytest.mark.parametrize(
    ("register", "said"),
    [
        (lambda mine: mine.panel(on="events")(Facts), "is a panel on 'events', which is no page that has panels"),
        (lambda mine: mine.panel(on="event")(NoPanel), "does not extend browser.extensions.Panel"),
        (lambda mine: mine.panel(on="event")(Untitled), "Untitled has no title"),
        (lambda mine: mine.panel(on="event")(OfNoTemplate), "'there/is/none.html', which does not exist"),
        (lambda mine: mine.panel(on="event")(OfAnotherTemplate), "of tests.browser.test_extensions.OfAnotherTemplate is not valid"),
        (lambda mine: mine.panel(on="event")(OfNobody), "needs the permission 'view_orders', which nobody can have"),
        (lambda mine: mine.panel(on="event")(OfNobody), "'nowhere.view_order', which nobody can have"),
        (lambda mine: mine.panel(on="event")(OfLetters), "are 'event_store.view_payload', not a tuple"),
        (lambda mine: mine.links_for_stream(permissions=("x",))(print), "builtins.print needs the permission 'x'"),
        (lambda mine: mine.navigation_item("Desk", "desk"), "The navigation item 'Desk' leads nowhere"),
        (lambda mine: mine.navigation_item("Desk", "board", permissions=("x",)), "'Desk' needs the permission 'x'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_the_checks(template: Any, register: Callable[[Any], Any], said: str) -> None:
    template("broken.html", "{% nothing %}")
    mine = Extensions()
    register(mine)

    assert said in " ".join(what for what, _hint in mistakes_in(mine))


def test_manage_py_check_looks_at_the_extensions() -> None:
    assert check_extensions in registry.get_checks()
    panel(on="nowhere")(Facts)

    assert [each.id for each in check_extensions()] == ["browser.E002"]
    with extensions.isolated():
        panel(on="event")(Facts)
        navigation_item("Desk", "board")
        links_for_event()(lambda view, event: [])
        assert check_extensions() == []


def test_what_an_isolated_block_registers_is_forgotten() -> None:
    with extensions.isolated():
        panel(on="event")(Facts)
        links_for_event()(lambda view, event: [])
        navigation_item("Desk", "board")

    assert (extensions.panels, extensions.linkers, extensions.navigation) == ({}, {}, [])
