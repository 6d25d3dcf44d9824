"""Follows the links of the pages as a visitor would: a few of each kind, so that it ends soon."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

_LINK = re.compile(r"""<(?:a|form)\b[^>]*?\s(?:href|action)=(?:"([^"]*)"|'([^']*)')""")
OF_EACH_KIND = 2


@dataclass
class Crawled:
    """`pages`: what was visited, by address. `outside`: addresses of links that leave the mount, which were not followed."""

    pages: dict[str, Any] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The names of the URLs that were visited."""
        return {response.resolver_match.url_name for response in self.pages.values() if response.resolver_match}

    @property
    def failures(self) -> list[tuple[str, int]]:
        """What is no page; a redirect is none of them, its target is visited as well."""
        return [(url, each.status_code) for url, each in self.pages.items() if each.status_code not in (200, 302)]


def crawl(client: Client, mount: str, *, script_name: str = "", of_each_kind: int = OF_EACH_KIND) -> Crawled:
    """
    Visit what can be reached from the first page of a mount by links, without leaving it.

    Args:
        mount: the path of the overview, with the script name.
        of_each_kind: how many addresses with the same URL name, parameters and status are visited.
    """
    found, waiting, visits = Crawled(), deque([mount]), Counter[Any]()
    seen = {mount}
    while waiting:
        url = waiting.popleft()
        response = client.get(url.removeprefix(script_name), SCRIPT_NAME=script_name)
        found.pages[url] = response
        for link in links_of(url, response):
            if not link.startswith(mount):
                found.outside.add(link)
            elif link not in seen and visits[_kind(link, script_name)] < of_each_kind:
                seen.add(link)
                visits[_kind(link, script_name)] += 1
                waiting.append(link)
    return found


def links_of(url: str, response: Any) -> Iterator[str]:
    """Where the links and forms of a page lead; a redirect leads to its target."""
    if response.status_code in (301, 302):
        yield urljoin(url, response["Location"])
    if response.headers.get("Content-Type", "").startswith("text/html"):
        for found in _LINK.finditer(text_of(response)):
            yield urljoin(url, unescape(found[1] or found[2] or "")).partition("#")[0]


def text_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if response.streaming:
        response.streaming_content = [content]
    return content.decode(errors="replace")


def _kind(url: str, script_name: str) -> Any:
    parts = urlsplit(url)
    try:
        name = resolve(parts.path.removeprefix(script_name)).url_name
    except Resolver404:
        name = parts.path
    parameters = parse_qs(parts.query, keep_blank_values=True)
    # What a list leads to depends on the status that it shows.
    return name, tuple(sorted(parameters)), tuple(parameters.get("status", ()))
