"""The servers that tests start for themselves."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.postgresql import How, own_server

pytestmark = pytest.mark.postgresql


def ask(url: str, statement: str) -> Any:
    with psycopg.connect(url, autocommit=True) as session:
        return session.execute(statement).fetchone()


def test_a_server_keeps_what_it_has_acknowledged_however_it_was_stopped() -> None:
    with own_server() as server, psycopg.connect(server.url, autocommit=True) as session:
        session.execute("CREATE TABLE note AS SELECT 1 AS text")

        stops: list[How] = ["immediate", "fast"]
        for how in stops:
            server.restart(how)
            assert ask(server.url, "SELECT count(*) FROM note") == (1,)


def test_a_server_can_be_made_a_standby_that_has_no_primary() -> None:
    with own_server() as server:
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()

        assert ask(server.url, "SELECT pg_is_in_recovery()") == (True,)


def test_a_server_that_cannot_start_says_so() -> None:
    with pytest.raises(RuntimeError, match="did not start"), own_server(max_connections="none"):
        pass
