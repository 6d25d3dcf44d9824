"""What a project's policy keeps from visitors stays hidden on every page, and pages that do not know it stay closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from browser.policy import BrowserPolicy, Hidden
from browser.views.base import BrowserView
from event_store import RecordedEvent, event_store
from event_store.models import FailedEvent, IssuedCommand, Process, Subscription
from event_store.testing import run_subscriptions
from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.queries import queries
from tests.browser.words import words
from tests.event_store.sample import Counted, CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db
MOUNTS = [ADMIN, "/es/"]


class Only41(BrowserPolicy):
    """Whatever belongs to order 42 is not for these visitors."""

    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return "42" not in name and "secret" not in name

    def may_see_process(self, request: HttpRequest, type: str, key: str) -> bool:
        return key != "42"


class WithoutText(BrowserPolicy):
    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        return event.data if "text" not in event.data else {**event.data, "text": Hidden("personal data")}


class Careless(BrowserPolicy):
    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        event.data["text"] = Hidden()
        return event.data


class Broken(BrowserPolicy):
    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        raise KeyError("text")


@pytest.fixture
def policy(settings: Any) -> Callable[[type[BrowserPolicy]], None]:
    """`policy(Only41)`: the project's policy from now on."""

    def set_policy(named: type[BrowserPolicy]) -> None:
        settings.EVENT_BROWSER = {"POLICY": f"{__name__}.{named.__name__}"}

    return set_policy


# ---- rows


@pytest.mark.parametrize("mount", MOUNTS)
def test_what_may_not_be_seen_is_on_no_list(
    client: Client, orders: Any, policy: Callable[..., None], mount: str
) -> None:
    policy(Only41)
    Process.objects.filter(key="42").update(status="failed")
    FailedEvent.objects.create(
        subscription=Subscription.objects.get(name="Agreement"), event_id=orders["waiting"].global_position,
        sequence="x", attempts=1, parked_at=orders["waiting"].recorded_at, last_failed_at=orders["waiting"].recorded_at,
    )  # fmt: skip
    lists = ["", "streams/", "streams/?prefix=Order", "events/", "events/?type=sample.CustomerSaidYes", "processes/",
             "processes/Agreement/", "processes/Agreement/?status=failed", "handlers/", "handlers/Agreement/", "find/?q=Or", "find/?q=4"]  # fmt: skip

    for path in lists:
        page = client.get(mount + path, follow=True)
        assert page.status_code == 200
        assert "$42" not in page.text, path
        assert "/42/" not in page.text, path
        assert str(orders["waiting"].id) not in page.text, path
    assert f"{mount}streams/Order$41/" in client.get(f"{mount}streams/").text


@pytest.mark.parametrize("mount", MOUNTS)
def test_the_pages_of_what_may_not_be_seen_are_closed_and_say_so(
    client: Client, orders: Any, policy: Callable[..., None], mount: str
) -> None:
    policy(Only41)
    closed = ["streams/Order$42/", "streams/Order$42/0/", "streams/Agreement$42/", "processes/Agreement/42/",
              f"events/{orders['waiting'].id}/", f"events/{orders['waiting'].id}/raw.json",
              f"events/{orders['waiting'].id}/fixture/"]  # fmt: skip

    for path in closed:
        page = client.get(mount + path)
        assert page.status_code == 403, path
        assert "The policy of this site keeps it from you" in page.text
        assert 'class="es-nav"' in page.text
    # Whether there is such a stream is not told either.
    assert client.get(f"{mount}streams/never42/").status_code == 403
    for path in ("streams/Order$41/", "processes/Agreement/41/", f"events/{orders['customer'].id}/"):
        assert client.get(mount + path).status_code == 200


