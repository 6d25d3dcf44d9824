"""The words of a page, as its reader sees them: without markup, with one space between."""

from __future__ import annotations

import re
from html import unescape
from typing import Any


def words(page: Any) -> str:
    return words_of(page.text)


def words_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html.replace("<wbr>", ""))).split())
