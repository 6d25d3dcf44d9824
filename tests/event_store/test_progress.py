"""What a command that goes on for long says of how far it has come."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest

from event_store.management import progress
from event_store.management.progress import Bar, Progress
from event_store.management.tables import table


class Out(StringIO):
    """As a command's `stdout`."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str, ending: str = "\n") -> int:
        return super().write(text + ending)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only item."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def notes(out: Any, clock: list[float], *, every: float) -> None:
    shown = Progress(out)
    for _ in range(30):
        clock[0] += every
        shown.note("reader", 100)
    shown.end()


def test_without_a_terminal_there_is_a_plain_line_now_and_then(clock: list[float]) -> None:
    out = Out(is_terminal=False)
    notes(out, clock, every=1)

    assert out.getvalue().splitlines() == [
        "reader: 100 handled",
        "reader: 1,000 handled, 100/s",
        "reader: 1,000 handled, 100/s",
        "reader: 900 handled, 100/s",
    ]


def test_on_a_terminal_one_line_changes(clock: list[float]) -> None:
    out = Out(is_terminal=True)
    notes(out, clock, every=1)

    assert out.getvalue().count("\n") == 1
    assert out.getvalue().rstrip().endswith("3,000 handled, 100/s: reader")


def test_a_line_of_its_own_does_not_run_into_the_changing_one(clock: list[float]) -> None:
    out = Out(is_terminal=True)
    shown = Progress(out)
    shown.note("reader", 1)
    shown.say("The database does not answer.")

    assert out.getvalue().endswith("\r" + " " * progress.WIDTH + "\rThe database does not answer.\n")


@pytest.mark.parametrize(
    ("is_terminal", "shown"),
    [
        (True, "\r[####################                    ] position 500 of 1,000, 10/s, 50 s left"),
        (False, "position 500 of 1,000, 10/s, 50 s left\n"),
    ],
)
def test_a_bar_says_how_long_it_will_take(clock: list[float], is_terminal: bool, shown: str) -> None:
    out = Out(is_terminal=is_terminal)
    bar = Bar(out)
    bar.report(100, 1000)
    clock[0] = 40
    bar.report(500, 1000)
    bar.end()

    assert shown in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_a_table_leaves_out_empty_columns_and_shows_no_control_characters() -> None:
    shown = table(("name", "error", "rate"), [("a", "", "1/s"), ("b\x1b[2J", "", "20/s")])

    assert shown.splitlines() == ["name   rate", "a      1/s", "b?[2J  20/s"]
