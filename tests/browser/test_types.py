"""The catalogue of types and the page of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.db.models import JSONField, Value
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.converters import escape_name
from browser.policy import BrowserPolicy
from event_store import Command, Event, RecordedEvent, event_store, subscriber, type_summaries
from event_store.immutability import changes_allowed
from event_store.models import StoredEvent
from event_store.testing import isolated_registries, run_subscriptions
from tests.browser.conftest import ADMIN
from tests.browser.forbidden_sql import fault_of
from tests.browser.queries import queries
from tests.browser.words import words, words_of
from tests.event_store.sample import HOSTILE_NAMES, Counted, Noted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    with isolated_registries():
        yield


def row_of(page: Any, type_name: str) -> str:
    """The words of a type's row in the catalogue."""
    rows = re.findall(r"<tr>.*?</tr>", page.text, re.DOTALL)
    [row] = [each for each in rows if f'title="{type_name}"' in each.partition("</td>")[0]]
    return words_of(row)


def store(type_name: str, data: Any = None, *, stream: str = "s") -> RecordedEvent[Any]:
    """An event of a type that no class has."""
    [event] = event_store.append(Noted(), stream=stream)
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(type=type_name, data=data or {})
    return event


# ---- the catalogue


def test_the_catalogue_says_of_each_type_how_often_when_where_and_who_wants_it(client: Client, orders: Any) -> None:
    page = client.get(f"{ADMIN}types/")

    assert re.fullmatch(
        r"CustomerSaidYes 2 \d+ \w+ [\d:]+ · \d+\ss ago Order Agreement tests.event_store.sample",
        row_of(page, "sample.CustomerSaidYes"),
    )
    assert "0 not seen yet – nobody tests.event_store.sample" in row_of(page, "sample.Everything")
    # Every process manager that sets a deadline wants it: those of other tests stand beside Agreement.
    assert re.search(r"– .*\w event_store\.processes\.events$", row_of(page, "event_store.DeadlineReached"))
    assert f'href="{ADMIN}types/sample.Noted/"' in page.text
    assert f'href="{ADMIN}streams/?category=Caterer"' in page.text
    assert f'href="{ADMIN}processes/Agreement/"' in page.text
    assert re.search(r'href="[^"]*/types/"[^>]* aria-current="page"[^>]*>Types<', page.text)


def test_a_type_whose_class_is_gone_is_unknown_to_this_code(client: Client) -> None:
    store("gone.Forgotten")

    assert "unknown to this code" in row_of(client.get(f"{ADMIN}types/"), "gone.Forgotten")
    assert "unknown to this code" not in row_of(client.get(f"{ADMIN}types/"), "sample.Noted")
    page = client.get(f"{ADMIN}types/gone.Forgotten/")
    assert "no code that is loaded here declares it" in page.text


def test_a_count_ends_and_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type_summaries, "COUNTED_UP_TO", 10)
    monkeypatch.setattr("browser.templatetags.event_store_browser.COUNTED_UP_TO", 10)
    event_store.append([Noted() for _ in range(12)], stream="s")

    assert row_of(client.get(f"{ADMIN}types/"), "sample.Noted").startswith("Noted 10+ ")


def test_subscribers_of_all_events_want_unknown_types_too(client: Client) -> None:
    store("gone.Forgotten")
    subscriber(Event, durable=True, name="everything")(lambda event: None)
    subscriber(Noted, name="notes at once")(lambda event: None)
    subscriber(Noted, durable=True, name="notes of orders", category="Order")(lambda event: None)
    page = client.get(f"{ADMIN}types/")

    assert f'href="{ADMIN}handlers/everything/"' in page.text
    assert "everything unknown to this code" in row_of(page, "gone.Forgotten")
    assert "everything notes of orders in the category Order notes at once" in row_of(page, "sample.Noted")
    assert "everything notes of orders in the category Order notes at once at once" in words(
        client.get(f"{ADMIN}types/sample.Noted/")
    )


def test_commands_are_listed_with_their_handlers(client: Client) -> None:
    type("Unheard", (Command,), {"__module__": "nowhere"}, type="x.Unheard")
    page = words(client.get(f"{ADMIN}types/"))

    assert "Confirm tests.event_store.sample.confirm tests.event_store.sample" in page
    assert "Unheard nobody nowhere" in page


