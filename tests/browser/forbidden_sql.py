"""What no page may ask of a database: work that grows with the store."""

from __future__ import annotations

import re

_BIG_TABLES = re.compile(r"event_store_(storedevent|streamlink)\b")


def fault_of(statement: str) -> str:
    """Why the statement is forbidden, "" where it is not."""
    sql = " ".join(statement.upper().split())
    if re.search(r"\bOFFSET\b", sql):
        return "OFFSET"
    if re.search(r"\bCOUNT\s*\(", sql) and "LIMIT" not in sql:
        return "COUNT without a LIMIT"
    is_bounded = re.search(r"\bLIMIT\s+\S+\s*\)", sql)
    if not is_bounded and _BIG_TABLES.search(statement) and re.search(r"\bSELECT DISTINCT\b|\bGROUP BY\b", sql):
        return "DISTINCT or GROUP BY over events or links"
    return ""