def test_an_event_is_for_those_who_may_see_the_stream_it_was_written_to(
    client: Client, orders: Any, policy: Callable[..., None]
) -> None:
    policy(Only41)
    [hidden] = event_store.publish(Noted(text="x"), stream="secret", links=["open"])
    [shown] = event_store.publish(Noted(text="y"), stream="open", links=["secret links"])
    [of_a_deleted_stream] = event_store.publish(Noted(), stream="deleted", links=["open"])
    event_store.delete_stream("deleted")
    page = client.get(f"{ADMIN}streams/open/")

    assert [row.event.id for row in page.context["page"].rows] == [shown.id]
    assert "Rows that you may not see are left out." in page.text
    assert client.get(f"{ADMIN}events/{hidden.id}/").status_code == 403
    assert client.get(f"{ADMIN}events/{of_a_deleted_stream.id}/").status_code == 403
    assert "secret links" not in client.get(f"{ADMIN}events/{shown.id}/").text
    assert client.get(f"{ADMIN}streams/open/2/", follow=True).status_code == 403


def test_causes_effects_and_steps_that_may_not_be_seen_are_left_out(
    client: Client, orders: Any, policy: Callable[..., None]
) -> None:
    policy(Only41)
    hidden = orders["waiting"]
    with event_store.caused_by(hidden):
        [effect] = event_store.publish(Noted(), stream="notes")
    with event_store.caused_by(effect):
        [further] = event_store.publish(Noted(), stream="secret")
    page = client.get(f"{ADMIN}events/{effect.id}/")

    assert f"{ADMIN}events/{hidden.id}/" not in page.text
    assert "A message that you may not see, or that is not in the store" in page.text
    assert str(further.id) not in page.text
    assert "No event that you may see names this one as its cause." in page.text


def test_a_hidden_event_hides_what_led_to_it_and_is_no_neighbour(client: Client, policy: Callable[..., None]) -> None:
    policy(Only41)
    [root] = event_store.publish(Noted(text="root"), stream="open")
    with event_store.caused_by(root):
        [hidden] = event_store.publish(Noted(), stream="secret", links=["open"])
    with event_store.caused_by(hidden):
        [shown] = event_store.publish(Noted(), stream="open")
    page = client.get(f"{ADMIN}events/{shown.id}/")

    assert [row.kind for row in page.context["around"].causes] == ["withheld", "here"]
    assert str(root.id) not in page.text.partition("<h2>Caused by")[2].partition("<h2>Conversation")[0]
    assert page.context["neighbours"].before is None
    assert 'rel="prev"' not in page.text
    assert str(hidden.id) not in client.get(f"{ADMIN}events/{root.id}/").text
    assert "show 1 more" not in client.get(f"{ADMIN}events/{root.id}/").text


def test_a_fixture_keeps_back_what_the_policy_hides(client: Client, policy: Callable[..., None]) -> None:
    policy(WithoutText)
    with event_store.metadata(note="s3cret"):
        [event] = event_store.publish(Noted(text="s3cret"), stream="t")
    fixture = client.get(f"{ADMIN}events/{event.id}/fixture/")

    assert fixture.status_code == 200
    assert "s3cret" not in fixture.text
    assert '"data": {"text": "hidden: personal data"}' in fixture.text
    assert "?where=" not in client.get(f"{ADMIN}events/{event.id}/").text
    assert "s3cret" not in client.get(f"{ADMIN}events/{event.id}/?shown=today").text


