"""Every page: what it says, where it leads, what it asks of the database."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.db.models import JSONField, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import clear_script_prefix, reverse, set_script_prefix
from django.utils import timezone

from browser.converters import escape_name
from event_store import event_store, process_managers
from event_store.immutability import changes_allowed
from event_store.models import CommandDelivery, IssuedCommand, Process, StoredEvent, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.queries import forbidden, queries, statements
from tests.browser.words import words_of
from tests.event_store.sample import HOSTILE_NAMES, Agreement, CatererSaidYes, Counted, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db

# path, what a reader looks for, and the most queries that it may take (session and user are two to four of them)
PAGES = [
    # On PostgreSQL one more: who holds everybody back.
    ("", ["What they are waiting for", "Latest events", "CatererSaidYes"], 10),
    ("streams/", ["Order$41", "Agreement$42", "notes"], 6),
    ("streams/?prefix=Order", ["Order$41", "Order$42"], 6),
    ("streams/?category=Caterer", ["Caterer$7"], 6),
    ("streams/Agreement$41/", ["CustomerSaidYes", "linked", "Agreement"], 7),
    ("streams/notes/", ["Noted", "written here", "text=just so"], 7),
    ("events/", ["sample.Noted", "Order$41"], 7),
    ("events/?type=sample.Noted", ["notes"], 7),
    ("events/?correlation=00000000-0000-0000-0000-000000000000", ["No event belongs to this conversation."], 7),
    ("processes/", ["What they are waiting for", "waiting", "CatererSaidYes", "Agreement"], 8),
    ("processes/Agreement/", ["Confirms an order once both sides have said yes.", "41", "42"], 7),
    ("processes/Agreement/?status=waiting&waiting_for=sample.CatererSaidYes", ["42", "Waiting"], 7),
    (
        "processes/Agreement/41/",
        ["Completed", "Confirm", "because both said yes", "· Accepted", "State after step 2"],
        9,
    ),
    ("processes/Agreement/41/?at=0", ["State before the first step"], 9),
    ("processes/Agreement/41/?at=1", ["State after step 1", "was false"], 9),
    ("processes/Agreement/42/", ["Waiting", "CatererSaidYes for "], 9),
    ("handlers/", ["Agreement", "OK", "up to date"], 7),
    ("types/", ["CustomerSaidYes", "not seen yet", "Confirm", "Agreement"], 5),
    ("types/sample.Noted/", ["sample.Noted", "text", "just so", "Nobody"], 9),
    ("flow/", ["Agreement", "Order", "2 streams"], 5),
    ("flow/?category=Order", ["begins", "CustomerSaidYes", "ends here", "What follows what"], 6),
    ("help/", ["Stuck", "linked"], 5),
    ("find/?q=Ord", ["Order$41", "Order$42"], 11),
    ("find/?q=nothing", ["Nothing is named so"], 11),
    ("find/?q=Confirm", ["Types of events", "Commands"], 12),
    ("find/?q=00000000-0000-0000-0000-000000000000", ["Nothing is named so"], 13),
    ("find/?q=", ["What can be found"], 5),
]


@pytest.mark.parametrize(("path", "words", "queries"), PAGES, ids=[page[0] or "overview" for page in PAGES])
def test_a_page_says_what_its_reader_looks_for(
    client: Client, orders: Any, path: str, words: list[str], queries: int
) -> None:
    client.get(ADMIN)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(ADMIN + path)
    page = unescape(re.sub(r"<[^>]+>", "", response.text))

    assert response.status_code == 200
    assert [word for word in words if word not in page and word not in response.text] == []
    assert len(statements(captured)) <= queries
    assert forbidden(captured) == []
    assert "style=" not in response.text.partition('class="es"')[2]
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert "no-cache" in response.headers["Cache-Control"]


def test_the_number_of_queries_does_not_grow_with_the_rows(client: Client, orders: Any) -> None:
    paths = ["", "streams/", "streams/notes/?size=200", "events/?size=200", "processes/", "processes/Agreement/",
             "handlers/", "find/?q=s", "find/?q=Confirm"]  # fmt: skip
    before = [queries(client, ADMIN + path) for path in paths]
    for number in range(60):
        event_store.append(Noted(text=str(number)), stream="notes", links=[f"s{number}"])
        event_store.append(CustomerSaidYes(order_id=f"x{number}"), stream=f"Order$x{number}")
    run_subscriptions()

    assert [queries(client, ADMIN + path) for path in paths] == before


def test_an_events_page_shows_its_streams_its_cause_and_what_it_caused(client: Client, orders: Any) -> None:
    caterer, confirmed = orders["caterer"], orders["confirmed"]
    cause, effect = client.get(f"{ADMIN}events/{caterer.id}/").text, client.get(f"{ADMIN}events/{confirmed.id}/").text

    assert "shown in 2 streams" in cause
    assert f"{ADMIN}streams/Caterer$7/" in cause
    assert f"{ADMIN}streams/Agreement$41/" in cause
    assert f"{ADMIN}events/{confirmed.id}/" in cause
    assert f"{ADMIN}events/{caterer.id}/" in effect
    assert f"{ADMIN}processes/Agreement/41/?at=2" in effect
    assert "both said yes" in effect
    assert "anna" in cause


def test_a_stream_says_where_its_linked_events_were_written(client: Client, orders: Any) -> None:
    page = client.get(f"{ADMIN}streams/Agreement$41/").text
    text = words_of(page)

    assert "linked from Caterer$7 #0" in text
    assert "linked from Order$41 #0" in text
    assert f'href="{ADMIN}streams/Caterer$7/"' in page
    event_store.delete_stream("Caterer$7")
    assert "the stream it was written to was deleted" in client.get(f"{ADMIN}streams/Agreement$41/").text
    assert "written here" in client.get(f"{ADMIN}streams/Order$41/").text


def test_raw_json_is_what_is_stored(client: Client) -> None:
    [event] = event_store.publish(Counted(number=12345678901234567890123), stream="s")
    response = client.get(f"{ADMIN}events/{event.id}/raw.json")

    assert "12345678901234567890123" in response.text
    assert response.json()["metadata"] == {}
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_position_leads_to_its_event(client: Client, orders: Any) -> None:
    response = client.get(f"{ADMIN}streams/Agreement$41/1/")

    assert response.headers["Location"] == f"{ADMIN}events/{orders['caterer'].id}/?in=Agreement%2441"
    assert client.get(f"{ADMIN}streams/Order$41/0/").status_code == 302
    assert client.get(f"{ADMIN}streams/Order$41/99/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "never/",
        "streams/a/b/c/",
        "streams/never/",
        "streams/~2f/",
        "streams/~00/",
        "processes/Agreement/~00/",
        "events/00000000-0000-0000-0000-000000000000/",
        "events/?before=x",
        "events/?after=99999999999999999999",
        "processes/Never/",
        "processes/Agreement/never/",
        "processes/Agreement/41/?at=3",
        "processes/Agreement/41/?at=abc",
        "processes/Agreement/41/?at=-1",
        "processes/Agreement/?status=waiting&from=nonsense",
        f"streams/s/{2**70}/",
    ],
)
def test_what_is_not_there_is_not_found(client: Client, orders: Any, path: str) -> None:
    page = client.get(ADMIN + path)

    assert page.status_code == 404
    assert 'class="es-nav"' in page.text
    assert '<h1 class="es-title">Not found</h1>' in page.text


def test_what_is_not_there_is_named(client: Client, orders: Any) -> None:
    assert "There is no stream &lt;b&gt;" in client.get(f"{ADMIN}streams/{escape_name('<b>')}/").text
    assert client.get(f"{ADMIN}streams").headers["Location"] == f"{ADMIN}streams/"
    assert Client().get("/es/never/").status_code == 302


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_stream_name_is_listed_opened_and_linked_without_a_loss(client: Client, name: str) -> None:
    [event] = event_store.publish(Noted(text=name), stream=name)
    listed = links(client.get(f"{ADMIN}streams/?prefix=").text, "streams/")
    [url] = [each for each in listed if escape_name(name) in unquote(each)]
    page = client.get(unquote(url))

    assert page.status_code == 200
    assert page.context["stream"].name == name
    [event_url] = {each for each in all_links(page.text) if str(event.id) in each}
    shown = client.get(event_url)
    assert [each.stream for each in shown.context["streams"]] == [name]
    assert {unquote(each) for each in links(shown.text, "streams/") if escape_name(name) in unquote(each)} == {
        unquote(url)
    }


def links(page: str, part: str) -> list[str]:
    return [
        each for each in all_links(page) if each.startswith(ADMIN + part) and "?" not in each and each != ADMIN + part
    ]


def all_links(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]*)"', page)]


def test_markup_everywhere_is_text(client: Client) -> None:
    evil = "<img src=x onerror=alert(1)>\"'{{7*7}}</title>"
    event_store.publish(CustomerSaidYes(order_id=evil), stream=f"Order${evil}")
    run_subscriptions()
    Process.objects.update(status="failed", last_error=evil)
    Subscription.objects.update(status="failing", last_error=evil)
    for path in ("", "streams/", f"streams/{escape_name('Order$' + evil)}/", "events/", "processes/", "processes/Agreement/",
                 f"processes/Agreement/{escape_name(evil)}/", "handlers/", f"find/?q={evil}"):  # fmt: skip
        page = client.get(ADMIN + path, follow=True).text
        assert "<img src=x" not in page
        assert "49" not in page.partition("{{7*7}}")[0][-20:]
        assert page.count("</title>") == page.count("<title")


def test_a_process_that_waits_too_long_is_stuck_and_says_why(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(0))

    for path in ("", "processes/", "processes/Agreement/?status=stuck", "processes/Agreement/42/"):
        assert "Stuck" in client.get(ADMIN + path).text
    assert "Has waited for CatererSaidYes longer than 0\u00a0s" in client.get(f"{ADMIN}processes/").text


def test_a_process_whose_deadline_nobody_has_handled_is_stuck_and_says_so(client: Client, orders: Any) -> None:
    waiting = Process.objects.filter(key="42")
    waiting.update(next_deadline=timezone.now() - timedelta(seconds=30))
    assert "Stuck" not in client.get(f"{ADMIN}processes/Agreement/42/").text
    waiting.update(next_deadline=timezone.now() - timedelta(minutes=5))

    for path in ("", "processes/", "processes/Agreement/42/"):
        assert "Its deadline passed 5\u00a0min ago, and nobody has handled it" in client.get(ADMIN + path).text
    assert "Stuck" in client.get(f"{ADMIN}processes/Agreement/?status=stuck").text


def test_a_command_for_the_outside_shows_how_its_delivery_goes(client: Client, orders: Any) -> None:
    issued = IssuedCommand.objects.get(process__key="41")
    delivery = CommandDelivery.objects.create(
        command=issued, process=issued.process, attempts=2, next_attempt_at=timezone.now(), error="TimeoutError: <b>"
    )
    path = f"{ADMIN}processes/Agreement/41/"

    def shown() -> str:
        return words_of(client.get(path).text)

    issued.outcome = IssuedCommand.Outcome.PENDING
    issued.save()
    assert "2 attempts at delivering it, the next one" in shown()
    assert "TimeoutError: &lt;b&gt;" in client.get(path).text
    CommandDelivery.objects.update(next_attempt_at=None, attempts=0)
    assert "0 attempts at delivering it: it waits behind an earlier command" in shown()
    delivery.delete()
    IssuedCommand.objects.update(outcome="skipped", skipped_by="ann", skip_reason="paid in cash")
    assert "Skipped by ann: paid in cash" in shown().replace(" : ", ": ")


def test_stuck_processes_are_counted_and_listed_as_some_of_those_that_wait(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(hours=1))
    event_store.publish(CustomerSaidYes(order_id="43"), stream="Order$43")
    run_subscriptions()
    Process.objects.filter(key="43").update(waiting_since=timezone.now() - timedelta(hours=2))
    board = client.get(f"{ADMIN}processes/").text
    text = words_of(board)
    [stuck] = re.findall(r'href="([^"]*)" aria-label="1 stuck process"', board)

    assert "2 waiting 1 of them stuck 0 failed 1 completed" in text
    assert [row.key for row in client.get(unescape(stuck)).context["page"].rows] == ["43"]
    assert "all waiting of them stuck failed completed" in words_of(client.get(f"{ADMIN}processes/Agreement/").text)


def test_where_more_need_attention_than_are_shown_the_rest_is_linked(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(0))
    assert "All that need attention" not in client.get(ADMIN).text
    event_store.append([CustomerSaidYes(order_id=f"x{number}") for number in range(10)], stream="s")
    run_subscriptions()

    overview, board = client.get(ADMIN), client.get(f"{ADMIN}processes/")
    assert len(overview.context["attention"].rows) == 10
    assert f'href="{ADMIN}processes/#es-attention"' in overview.text
    assert len(board.context["attention"].rows) == 11
    assert "there are more" not in board.text
    monkeypatch.setattr("browser.views.processes.MOST_ATTENTION", 5)
    board = client.get(f"{ADMIN}processes/")
    assert "The first 5; there are more." in board.text
    assert f'href="{ADMIN}processes/Agreement/?status=stuck"' in board.text


def test_an_age_keeps_its_distance_from_a_date(client: Client, orders: Any) -> None:
    with event_store.clock(lambda: timezone.now() - timedelta(days=3, hours=4, minutes=1)):
        event_store.append(Noted(), stream="old")
    Process.objects.update(waiting_since=timezone.now() - timedelta(hours=9, minutes=1))

    assert re.search(r"</time> <span[^>]*>·\u00a03\u00a0d\u00a04\u00a0h ago</span>", client.get(f"{ADMIN}events/").text)
    assert re.search(r">9\u00a0h\u00a01\u00a0min</b>\u00a0· <time", client.get(f"{ADMIN}processes/").text)


def test_a_type_that_is_not_loaded_is_not_called_gone(client: Client, orders: Any) -> None:
    del process_managers["Agreement"]

    for path in ("processes/Agreement/", "processes/Agreement/41/"):
        page = client.get(ADMIN + path)
        assert page.status_code == 200
        assert "No code that is loaded here declares this type" in page.text


@pytest.mark.parametrize(
    ("waiting_for", "words"),
    [
        ("*", "any event it reacts to"),
        ("sample.Noted | *", "Noted or any event it reacts to"),
        ("* & sample.Noted", "any event it reacts to and Noted"),
    ],
)
def test_any_event_is_said_in_words(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch, waiting_for: str, words: str
) -> None:
    monkeypatch.setattr(Agreement, "stuck_after", timedelta(0))
    Process.objects.filter(key="42").update(waiting_for=waiting_for)
    board = words_of(client.get(f"{ADMIN}processes/").text)

    assert board.count(f" {words} ") == 2
    assert f"Has waited for {words} longer than" in board


def test_a_fold_that_raises_shows_the_steps_before_it(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Agreement.apply

    def raises_for_the_caterer(self: Agreement, state: Any, event: Any) -> Any:
        if isinstance(event.data, CatererSaidYes):
            raise ZeroDivisionError("by nothing")
        return original(self, state, event)

    monkeypatch.setattr(Agreement, "apply", raises_for_the_caterer)
    page = client.get(f"{ADMIN}processes/Agreement/41/")

    assert page.status_code == 200
    assert "ZeroDivisionError" in page.text
    assert "CustomerSaidYes" in page.text
    assert client.get(f"{ADMIN}processes/Agreement/41/?at=1").status_code == 200


def test_events_whose_class_is_gone_and_whose_data_is_odd_are_shown(client: Client) -> None:
    [event] = event_store.publish(Noted(), stream="s")
    for data in (Value(None, JSONField()), [1], "text", {"a": {"b": None}}, "x" * 100_000):
        with changes_allowed():
            StoredEvent.objects.filter(pk=event.global_position).update(type="gone.Forgotten", data=data)
        for path in ("", "events/", "streams/s/", f"events/{event.id}/"):
            assert client.get(ADMIN + path).status_code == 200


# ---- mounts


@pytest.mark.parametrize("mount", [ADMIN, "/es/", "/operations/event_store_browser/eventstore/"])
def test_links_stay_in_their_mount(client: Client, orders: Any, mount: str) -> None:
    for path in (
        "",
        "streams/",
        "streams/Agreement$41/",
        f"events/{orders['caterer'].id}/",
        "processes/",
        "processes/Agreement/41/",
    ):
        page = client.get(mount + path).text.partition('id="es"')[2]
        found = set(re.findall(r'(?:href|action)="(/[^"]*)"', page))
        # Objects have their pages in the admin that the browser is mounted in.
        own = mount.partition("event_store_browser/")[0]
        assert [each for each in found if each.startswith(mount)] != []
        assert [each for each in found if not each.startswith(own)] == []


WORDS = ["stream", "category", "position", "global position", "written here", "linked", "schema version", "conversation",
         "caused by", "step", "did not send again", "subscription", "checkpoint", "behind"]  # fmt: skip


def test_help_explains_the_words_of_the_pages_and_does_not_lead_to_itself(client: Client, orders: Any) -> None:
    page = client.get(f"{ADMIN}help/").text

    assert [word for word in WORDS if f"<dt>{word}</dt>" not in page] == []
    assert f'href="{ADMIN}help/"' not in page
    assert f'href="{ADMIN}help/"' in client.get(ADMIN).text


@pytest.mark.parametrize(
    ("path", "way_back"),
    [
        ("", []),
        ("streams/?prefix=a", [""]),
        ("streams/Agreement$41/", ["", "streams/"]),
        ("processes/Agreement/", ["", "processes/"]),
        ("processes/Agreement/41/", ["", "processes/", "processes/Agreement/"]),
        ("find/?q=x", [""]),
    ],
)
def test_every_page_has_a_way_back(client: Client, orders: Any, path: str, way_back: list[str]) -> None:
    def crumbs(mount: str) -> list[str]:
        page = client.get(mount + path).text.partition('class="es-crumbs"')[2].partition("</nav>")[0]
        return re.findall(r'<li><a href="([^"]*)"', page)

    assert crumbs(ADMIN) == ["/admin/", *(ADMIN + each for each in way_back)]
    assert crumbs("/es/") == [f"/es/{each}" for each in way_back]


def test_links_keep_the_prefix_of_the_server(client: Client, orders: Any) -> None:
    set_script_prefix("/shop/")
    try:
        page = client.get(f"{ADMIN}streams/").text.partition('id="es"')[2]
    finally:
        clear_script_prefix()

    assert f'href="/shop{ADMIN}streams/Order$41/"' in page


def test_the_admins_index_leads_to_the_overview(client: Client) -> None:
    assert f'href="{ADMIN}"' in client.get("/admin/").text
    assert reverse("admin:event_store_browser:processes") == f"{ADMIN}processes/"
