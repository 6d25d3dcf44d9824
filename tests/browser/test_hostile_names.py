"""Any name has one address, which comes through a real server, and through nginx before it, as exactly that name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix

from browser.converters import escape_name, unescape_name
from browser.visible import visible
from event_store import event_store
from tests.browser.hostile import HOSTILE_NAMES
from tests.event_store.sample import Noted
from tests.nginx import running_nginx

pytestmark = pytest.mark.django_db(transaction=True)
ROW = re.compile(r'<td data-l="Stream"><a href="([^"]+)">(.*?)</a>', re.DOTALL)
EVENT = re.compile(r'<a href="([^"]*/events/[0-9a-f-]{36}/)[^"]*">')


@dataclass
class Visitor:
    """A browser's way with links: relative to the page, its dots and slashes resolved; and nothing else."""

    address: str
    cookie: str

    def get(self, url: str, *, base: str = "/") -> Any:
        target = urljoin(f"http://{self.address}{base}", unescape(url))
        parts = urlsplit(target)
        assert parts.netloc == self.address, f"{url} leads to another server"
        connection = HTTPConnection(self.address, timeout=30)
        connection.request("GET", parts._replace(scheme="", netloc="").geturl(), headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        connection.close()
        return answer

    def page(self, url: str, *, base: str = "/") -> str:
        answer = self.get(url, base=base)
        assert answer.status == 200, f"{answer.status} for {url}"
        return str(answer.text)


@pytest.fixture
def cookie(db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return f"{django_settings.SESSION_COOKIE_NAME}={client.session.session_key}"


@pytest.fixture
def named() -> None:
    """One stream of each name; its event says which."""
    for number, name in enumerate(HOSTILE_NAMES):
        event_store.append(Noted(text=f"number {number}."), stream=name)


@pytest.fixture
def script_name(settings: Any) -> Iterator[None]:
    """The site stands below /x."""
    settings.FORCE_SCRIPT_NAME = "/x"
    set_script_prefix("/x/")
    yield
    clear_script_prefix()


def listed(visitor: Visitor, mount: str) -> dict[str, str]:
    """The addresses of the streams' pages, and what the list calls them."""
    page = visitor.page(f"{mount}streams/?size=200")
    return {unescape(url): plain(name) for url, name in ROW.findall(page)}


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def follow(visitor: Visitor, url: str, shown: str) -> str:
    """From the list to a stream, to its event, and back; the stream's name."""
    page = visitor.page(url)
    [heading] = re.findall(r'<h1 class="es-title">(.*?)</h1>', page, re.DOTALL)
    [number] = set(re.findall(r"number (\d+)\.", page.partition("<tbody")[2]))
    name = HOSTILE_NAMES[int(number)]
    assert plain(heading) == shown == plain(visible(name))
    assert page.partition("<title>")[2].count("</title>") == 1
    export = visitor.get(f"{url}export.jsonl")
    assert export.status == 200
    assert export.getheader("Content-Disposition").startswith("attachment; filename")
    assert f"number {number}." in export.text
    [event] = set(EVENT.findall(page.partition("<tbody")[2]))
    assert f'href="{url}"' in unescape(visitor.page(event, base=url))
    return name


def test_there_are_enough_names_and_each_is_another() -> None:
    assert len(set(HOSTILE_NAMES)) >= 70
    assert {unescape_name(escape_name(each)) for each in HOSTILE_NAMES} == set(HOSTILE_NAMES)
    assert len({escape_name(each) for each in HOSTILE_NAMES}) == len(HOSTILE_NAMES)


@pytest.mark.usefixtures("named")
def test_every_name_comes_through_a_server_as_it_is(live_server: Any, cookie: str) -> None:
    visitor = Visitor(urlsplit(live_server.url).netloc, cookie)
    found = listed(visitor, "/es/")

    assert [follow(visitor, url, shown) for url, shown in found.items()] == sorted(HOSTILE_NAMES)


@pytest.mark.nginx
@pytest.mark.usefixtures("named")
def test_every_name_comes_through_nginx_as_it_is(live_server: Any, cookie: str, tmp_path: Path) -> None:
    with running_nginx(urlsplit(live_server.url).netloc, folder=tmp_path) as fronts:
        # What nginx passes on as it came needs fewer tries than what it has decoded and encoded anew.
        for address, every in ((fronts.with_uri, 1), (fronts.plain, 4)):
            visitor = Visitor(address, cookie)
            found = list(listed(visitor, "/es/").items())[::every]

            assert [follow(visitor, url, shown) for url, shown in found] == sorted(HOSTILE_NAMES)[::every]


@pytest.mark.nginx
@pytest.mark.usefixtures("named", "script_name")
def test_every_name_comes_through_nginx_below_a_prefix(live_server: Any, cookie: str, tmp_path: Path) -> None:
    with running_nginx(urlsplit(live_server.url).netloc, folder=tmp_path) as fronts:
        visitor = Visitor(fronts.below, cookie)
        found = listed(visitor, "/x/es/")

        assert len(found) == len(HOSTILE_NAMES)
        assert all(url.startswith("/x/es/streams/") for url in found)
        assert [follow(visitor, url, shown) for url, shown in list(found.items())[::4]] == sorted(HOSTILE_NAMES)[::4]


def test_the_composed_and_the_decomposed_spelling_are_two_streams(live_server: Any, cookie: str) -> None:
    visitor = Visitor(urlsplit(live_server.url).netloc, cookie)
    event_store.append(Noted(text="composed"), stream="caf\u00e9")
    event_store.append([Noted(text="decomposed")] * 2, stream="cafe\u0301")
    pages = {url: visitor.page(url) for url in listed(visitor, "/es/")}

    assert len(pages) == 2
    assert [page.count("text=composed") for page in pages.values()].count(1) == 1
    assert sorted(page.count("text=decomposed") for page in pages.values()) == [0, 2]


def test_an_address_that_is_not_the_names_own_is_not_found(live_server: Any, cookie: str) -> None:
    visitor = Visitor(urlsplit(live_server.url).netloc, cookie)
    event_store.append(Noted(), stream="a/b")

    assert visitor.get("/es/streams/a~2Fb/").status == 200
    for spelling in ("a~2fb", "~61~2Fb", "a%2Fb", "a~2Fb~", "a/b", "%FF", "~FF", "%00", "~00", "~ED~A0~80"):
        assert visitor.get(f"/es/streams/{spelling}/").status == 404
