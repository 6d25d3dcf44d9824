"""Texts that look like a page's own markup are shown as texts, wherever they come from."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from browser.visible import visible
from event_store import event_store
from event_store.testing import run_subscriptions
from tests.browser.crawling import crawl, text_of
from tests.browser.hostile import HOSTILE_NAMES, MARKUP, publish_everywhere
from tests.event_store.sample import CustomerSaidYes, Noted

pytestmark = pytest.mark.django_db
RUNS = ("javascript:", "data:", "vbscript:")


class Read(HTMLParser):
    """What a browser would make of a page: the words, the titles on hovering, and whatever should not be there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.titles, self.wrong = "", "", list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        for name, value in attributes:
            if name == "data-x" or name.startswith("on") or name == "style":
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "src", "action") and str(value).strip().lower().startswith(RUNS):
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name in ("title", "value", "aria-label"):
                self.titles += f"\n{value}"
        if tag in ("script", "style") and not dict(attributes).get("src"):
            self.wrong.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        if "data-x" in data:
            self.wrong.append(f"<!--{data}-->")


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_no_text_becomes_a_part_of_any_page(client: Client) -> None:
    publish_everywhere(*MARKUP)
    found = crawl(client, "/es/", of_each_kind=3)
    pages = {url: Read(text_of(page)) for url, page in found.pages.items() if "html" in page["Content-Type"]}

    assert found.failures == []
    assert {url: page.wrong for url, page in pages.items() if page.wrong} == {}
    assert found.names >= {
        "stream", "event", "process", "process_type", "compare", "command", "type", "flow", "subscriptions", "subscription",
        "failure", "correlation", "swimlane", "export", "stream_export", "fixture", "raw",
    }  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_a_text_is_shown_as_it_is_on_the_pages_of_what_it_names(client: Client, text: str) -> None:
    [published] = publish_everywhere(text)
    addresses = {
        "stream": [text], "event": [published.event_id], "process": [text, text], "process_type": [text],
        "command": [published.command_id], "type": [text], "overview": [], "streams": [], "subscriptions": [], "processes": [],
        "types": [], "events": [],
    }  # fmt: skip

    for name, arguments in addresses.items():
        page = client.get(reverse(f"event_store_browser:{name}", args=arguments))
        read = Read(page.text)
        assert page.status_code == 200, name
        assert text in read.words + read.titles, name
        assert read.wrong == [], name
    found = client.get(reverse("event_store_browser:find"), {"q": text[:6]})
    assert text in Read(found.text).words
    missing = client.get(reverse("event_store_browser:stream", args=[f"{text}!"]))
    assert f"{text}!" in Read(missing.text).words


def test_hostile_keys_of_processes_have_pages_of_their_own(client: Client) -> None:
    # A process's stream has the name of its type before the key.
    keys = [each for each in HOSTILE_NAMES if len(each) < 240][::3]
    for key in keys:
        event_store.append(CustomerSaidYes(order_id=key), stream="all")
    run_subscriptions()

    for key in keys:
        page = client.get(reverse("event_store_browser:process", args=["Agreement", key]))
        assert page.status_code == 200
        assert f"Agreement · {Read(visible(key)).words}" in Read(page.text).words


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [("\u202e", "U+202E"), ("\u200b", "U+200B"), ("\u2066", "U+2066"), ("\ufeff", "U+FEFF"), ("\x1b", "U+001B")],
)
def test_characters_that_hide_or_reorder_are_named(client: Client, hidden: str, shown: str) -> None:
    name = f"before{hidden}after"
    [event] = event_store.publish(Noted(text=name), stream=name)

    for url in (
        reverse("event_store_browser:stream", args=[name]),
        reverse("event_store_browser:event", args=[event.id]),
    ):
        page = client.get(url).text
        read = Read(page)
        assert f"before{shown}after" in read.words
        assert hidden not in page