def test_many_types_are_paged_and_cost_no_more_queries(client: Client) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{ADMIN}types/").status_code == 200
        return [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]

    before = queries()
    for number in range(130):
        store(f"many.Type{number:03}", stream=f"Many${number}")
    seen, url = [], f"{ADMIN}types/"
    while url:
        page = client.get(url)
        seen.append([row.name for row in page.context["page"].rows])
        url = page.context["page"].later and f"{ADMIN}types/{page.context['page'].later}"

    assert len(queries()) == len(before) <= 5
    assert [fault_of(each) for each in queries() if fault_of(each)] == []
    assert [len(each) for each in seen[:-1]] == [100] * (len(seen) - 1)
    everything = [name for each in seen for name in each]
    assert everything == sorted(set(everything))
    assert {f"many.Type{number:03}" for number in range(130)} | {"sample.Everything"} <= set(everything)
    assert "Commands" not in words(client.get(f"{ADMIN}types/?from=many.Type100"))


@pytest.mark.parametrize("start", ["%00", "zzzz", "%ED%A0%80", "~" * 300])
def test_any_place_to_go_on_from_is_a_page(client: Client, start: str) -> None:
    assert client.get(f"{ADMIN}types/?from={start}").status_code == 200


# ---- the page of a type


def test_a_type_tells_what_is_declared_and_what_was_seen(client: Client) -> None:
    event_store.append([Noted(text="first"), Noted(text="second")], stream="Order$1")
    store("sample.Noted", {"volume": 11, "dish": {"price": 2}}, stream="Kitchen$1")
    page = client.get(f"{ADMIN}types/sample.Noted/")
    rows = {row.name: (row.declared is not None, row.share) for row in page.context["fields"]}

    assert rows == {"text": (True, 67), "volume": (False, 33), "dish": (False, 33), "dish.price": (False, 33)}
    assert "text str = '' string 67 % \"second\"" in words(page)
    assert "volume seen, not declared number 33 % 11" in words(page)
    assert words(page).count("seen, not declared") == 2
    assert "Seen in the newest 3 events." in page.text
    assert "Written to Order ( flow ), Kitchen ( flow )" in words(page)
    assert f'href="{ADMIN}events/?type=sample.Noted"' in page.text


def test_a_field_that_no_stored_event_has_was_never_seen(client: Client) -> None:
    store("sample.Counted", {"amount": 1})

    assert "number int declared, never seen 0 %" in words(client.get(f"{ADMIN}types/sample.Counted/"))


def test_a_json_type_that_the_declaration_does_not_allow_is_pointed_out(client: Client) -> None:
    store("sample.Counted", {"number": "three"})
    store("sample.Counted", {"number": 3})

    assert "number int number, string not declared: string 100 %" in words(client.get(f"{ADMIN}types/sample.Counted/"))
    event_store.append(Noted(), stream="s")
    assert "not declared" not in words(client.get(f"{ADMIN}types/sample.Noted/"))


def test_a_type_that_was_never_published_has_its_declaration(client: Client) -> None:
    page = words(client.get(f"{ADMIN}types/sample.Everything/"))

    assert "Stored not seen yet" in page
    assert "price Decimal" in page
    assert "declared, never seen" not in page
    assert client.get(f"{ADMIN}types/never.Heard/").status_code == 404


def test_the_causes_of_recent_events_say_what_publishes_them(client: Client, orders: Any) -> None:
    with event_store.caused_by(orders["waiting"]):
        event_store.publish([Noted(), Noted()], stream="s")

    assert "Published because of Confirm of Agreement 1 time" in words(client.get(f"{ADMIN}types/sample.Confirmed/"))
    assert "CustomerSaidYes 2 times" in words(client.get(f"{ADMIN}types/sample.Noted/"))


def test_commands_are_causes_for_those_who_may_see_processes(sign_in: Callable[..., Client], orders: Any) -> None:
    page = sign_in("view_storedevent").get(f"{ADMIN}types/sample.Confirmed/")

    assert "Nothing in the store that recent events name" in words(page)
    assert 'sample.Confirm"' not in page.text


def test_odd_and_huge_data_is_survived_and_said(client: Client) -> None:
    for data in (Value(None, JSONField()), [1], "text", {"a": {"b": None}}, {"long": "x" * 30_000}):
        store("odd.One", data)
    page = client.get(f"{ADMIN}types/odd.One/")

    assert "Seen in the newest 4 events. 1 more was left out, which is too long." in words(page)
    assert len(page.text) < 40_000


def test_stored_schema_versions_are_named_where_they_differ(client: Client) -> None:
    event = store("sample.Noted", {"text": "x"})
    assert "Stored with schema version" not in client.get(f"{ADMIN}types/sample.Noted/").text
    with changes_allowed():
        StoredEvent.objects.filter(pk=event.global_position).update(schema_version=7)

    assert "Stored with schema version 7 (1)." in words(client.get(f"{ADMIN}types/sample.Noted/"))