def test_a_hidden_process_is_named_on_no_events_page(
    client: Client, orders: Any, policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(Only41)
    monkeypatch.setattr(Only41, "may_see_process", lambda *arguments: arguments[-1] != "41")

    for event in (orders["caterer"], orders["confirmed"]):
        page = client.get(f"{ADMIN}events/{event.id}/")
        assert page.status_code == 200
        assert "processes/Agreement/41/" not in page.text
        assert "both said yes" not in page.text
    command = IssuedCommand.objects.get(process__key="41")
    assert "Nothing is named so" in client.get(f"{ADMIN}find/?q={command.command_id}").text
    assert client.get(f"{ADMIN}streams/Agreement$41/").status_code == 403


def test_find_goes_to_nothing_that_may_not_be_seen(client: Client, orders: Any, policy: Callable[..., None]) -> None:
    policy(Only41)

    for wanted in ("Order$42", "42", "Agreement$42"):
        page = client.get(f"{ADMIN}find/?q={wanted}")
        assert page.status_code == 200
        assert "Nothing is named so" in page.text


def test_pages_go_on_past_rows_that_are_left_out(client: Client, policy: Callable[..., None]) -> None:
    policy(Only41)
    for number in range(150):
        stream = f"secret{number:b}" if 30 <= number < 130 else f"open{number:b}"
        event_store.append(Noted(), stream=stream)
    seen, url = [], f"{ADMIN}events/"
    while url:
        page = client.get(url).context["page"]
        seen += [row.event.stream for row in page.rows]
        url = page.earlier and f"{ADMIN}events/{page.earlier}"

    assert seen == [f"open{number:b}" for number in (*range(149, 129, -1), *range(29, -1, -1))]


def test_the_place_where_a_list_goes_on_names_no_hidden_stream(client: Client, policy: Callable[..., None]) -> None:
    policy(Only41)
    for number in range(120):
        event_store.append(Noted(), stream=f"a secret{number:03}" if number < 110 else f"b{number:03}")
    seen, url = [], f"{ADMIN}streams/"
    while url:
        page = client.get(url)
        assert "secret" not in page.text
        assert "There are no streams yet" not in page.text
        seen += [row.stream.name for row in page.context["page"].rows]
        url = page.context["page"].later and f"{ADMIN}streams/{page.context['page'].later}"

    assert seen == [f"b{number:03}" for number in range(110, 120)]
    assert client.get(f"{ADMIN}streams/?from=$99999999999999999999").status_code == 200


def test_the_rules_cost_no_query_per_row(client: Client, orders: Any, policy: Callable[..., None]) -> None:
    policy(Only41)

    paths = ["", "streams/", "streams/notes/", "events/", "processes/Agreement/", "find/?q=s"]
    before = [queries(client, ADMIN + path) for path in paths]
    for number in range(40):
        event_store.append(Noted(), stream="notes", links=[f"s{number}"])
        event_store.append(CustomerSaidYes(order_id=f"x{number}"), stream=f"Order$x{number}")
    run_subscriptions()

    assert [queries(client, ADMIN + path) for path in paths] == before


def test_without_a_policy_nothing_more_is_asked(client: Client, orders: Any, policy: Callable[..., None]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{ADMIN}events/")
        return len(captured)

    without = queries()
    policy(Only41)

    assert queries() == without + 1


# ---- values


def test_hidden_values_are_on_no_page_and_say_why(client: Client, orders: Any, policy: Callable[..., None]) -> None:
    policy(WithoutText)
    with event_store.metadata(note="s3cret"):
        [event] = event_store.publish(Noted(text="s3cret"), stream="t")
    IssuedCommand.objects.update(reason="s3cret")
    Process.objects.update(last_error="s3cret")
    Subscription.objects.update(status="failing", last_error="s3cret")
    paths = ["", "streams/", "streams/t/", "events/", f"events/{event.id}/", f"events/{event.id}/raw.json", "processes/",
             "processes/Agreement/", "processes/Agreement/41/", "handlers/", "handlers/Agreement/", "find/?q=t", f"events/{orders['confirmed'].id}/",
             f"commands/{orders['confirmed'].causation_id}/"]  # fmt: skip
    pages = {path: client.get(ADMIN + path, follow=True) for path in paths}

    assert [path for path, page in pages.items() if page.status_code != 200] == []
    assert [path for path, page in pages.items() if "s3cret" in page.text] == []
    for path in ("", "streams/t/", "events/"):
        assert "text=hidden: personal data" in words(pages[path])
    assert "text : hidden: personal data" in words(pages[f"events/{event.id}/"])
    assert "Hidden: the policy of this site keeps it from you." in words(pages[f"events/{event.id}/"])
    assert pages[f"events/{event.id}/raw.json"].json() == {
        "data": {"text": "hidden: personal data"},
        "metadata": "hidden",
    }


def test_what_is_not_redacted_stays_as_it_is_stored(client: Client, policy: Callable[..., None]) -> None:
    policy(WithoutText)
    [event] = event_store.publish(Counted(number=12345678901234567890123), stream="s")

    assert "12345678901234567890123" in client.get(f"{ADMIN}events/{event.id}/raw.json").text
    assert "12345678901234567890123" in client.get(f"{ADMIN}events/{event.id}/").text


@pytest.mark.parametrize(
    ("named", "shown"), [(Careless, "hidden"), (Broken, "hidden: the policy failed at this event")]
)
def test_a_policy_that_fails_shows_nothing(
    client: Client, policy: Callable[..., None], named: type[BrowserPolicy], shown: str
) -> None:
    policy(named)
    [event] = event_store.publish(Noted(text="s3cret"), stream="s")
    pages = [client.get(ADMIN + path) for path in (f"events/{event.id}/", "streams/s/", f"events/{event.id}/raw.json")]

    assert [page.status_code for page in pages] == [200] * 3
    assert "s3cret" not in "".join(page.text for page in pages)
    assert all(shown in words(page) for page in pages)


def test_data_still_needs_its_permission(sign_in: Callable[..., Client], policy: Callable[..., None]) -> None:
    policy(WithoutText)
    [event] = event_store.publish(Counted(number=47114711), stream="s")
    client = sign_in("view_storedevent")

    assert "47114711" not in client.get(f"{ADMIN}events/{event.id}/").text
    assert client.get(f"{ADMIN}events/{event.id}/raw.json").status_code == 403


# ---- who and what is limited


def test_who_sees_everything_is_asked_nothing(
    sign_in: Callable[..., Client], orders: Any, policy: Callable[..., None]
) -> None:
    policy(Only41)
    client = sign_in(is_superuser=True)

    assert client.get(f"{ADMIN}streams/Order$42/").status_code == 200
    assert client.get("/admin/event_store/stream/").status_code == 200


def test_the_plain_admin_is_closed_to_whom_a_policy_limits(
    sign_in: Callable[..., Client], orders: Any, policy: Callable[..., None]
) -> None:
    models = ["stream", "storedevent", "subscription", "failedevent", "process", "processstep", "issuedcommand",
              "commanddelivery", "aggregatesnapshot", "processdeadline"]  # fmt: skip
    client = sign_in(*PERMISSIONS, *(f"view_{each}" for each in models))
    before = {model: client.get(f"/admin/event_store/{model}/").status_code for model in models}
    policy(Only41)

    assert set(before.values()) == {200}
    assert {model: client.get(f"/admin/event_store/{model}/").status_code for model in models} == dict.fromkeys(
        models, 403
    )


class UnawareView(BrowserView):
    """A page of a project that has not heard of policies."""

    template_name = "browser/help.html"


def test_a_page_that_does_not_say_that_it_obeys_is_closed_to_whom_a_policy_limits(
    client: Client, policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.views.help.HelpView.obeys_policy", UnawareView.obeys_policy)
    assert client.get(f"{ADMIN}help/").status_code == 200

    policy(Only41)
    assert client.get(f"{ADMIN}help/").status_code == 403


# ---- the environment


def test_the_environment_is_named_on_every_page(client: Client, settings: Any) -> None:
    for mount in MOUNTS:
        assert "es-environment" not in client.get(mount).text
    settings.EVENT_BROWSER = {"ENVIRONMENT": "PRO<b>"}

    for path in ("", "streams/", "help/", "never/"):
        assert "Environment: PRO<b>" in words(client.get(f"/es/{path}"))
        assert "<b>" not in client.get(ADMIN + path).text.partition("es-environment")[2][:200]
