"""The command line that all benchmarks share: for each wanted database, a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable

from database import NAMES


def run_for_each_database(
    parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], None], *, names: tuple[str, ...] = NAMES
) -> None:
    """
    Call `measure` with the arguments; `arguments.database` is one name then.

    Without --database, every one of `names` is measured: a database is bound to Django's settings, these to a process.
    """
    parser.add_argument("--database", choices=names, help="both, one after the other, if left out")
    arguments = parser.parse_args()
    if arguments.database is not None:
        measure(arguments)
        return
    for name in names:
        subprocess.run([sys.executable, *sys.argv, "--database", name], check=True)


def parser(description: str | None, *, rounds: int, seconds: float) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help=f"how often each way has its turn ({rounds})")
    made.add_argument("--seconds", type=float, default=seconds, help=f"how long a turn lasts ({seconds})")
    return made


def add_numbers(to: argparse.ArgumentParser, name: str, default: tuple[int, ...], help: str) -> None:
    words = " ".join(map(str, default))
    to.add_argument(f"--{name}", type=int, nargs="+", default=default, metavar="N", help=f"{help} ({words})")
