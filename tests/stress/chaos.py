"""A run: writers, workers, whatever can happen to them, and then the account of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg

from tests.postgresql import Server
from tests.stress.verify import Findings

ROOT = Path(__file__).parent.parent.parent
LEASE = "2"
LONGEST = 20
"""Times the seconds that were asked for: a slow machine needs longer until enough has happened."""


class Run:
    """
    Args:
        server: the PostgreSQL that may be stopped; None for SQLite.
        folder: for files of the run; the database of SQLite is there, too.
        seconds, enough: it goes on for so long, and until the writers know that so many events are stored.
    """

    def __init__(
        self,
        server: Server | None,
        folder: Path,
        *,
        seed: int,
        seconds: float,
        enough: int,
        writers: int,
        workers: int,
        restarts: int,
    ) -> None:
        self.server, self.folder, self.seconds = server, folder, seconds
        self.choice, self.enough = random.Random(seed), enough
        where = {"STRESS_FILE": str(folder / "stress.sqlite3")} if server is None else {"STRESS_URL": server.url}
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_NAME")}
        self.environment = kept | where | {"DJANGO_SETTINGS_MODULE": "tests.stress.settings"}
        self.happened: Counter[str] = Counter()
        self.writers: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.naive: list[subprocess.Popen[bytes]] = []
        self.stopped: list[tuple[float, subprocess.Popen[bytes]]] = []
        self.numbers = (writers, workers)
        self.restarts = restarts

    def play(self) -> Findings:
        """Everything; what it finds at the end. Raises what a process of its own says when it fails."""
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")
        long_ones = self.open_long_transactions()
        try:
            self.start()
            self.torment()
            self.finish()
        finally:
            for process in [*self.writers, *self.workers, *self.naive]:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
            for connection in long_ones:
                connection.close()
        self.drain()
        answer = self.python("-m", "tests.stress.verify", str(self.folder))
        return msgspec.json.decode(answer, type=Findings)

    # ---- the processes

    def start(self) -> None:
        writers, workers = self.numbers
        self.writers = [self.spawn_writer(number) for number in range(writers)]
        self.workers = [self.spawn_worker() for _ in range(workers)]
        if self.server is not None:
            self.naive = [self.spawn("-m", "tests.stress.naive_reader", str(self.folder / "naive"))]

    def spawn_writer(self, number: int) -> subprocess.Popen[bytes]:
        seed = str(self.choice.randrange(2**32))
        return self.spawn("-m", "tests.stress.writer", str(number), seed, str(self.folder))

    def spawn_worker(self) -> subprocess.Popen[bytes]:
        return self.spawn("manage.py", "run_subscriptions", "--lease", LEASE)

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "log").open("ab")
        command = [sys.executable, *arguments]
        with log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def manage(self, *arguments: str) -> None:
        self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> bytes:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stderr.decode()}")
        return done.stdout

    # ---- what happens to them

    def torment(self) -> None:
        began_at = time.monotonic()
        ends_at, longest = began_at + self.seconds, began_at + self.seconds * LONGEST
        acts: list[Callable[[], None]] = [self.kill_a_writer, self.kill_a_worker, self.stop_a_worker]
        if self.server is not None:
            acts += [self.end_a_session, self.end_a_session]
        restart_at = [ends_at - self.seconds * (number + 1) / (self.restarts + 1) for number in range(self.restarts)]
        while time.monotonic() < ends_at or (self.acknowledged() < self.enough and time.monotonic() < longest):
            time.sleep(self.choice.uniform(0.2, 0.8))
            self.wake_the_stopped()
            if restart_at and time.monotonic() > restart_at[-1]:
                restart_at.pop()
                self.restart_the_server()
            else:
                self.choice.choice(acts)()

    def acknowledged(self) -> int:
        return sum(file.read_bytes().count(b"\n") for file in self.folder.glob("committed-*"))

    def kill_a_writer(self) -> None:
        number = self.choice.randrange(len(self.writers))
        self.kill(self.writers[number])
        self.writers[number] = self.spawn_writer(number)
        self.happened["writers killed"] += 1

    def kill_a_worker(self) -> None:
        number = self.choice.randrange(len(self.workers))
        self.kill(self.workers[number])
        self.workers[number] = self.spawn_worker()
        self.happened["workers killed"] += 1

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    def stop_a_worker(self) -> None:
        if self.stopped:
            return
        worker = self.choice.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        # For longer than its lease.
        self.stopped.append((time.monotonic() + float(LEASE) + 1, worker))
        self.happened["workers stopped"] += 1

    def wake_the_stopped(self) -> None:
        for until, worker in list(self.stopped):
            if time.monotonic() >= until:
                worker.send_signal(signal.SIGCONT)
                self.stopped.remove((until, worker))

    def end_a_session(self) -> None:
        sql = (
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name <> 'long' ORDER BY random() LIMIT 1) chosen"
        )
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(sql)
        except psycopg.OperationalError:
            return
        self.happened["sessions ended"] += 1

    def restart_the_server(self) -> None:
        if self.server is not None:
            self.server.restart("immediate")
            self.happened["server restarts"] += 1

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    def open_long_transactions(self) -> list[psycopg.Connection]:
        """In this database and in another one of the same server: neither may hold anybody back."""
        if self.server is None:
            return []
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE unrelated")
        long_ones = [
            psycopg.connect(self.url, application_name="long"),
            psycopg.connect(self.url.replace("/postgres?", "/unrelated?"), application_name="long"),
        ]
        long_ones[0].execute("INSERT INTO stress_unrelated (text) VALUES ('long')")
        long_ones[1].execute("CREATE TABLE event_store_storedevent (global_position bigint)")
        long_ones[1].execute("INSERT INTO event_store_storedevent VALUES (1)")
        return long_ones

    # ---- the end

    def finish(self) -> None:
        for _, worker in self.stopped:
            worker.send_signal(signal.SIGCONT)
        for process in self.writers:
            process.terminate()
        for process in self.writers:
            process.wait(timeout=30)
        time.sleep(0.5)

    def drain(self) -> None:
        """Until nothing is left; what a lost connection may have parked has its next attempt within a second."""
        for _ in range(4):
            self.manage("run_subscriptions", "--until-idle", "--lease", LEASE)
            time.sleep(1)
