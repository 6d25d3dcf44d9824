"""
Start a PgBouncer in transaction mode in front of a server: every transaction, in autocommit every statement, gets
whichever of a few connections is free.

    with running_pgbouncer(server.url, connections=3) as url: ...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catering.settings import postgresql

# Debian keeps it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
STARTED_WITHIN = 30  # seconds

SETTINGS = """\
[databases]
* = host={host} user={user}

[pgbouncer]
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 100
server_round_robin = 1
auth_type = any
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/log
"""
PORT = 6432  # only names the socket


@contextmanager
def running_pgbouncer(url: str, *, connections: int) -> Iterator[str]:
    """Run it for the duration of the block and yield its URL. `url` is that of a server in `tests/postgresql.py`."""
    server = postgresql(url)
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    try:
        settings = SETTINGS.format(
            host=server["HOST"], user=server["USER"], connections=connections, port=PORT, folder=folder
        )
        (folder / "pgbouncer.ini").write_text(settings)
        process = subprocess.Popen([str(PROGRAM), "--quiet", folder / "pgbouncer.ini"], **_unprivileged(folder))
        try:
            _wait_until_ready(process, folder)
            yield f"postgresql://{server['USER']}@:{PORT}/{server['NAME']}?host={folder}"
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    # It refuses to run as root.
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    give_up = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        if (folder / f".s.PGSQL.{PORT}").exists():
            return
        time.sleep(0.02)
    log = folder / "log"
    raise RuntimeError(f"PgBouncer did not start: {log.read_text() if log.exists() else 'it wrote no log'}")
