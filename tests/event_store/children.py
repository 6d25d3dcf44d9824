"""Processes of their own, on the test's database."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from django.db import connections

ROOT = Path(__file__).parent.parent.parent


def manage(*arguments: str, environment: dict[str, str]) -> str:
    """What `manage.py ARGUMENT …` prints; it must succeed. `environment` is the fixture `child_environment`."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_hint(hint: str | None, *, environment: dict[str, str]) -> None:
    """Do what the hint of a system check says: "Run manage.py COMMAND: …"."""
    [command] = re.findall(r"Run manage\.py ([^:]+):", str(hint))
    manage(*command.split(), environment=environment)


def in_a_child(action: Callable[[], object]) -> int:
    """How a process that does this ended: 0, or less than that the number of the signal that has killed it."""
    # Two processes must not talk over one connection.
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
