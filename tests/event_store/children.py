"""`manage.py` in a process of its own, on the test's database."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
