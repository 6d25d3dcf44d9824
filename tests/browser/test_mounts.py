"""The same pages in the admin, in a second one, on their own, twice, and below a prefix: every link stays where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix

from tests.browser.conftest import ADMIN, PERMISSIONS
from tests.browser.crawling import crawl

pytestmark = pytest.mark.django_db
OPERATIONS = "/operations/event_store_browser/eventstore/"
MOUNTS = [ADMIN, OPERATIONS, "/es/"]
REACHED = {"overview", "streams", "stream", "state", "events", "event", "raw", "fixture", "export", "correlation",
           "swimlane", "flow", "processes", "process_type", "process", "compare", "command", "retry_command",
           "skip_command", "process_action", "retry_processes", "subscriptions", "subscription", "failure", "retry_failure",
           "skip_failure", "types", "type", "help", "preferences"}  # fmt: skip
ACTIONS = ("retry_failedevent", "skip_failedevent", "retry_process", "retry_commanddelivery", "skip_commanddelivery",
           "export_storedevent")  # fmt: skip


@pytest.fixture
def client(sign_in: Callable[..., Client]) -> Client:
    """A member of staff who may see and do everything, but not in the admin's own pages."""
    return sign_in(*PERMISSIONS, *ACTIONS)


@pytest.fixture
def prefix() -> Iterator[Callable[[str], None]]:
    """`prefix("/x")`: as below SCRIPT_NAME, which the test's client does not tell to `reverse` as a server does."""
    yield lambda name: set_script_prefix(f"{name}/")
    clear_script_prefix()


# ---- links


@pytest.mark.parametrize("mount", MOUNTS)
def test_every_link_leads_to_a_page_of_the_same_mount(client: Client, failing: Any, mount: str) -> None:
    found = crawl(client, mount)
    own = mount.partition("event_store_browser/")[0]

    assert found.names >= REACHED
    assert found.failures == []
    # An admin leads to the site's front page.
    assert [each for each in found.outside - {"/"} if not each.startswith(own)] == []


@pytest.mark.parametrize("mount", MOUNTS)
def test_every_link_keeps_the_prefix_of_the_server(
    client: Client, failing: Any, prefix: Callable[[str], None], mount: str
) -> None:
    prefix("/x")
    found = crawl(client, f"/x{mount}", script_name="/x")
    own = f"/x{mount.partition('event_store_browser/')[0]}"

    assert found.names >= REACHED
    assert found.failures == []
    assert [each for each in found.outside - {"/x"} if not each.startswith(own)] == []


def test_the_pages_of_two_sites_do_not_lead_to_each_other(client: Client, failing: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.browser.two_sites"

    for mount in ("/first/", "/second/"):
        found = crawl(client, mount)
        assert found.names >= REACHED
        assert found.failures == []
        assert found.outside <= {"/of-the-second/"}


@pytest.mark.parametrize("home", ["/admin/", "/operations/"])
def test_the_admin_pages_that_the_browser_leads_to_are_there_and_lead_back(failing: Any, home: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    mount = f"{home}event_store_browser/eventstore/"
    found = crawl(client, mount)
    objects = [each for each in found.outside if each.startswith(f"{home}event_store/") and each.endswith("/change/")]

    assert {each.split("/")[3] for each in objects} >= {
        "stream", "storedevent", "process", "issuedcommand", "failedevent", "subscription",
    }  # fmt: skip
    for each in objects:
        page = client.get(each)
        assert page.status_code == 200
        assert f'href="{mount}' in page.text, each


# ---- who is let in


@pytest.mark.parametrize(
    ("mount", "login"), [(ADMIN, "/admin/login/"), (OPERATIONS, "/operations/login/"), ("/es/", "/login/")]
)
def test_an_anonymous_visitor_signs_in_and_comes_back_to_the_same_address(
    sign_in: Callable[..., Client], failing: Any, mount: str, login: str
) -> None:
    sign_in(*PERMISSIONS)
    client = Client()
    for path in ("streams/?prefix=Order&category=Order", "processes/Agreement/41/?at=1", "streams/Order$41/"):
        client.logout()
        refused = client.get(mount + path)

        assert (refused.status_code, refused["Location"]) == (302, f"{login}?next={quote(mount + path)}")
        form = {"username": "anna", "password": "anna", "next": mount + path}
        assert client.post(refused["Location"], form)["Location"] == mount + path
        assert client.get(mount + path).status_code == 200


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_visitor_without_permission_is_told_so_and_not_sent_round(
    sign_in: Callable[..., Client], failing: Any, mount: str
) -> None:
    addresses = [each.partition("?")[0] for each in crawl(sign_in(*PERMISSIONS), mount).pages]
    client = sign_in(username="berta")
    answers = {each: client.get(each) for each in addresses}

    assert {each: page.status_code for each, page in answers.items() if page.status_code != 403} == {}
    assert all("You may not see this page" in page.text for page in answers.values())


@pytest.mark.parametrize("mount", [ADMIN, OPERATIONS])
def test_who_is_no_staff_is_sent_to_the_admins_login_once(
    sign_in: Callable[..., Client], failing: Any, mount: str
) -> None:
    client = sign_in(*PERMISSIONS, is_staff=False)
    page = client.get(f"{mount}streams/", follow=True)

    assert len(page.redirect_chain) == 1
    assert page.status_code == 200
    assert "not authorized to access this page" in page.text
    assert crawl(client, "/es/").failures == []
