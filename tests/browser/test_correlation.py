"""The page of a conversation: what led to what, in a picture and in a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpRequest
from django.test import Client

from browser.policy import BrowserPolicy, Hidden
from event_store import NewEvent, RecordedEvent, event_store
from event_store.immutability import changes_allowed
from event_store.models import IssuedCommand, Process, ProcessStep, StoredEvent
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.queries import queries
from tests.browser.words import words
from tests.event_store.sample import CatererSaidYes, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db
EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}</title>\u202e"


def page_of(correlation_id: UUID | None, mount: str = ADMIN) -> str:
    return f"{mount}correlations/{correlation_id}/"


def converse(*streams: str, correlation_id: UUID | None = None) -> UUID:
    """One event after the other in one conversation, each caused by the one before."""
    conversation, cause = correlation_id or uuid4(), None
    for number, stream in enumerate(streams):
        event = NewEvent(Noted(text=f"n{number}"), correlation_id=conversation, causation_id=cause)
        cause = event_store.append(event, stream=stream)[0].id
    return conversation


def types(page: Any) -> list[str]:
    return [row.message.type for row, _summary in page.context["rows"]]


# ---- what it says


def test_events_and_the_command_between_them_are_told_one_after_the_other(client: Client, orders: Any) -> None:
    page = client.get(page_of(orders["confirmed"].correlation_id))

    assert types(page) == ["sample.CatererSaidYes", "sample.Confirm", "sample.Confirmed"]
    assert "Conversation begun by CatererSaidYes" in words(page)
    assert "Events 2 Commands 1 Streams 2" in words(page)
    assert "Accepted, because both said yes" in words(page)
    assert [row.cause.type if row.cause else "" for row, _summary in page.context["rows"]] == [
        "",
        "sample.CatererSaidYes",
        "sample.Confirm",
    ]
    assert "nothing in the store" in words(page)


def test_a_command_stands_before_what_it_led_to_whatever_its_clock_says(client: Client, orders: Any) -> None:
    confirmed = orders["confirmed"]
    IssuedCommand.objects.update(issued_at=confirmed.recorded_at + timedelta(hours=1))
    [caterer, command, effect] = [row for row, _ in client.get(page_of(confirmed.correlation_id)).context["rows"]]

    assert command.message.moment == effect.message.moment == confirmed.recorded_at
    assert effect.pause == effect.delay == timedelta(0)
    IssuedCommand.objects.update(issued_at=confirmed.recorded_at - timedelta(hours=1))
    page = client.get(page_of(confirmed.correlation_id))
    assert types(page)[1] == "sample.Confirm"
    assert page.context["rows"][1][0].message.moment == caterer.message.moment


def test_a_command_that_led_to_nothing_stands_where_its_clock_says(client: Client, orders: Any) -> None:
    conversation, confirmed = orders["caterer"].correlation_id, orders["confirmed"]
    with changes_allowed():
        StoredEvent.objects.filter(event_id=confirmed.id).update(causation_id=None)
    IssuedCommand.objects.update(issued_at=confirmed.recorded_at + timedelta(minutes=1))

    assert types(client.get(page_of(conversation))) == ["sample.CatererSaidYes", "sample.Confirmed", "sample.Confirm"]


def test_a_cause_elsewhere_is_looked_for_by_its_id(client: Client) -> None:
    conversation, cause = uuid4(), uuid4()
    event_store.append(NewEvent(Noted(), correlation_id=conversation, causation_id=cause), stream="s")
    page = client.get(page_of(conversation))

    assert f'href="{ADMIN}find/?q={cause}"' in page.text
    assert "not on this page:" in words(page)


def test_one_event_is_a_conversation_too(client: Client) -> None:
    page = client.get(page_of(converse("alone")))

    assert "Events 1 Commands 0 Streams 1 From first to last 0 ms" in words(page)
    assert page.text.count('<g class="mark">') == 1
    assert "compare them" not in page.text


def test_an_event_of_a_deleted_stream_stays_in_its_conversation(client: Client) -> None:
    conversation = converse("kept", "gone")
    event_store.delete_stream("gone")
    page = client.get(page_of(conversation))

    assert [lane.stream for lane in page.context["picture"].lanes] == ["kept", None]
    assert "deleted stream" in words(page)
    assert f'href="{ADMIN}streams/gone/"' not in page.text


def test_a_conversation_that_is_not_there_is_not_found(client: Client, orders: Any) -> None:
    nobody = uuid4()
    page = client.get(page_of(nobody))

    assert page.status_code == 404
    assert f"There is no conversation {nobody}" in page.text
    assert 'class="es-nav"' in page.text
    for bad in ("correlations/abc/", f"correlations/{nobody}x/", "correlations/"):
        assert client.get(ADMIN + bad).status_code == 404


@pytest.mark.parametrize("query", ["?after=x", "?before=99999999999999999999", "?after=-5"])
def test_a_bad_place_in_a_conversation_is_not_found(client: Client, query: str) -> None:
    assert client.get(page_of(converse("s")) + query).status_code == 404


def test_everything_in_the_picture_is_also_in_the_table(client: Client, orders: Any) -> None:
    for conversation in (orders["confirmed"].correlation_id, converse("a", "b", "a", "c")):
        page = client.get(page_of(conversation)).text
        marks = re.findall(r'<g class="mark">.*?<a href="([^"]+)" aria-label="([^"]+)"', page)
        table = page.partition("<tbody>")[2]
        assert marks
        assert [href for href, _name in marks if f'href="{href}"' not in table] == []
        assert all(
            re.fullmatch(r"(event|command) sample\.\w+ (in|of) \S+, \d\d:\d\d:\d\d.*", name) for _, name in marks
        )
        assert "style=" not in page.partition('class="es"')[2]


def test_idle_time_is_folded_unless_the_true_scale_is_asked_for(client: Client) -> None:
    conversation = converse("a", "b")
    with changes_allowed():
        first, last = StoredEvent.objects.filter(correlation_id=conversation).order_by("pk")
        StoredEvent.objects.filter(pk=first.pk).update(recorded_at=last.recorded_at - timedelta(days=3))
    folded = client.get(page_of(conversation))
    true = client.get(f"{page_of(conversation)}?idle=1")

    assert "3\u00a0d, nothing happened" in folded.text
    assert 'href="?idle=1"' in folded.text
    assert "nothing happened" not in true.text
    assert "Fold idle time" in true.text


# ---- pages


def test_a_long_conversation_goes_on_on_further_pages(client: Client) -> None:
    conversation = converse(*["s"] * 405)
    seen: list[str] = []
    url, steps = page_of(conversation), 0
    while url and steps < 9:
        page = client.get(url)
        seen += [summary for _row, summary in page.context["rows"]]
        url, steps = page.context["page"].later and page_of(conversation) + page.context["page"].later, steps + 1

    assert seen == [f"text=n{number}" for number in range(405)]
    assert steps == 3
    back = client.get(page_of(conversation) + page.context["page"].earlier)
    assert [summary for _row, summary in back.context["rows"]] == seen[200 + 5 - 5 : 400]
    assert client.get(page_of(conversation) + back.context["page"].first).context["page"].first == ""
    last = client.get(page_of(conversation) + back.context["page"].last)
    assert [summary for _row, summary in last.context["rows"]] == seen[205:]
    assert "200 on this page; there are more" in words(back)


def test_behind_the_last_event_there_is_a_way_back(client: Client) -> None:
    conversation = converse("s")
    page = client.get(f"{page_of(conversation)}?after=9000000")

    assert page.status_code == 200
    assert "No event stands on this side of the position." in words(page)
    assert page.context["page"].first == "?"


def test_a_picture_keeps_its_place_when_its_scale_changes(client: Client) -> None:
    conversation = converse(*["s"] * 3)
    first = StoredEvent.objects.filter(correlation_id=conversation).order_by("pk")[0].pk
    page = client.get(f"{page_of(conversation)}?after={first}&idle=1")

    assert len(page.context["rows"]) == 2
    assert f'<a href="?after={first}">Fold idle time</a>' in page.text


def test_the_number_of_queries_is_small_and_does_not_grow(client: Client, orders: Any) -> None:
    short, long = converse("s"), converse(*(f"s{number}" for number in range(60)))
    for number in range(30):
        conversation = uuid4()
        with event_store.metadata(correlation_id=conversation):
            event_store.publish(CustomerSaidYes(order_id=f"q{number}"), stream=f"Order$q{number}")
    run_subscriptions()

    client.get(ADMIN)
    assert queries(client, page_of(short)) <= 6
    assert queries(client, page_of(long)) == queries(client, page_of(short))
    assert queries(client, page_of(orders["confirmed"].correlation_id)) == queries(client, page_of(short))


# ---- who may see what


def test_without_the_permission_for_processes_no_command_is_shown(sign_in: Callable[..., Client], orders: Any) -> None:
    page = sign_in("view_storedevent", "view_payload").get(page_of(orders["confirmed"].correlation_id))

    assert types(page) == ["sample.CatererSaidYes", "sample.Confirmed"]
    assert "sample.Confirm " not in page.text
    assert "processes/" not in page.text


def test_without_the_permission_for_data_nothing_of_it_is_shown(sign_in: Callable[..., Client], orders: Any) -> None:
    page = sign_in("view_storedevent", "view_process").get(page_of(orders["confirmed"].correlation_id))

    assert "order_id" not in page.text
    assert "both said yes" not in page.text
    assert "Accepted" in page.text


def test_a_conversation_is_for_those_who_may_view_events(sign_in: Callable[..., Client], orders: Any) -> None:
    url = page_of(orders["confirmed"].correlation_id)

    assert sign_in("view_process").get(url).status_code == 403
    assert Client().get(url).status_code == 302


class Without7(BrowserPolicy):
    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "7" not in name

    def may_see_process(self, request: HttpRequest, type: str, key: str) -> bool:
        return key != "41"

    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        return {**event.data, "order_id": Hidden("a secret")}


@pytest.mark.parametrize("mount", [ADMIN, "/es/"])
def test_what_may_not_be_seen_is_in_no_conversation(client: Client, orders: Any, settings: Any, mount: str) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.Without7"}
    page = client.get(page_of(orders["confirmed"].correlation_id, mount))

    assert types(page) == ["sample.Confirmed"]
    for hidden in ("CatererSaidYes", "Caterer$7", "Agreement", "both said yes", f"events/{orders['caterer'].id}/"):
        assert hidden not in page.text, hidden
    assert "order_id=hidden: a secret" in words(page)
    assert "Rows that you may not see are left out." in words(page)
    assert [lane.stream for lane in page.context["picture"].lanes] == ["Order$41"]


def test_a_conversation_of_which_nothing_may_be_seen_says_so(client: Client, settings: Any) -> None:
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.Without7"}
    page = client.get(page_of(converse("secret7")))

    assert page.status_code == 200
    assert "secret7" not in page.text
    assert "Rows that you may not see are left out." in words(page)
    assert "<g class=" not in page.text


def test_a_policy_costs_no_query_at_all(client: Client, orders: Any, settings: Any) -> None:
    client.get(ADMIN)
    before = queries(client, page_of(orders["confirmed"].correlation_id))
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.Without7"}

    assert queries(client, page_of(orders["confirmed"].correlation_id)) == before


# ---- hostile names, many streams


def test_markup_in_names_is_text_in_the_picture_too(client: Client) -> None:
    conversation = uuid4()
    for event in (CustomerSaidYes(order_id=EVIL), CatererSaidYes(order_id=EVIL)):
        event_store.publish(NewEvent(event, correlation_id=conversation), stream=f"Order${EVIL}")
    run_subscriptions()
    page = client.get(page_of(conversation)).text

    assert Process.objects.get(key=EVIL).status == "completed"
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "‹U+202E›" in page
    assert "49" not in page.partition("{{7*7}}")[0][-20:]
    assert page.count("</title>") == page.count("<title")


def test_streams_too_many_for_a_picture_share_its_last_lane(client: Client) -> None:
    page = client.get(page_of(converse(*(f"s{number}" for number in range(30)))))
    lanes = page.context["picture"].lanes

    assert [lane.stream for lane in lanes[:19]] == [f"s{number}" for number in range(19)]
    assert lanes[19].others == 11
    assert "11 more streams" in words(page)
    assert page.text.count('<g class="mark">') == 30
    assert f'href="{ADMIN}streams/s29/"' in page.text


# ---- the ways to it


def test_a_conversation_is_found_by_its_id_and_linked_from_its_events(client: Client, orders: Any) -> None:
    conversation = orders["confirmed"].correlation_id
    nobody = uuid4()
    event_store.append(NewEvent(Noted(), correlation_id=nobody), stream="s")
    link = f'href="{page_of(conversation)}"'

    assert client.get(f"{ADMIN}find/", {"q": nobody}).headers["Location"] == page_of(nobody)
    assert link in client.get(f"{ADMIN}events/{orders['confirmed'].id}/").text
    assert link in client.get(f"{ADMIN}events/?correlation={conversation}").text


def test_its_streams_are_compared_from_its_beginning_on(client: Client, orders: Any) -> None:
    conversation = converse(*(f"s{number}" for number in range(8)))
    page = client.get(page_of(conversation))
    [query] = re.findall(r'href="[^"]*swimlane/\?([^"]+)"', page.text)
    first = StoredEvent.objects.filter(correlation_id=conversation).order_by("pk")[0]

    assert unescape(query) == "s=s0&s=s1&s=s2&s=s3&s=s4&s=s5&" + f"after={first.pk - 1}"
    beside = client.get(f"{ADMIN}swimlane/?{unescape(query)}")
    assert [each.event.event_id for each in _shown(beside)][:1] == [first.event_id]


def _shown(page: Any) -> Sequence[Any]:
    return [each for moment in page.context["moments"] for cell in moment.cells for each in cell]


def test_a_deadline_has_a_sign_of_its_own(client: Client) -> None:
    conversation = converse("s")
    with changes_allowed():
        StoredEvent.objects.filter(correlation_id=conversation).update(type="event_store.DeadlineReached")
    page = client.get(page_of(conversation))

    assert '<circle class="deadline" r="5"/>' in page.text
    assert 'href="#es-ring"' in page.text


def test_steps_that_many_processes_took_are_shown_up_to_a_limit(
    client: Client, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.correlation.MOST_COMMANDS", 1)
    command, step = IssuedCommand.objects.get(), ProcessStep.objects.get(process__key="41", number=1)
    command.pk, command.command_id, command.step = None, uuid4(), step
    command.save()
    page = client.get(page_of(orders["confirmed"].correlation_id))

    assert page.context["commands"] == 1
    assert "1 shown; there are more" in words(page)
