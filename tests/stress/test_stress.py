"""
The proof: whatever happens to writers, workers and the server, every subscription handles every event once, in order.

STRESS_SECONDS says how long it is to go on, STRESS_SEED brings the same choices again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.postgresql import Server, own_server
from tests.stress.chaos import Run
from tests.stress.verify import Findings

SECONDS = float(os.environ.get("STRESS_SECONDS", "15"))
SEED = int(os.environ.get("STRESS_SEED", random.randrange(2**32)))

pytestmark = pytest.mark.stress


@pytest.fixture
def server() -> Iterator[Server]:
    with own_server(log_min_messages="panic") as server:
        yield server


def report(run: Run, found: Findings, seconds: float) -> None:
    print(f"\nseed {SEED}, {seconds:.0f} s with draining")
    for what, number in run.happened.items():
        print(f"{number:8,} {what}")
    for name in Findings.__dataclass_fields__:
        value = getattr(found, name)
        shown = f"{value:8,}" if isinstance(value, int) else f"{value or 0!s:>8}"
        print(f"{shown} {name.replace('_', ' ')}")


def play(run: Run, capsys: pytest.CaptureFixture[str]) -> Findings:
    started = time.monotonic()
    found = run.play()
    with capsys.disabled():
        report(run, found, time.monotonic() - started)
    return found


@pytest.mark.postgresql
def test_nothing_is_missed_repeated_or_out_of_order_on_postgresql(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restarts = max(1, int(SECONDS // 60))
    run = Run(server, tmp_path, seed=SEED, seconds=SECONDS, enough=400, writers=8, workers=3, restarts=restarts)
    found = play(run, capsys)

    assert found.faults() == {}
    assert run.happened["server restarts"] >= 1
    assert found.acknowledged >= run.enough
    # The same run, for a reader that remembers the greatest position it has seen: the test can fail.
    assert found.lost_by_naive_reader > 0


@pytest.mark.sqlite
def test_nothing_is_missed_repeated_or_out_of_order_on_sqlite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.DATABASE == "sqlite"
    run = Run(None, tmp_path, seed=SEED, seconds=SECONDS / 2, enough=100, writers=3, workers=2, restarts=0)
    found = play(run, capsys)

    assert found.faults() == {}
    assert found.acknowledged >= run.enough
