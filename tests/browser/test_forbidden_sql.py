"""The rule that pages are held to finds what it forbids."""

from __future__ import annotations

import pytest

from tests.browser.forbidden_sql import fault_of


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ('SELECT COUNT(*) AS "__count" FROM "event_store_process"', "COUNT without a LIMIT"),
        ('SELECT COUNT(*) FROM (SELECT 1 FROM "event_store_process" LIMIT 10001) "subquery"', ""),
        ('SELECT "id" FROM "event_store_stream" ORDER BY "name" LIMIT 50 OFFSET 50', "OFFSET"),
        ('SELECT DISTINCT "type" FROM "event_store_storedevent"', "DISTINCT or GROUP BY over events or links"),
        ('SELECT "type", MAX("x") FROM event_store_streamlink GROUP BY 1', "DISTINCT or GROUP BY over events or links"),
        (
            "SELECT s, MAX(e) FROM (SELECT s, e FROM event_store_streamlink LIMIT 1000) AS newest GROUP BY s LIMIT 50",
            "",
        ),
        ('SELECT "status", MAX("id") FROM "event_store_process" GROUP BY 1', ""),
    ],
)
def test_work_that_grows_with_the_store_is_found(statement: str, fault: str) -> None:
    assert fault_of(statement) == fault
