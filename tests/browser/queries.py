"""What a page asks of the database."""

from __future__ import annotations

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.browser.forbidden_sql import fault_of


def queries(client: Client, path: str) -> int:
    """How many statements a page takes, none of which may grow with the store."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    assert forbidden(captured) == []
    return len(statements(captured))


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Without those that ATOMIC_REQUESTS brings inside a test's transaction."""
    return [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]


def forbidden(captured: CaptureQueriesContext) -> list[str]:
    """Those that look at more than a page of events, links or streams."""
    over_events = re.compile(r'FROM "?event_store_(storedevent|streamlink|stream)"?', re.IGNORECASE)
    return [
        sql
        for sql in statements(captured)
        if fault_of(sql) or (over_events.search(sql) and re.search(r"DISTINCT|GROUP BY", sql))
    ]
