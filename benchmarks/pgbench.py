"""What PostgreSQL itself can do: pgbench with prepared statements that write the same rows."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import uuid
from pathlib import Path

from columns import in_order_of_columns
from samples import CALLS_PER_STREAM, DATA_AS_JSON, LINKABLE, METADATA_AS_JSON, TYPE

ADVANCE_STREAM = """
    INSERT INTO event_store_stream AS s (name, category, version, created_at)
    VALUES ('Order-' || :run || '-' || :client_id || '$' || :stream_number, 'Order-' || :run || '-' || :client_id,
            {events} - 1, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET version = s.version + {events} RETURNING id, version"""

APPEND_ONE = """
WITH stream AS ({advance}), event AS (
    INSERT INTO event_store_storedevent ({columns}) VALUES ({values}) RETURNING global_position)
INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
SELECT stream.id, stream.version, event.global_position, true, now() FROM stream, event;
"""

# All rows travel as parameters, as they do in the other ways.
APPEND_MANY = """
\\if :call = 0
SELECT array_fill(:data::text, ARRAY[{events}]) AS all_data, array_fill(:metadata::text, ARRAY[{events}]) AS all_metadata \\gset
\\endif
WITH stream AS ({advance}), event AS (
    INSERT INTO event_store_storedevent ({columns})
    SELECT {values} FROM unnest(:all_data::text[], :all_metadata::text[]) AS event (data, metadata),
                         (SELECT gen_random_uuid() AS id) AS conversation
    RETURNING global_position)
INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
SELECT stream.id, stream.version - {events} + row_number() OVER (ORDER BY event.global_position),
       event.global_position, true, now() FROM stream, event;
"""

LINK = """
\\if :call % {calls_per_stream} = 0
\\set start random(0, {linkable} - {calls_per_stream} * {events})
\\endif
\\set first :start + {events} * (:call % {calls_per_stream})
WITH stream AS ({advance})
INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
SELECT stream.id, stream.version - {events} + row_number() OVER (ORDER BY event.global_position),
       event.global_position, false, now()
  FROM stream, event_store_storedevent AS event
 WHERE event.global_position > :first AND event.global_position <= :first + {events};
"""

COUNT_CALLS = f"""\\set call :call + 1
\\set stream_number :call / {CALLS_PER_STREAM}
"""


def append_script(events: int) -> str:
    """A script of pgbench that stores so many events in one statement."""
    values = in_order_of_columns(
        event_id="gen_random_uuid()",
        type=f"'{TYPE}'",
        category="'Order-' || :run || '-' || :client_id",
        schema_version="1",
        data=":data::jsonb" if events == 1 else "event.data::jsonb",
        metadata=":metadata::jsonb" if events == 1 else "event.metadata::jsonb",
        correlation_id="gen_random_uuid()" if events == 1 else "conversation.id",
        causation_id="NULL",
        recorded_at="now()",
        valid_at="now()",
    )
    return COUNT_CALLS + (APPEND_ONE if events == 1 else APPEND_MANY).format(
        advance=ADVANCE_STREAM.format(events=events),
        columns=", ".join(values),
        values=", ".join(values.values()),
        events=events,
    )


def link_script(events: int) -> str:
    """A script of pgbench that links so many events whose positions it knows."""
    advance = ADVANCE_STREAM.format(events=events)
    return COUNT_CALLS + LINK.format(
        advance=advance, events=events, calls_per_stream=CALLS_PER_STREAM, linkable=LINKABLE
    )


def run_pgbench(script: str, clients: int, seconds: float) -> tuple[int, float]:
    """
    Returns:
        All calls, and calls per second. It lasts a second at least: pgbench knows no shorter run.
    """
    # Django has to be set up for it.
    from django.db import connection

    from tests.postgresql import programs

    settings = connection.settings_dict
    variables = {"call": -1, "run": uuid.uuid4().hex[:12], "data": DATA_AS_JSON, "metadata": METADATA_AS_JSON}
    command = [programs() / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(clients)]
    command += ["-T", str(max(1, round(seconds))), "-h", settings["HOST"] or "127.0.0.1"]
    command += ["-U", settings["USER"] or "postgres"]
    command += ["-p", str(settings["PORT"])] if settings["PORT"] else []
    for name, value in variables.items():
        command += ["-D", f"{name}={value}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        environment = os.environ | {"PGPASSWORD": settings["PASSWORD"]}
        answer = subprocess.run(
            [*command, "-f", path, settings["NAME"]], capture_output=True, text=True, check=False, env=environment
        )
    calls = re.search(r"transactions actually processed: (\d+)", answer.stdout)
    per_second = re.search(r"tps = ([\d.]+) \(without initial", answer.stdout)
    if answer.returncode or calls is None or per_second is None:
        raise RuntimeError(answer.stdout + answer.stderr)
    return int(calls[1]), float(per_second[1])