def test_a_types_page_asks_little_however_many_events_there_are(client: Client, orders: Any) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{ADMIN}types/sample.Confirmed/")
        return [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]

    before = queries()
    for number in range(30):
        event_store.append(Noted(), stream="s", links=[f"l{number}"])
    run_subscriptions()

    assert len(queries()) == len(before) <= 9
    assert [fault_of(each) for each in before if fault_of(each)] == []


def test_without_its_permission_no_value_and_no_path_is_told(sign_in: Callable[..., Client]) -> None:
    store("gone.Forgotten", {"secretpath": "s3cret"})
    client = sign_in("view_storedevent")
    page = client.get(f"{ADMIN}types/gone.Forgotten/")

    assert page.status_code == 200
    assert "secretpath" not in page.text
    assert "s3cret" not in page.text
    assert "it needs the permission to view the data of events" in page.text
    assert Client().get(f"{ADMIN}types/").status_code == 302
    assert sign_in("view_process", username="ben").get(f"{ADMIN}types/").status_code == 403


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "<img src=x onerror=alert(1)>", "x" * 200])
def test_a_hostile_type_is_listed_and_opened_without_a_loss(client: Client, name: str) -> None:
    store(name, {name: name})
    page = client.get(f"{ADMIN}types/")
    urls = [unescape(each) for each in re.findall(rf'href="({ADMIN}types/[^"#?]+/)"', page.text)]
    shown = [client.get(each).context["type"] for each in urls if "sample." not in each and "event_store." not in each]

    assert name in shown
    assert "<img src=x" not in page.text
    assert "<img src=x" not in client.get(f"{ADMIN}types/{escape_name(name)}/").text


# ---- a policy


class WithoutSecrets(BrowserPolicy):
    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "secret" not in name


class Redacting(BrowserPolicy):
    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        return {}


def test_types_of_hidden_events_are_left_out(client: Client, settings: Any) -> None:
    store("gone.Hidden", {"secretpath": 1}, stream="secret")
    store("gone.Shown", {"path": 1}, stream="open")
    event_store.append(Counted(number=47114711), stream="secret")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}
    page = client.get(f"{ADMIN}types/")

    assert "gone.Hidden" not in page.text
    assert "secret" not in page.text
    assert "Only events that you may see count here" in page.text
    assert re.match(r"Shown hidden .* ago open nobody", row_of(page, "gone.Shown"))
    assert "not seen yet" in row_of(page, "sample.Counted")
    assert client.get(f"{ADMIN}types/gone.Hidden/").status_code == 404
    assert "47114711" not in client.get(f"{ADMIN}types/sample.Counted/").text
    assert "Seen in the newest event." in client.get(f"{ADMIN}types/gone.Shown/").text


def test_a_policy_is_asked_without_a_query_per_type(client: Client, settings: Any) -> None:
    store("gone.Shown", stream="Shown$1")
    paths = ["types/", "types/gone.Shown/", "flow/?category=Shown"]
    without = [queries(client, ADMIN + path) for path in paths]
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.WithoutSecrets"}
    for number in range(30):
        store(f"gone.Shown{number}", stream=f"Shown$x{number}")

    # The page of a type asks once more, and does not count.
    assert [queries(client, ADMIN + path) for path in paths] == [without[0] + 1, without[1], without[2] + 1]


def test_a_policy_that_redacts_hides_paths_and_values(client: Client, settings: Any) -> None:
    store("gone.Shown", {"secretpath": "s3cret"}, stream="open")
    settings.EVENT_BROWSER = {"POLICY": f"{__name__}.Redacting"}
    page = client.get(f"{ADMIN}types/gone.Shown/")

    assert "secretpath" not in page.text
    assert "s3cret" not in page.text
    assert "the policy of this site keeps it from you" in page.text


def test_who_reads_another_store_is_not_named(client: Client, orders: Any) -> None:
    for is_durable in (True, False):

        @subscriber(Noted, durable=is_durable, store="archive", name=f"elsewhere {is_durable}")
        def elsewhere(event: RecordedEvent[Noted]) -> None: ...

    @subscriber(Noted, name="here")
    def here(event: RecordedEvent[Noted]) -> None: ...

    page = words(client.get(f"{ADMIN}types/sample.Noted/"))

    assert "here at once" in page
    assert "elsewhere" not in page
