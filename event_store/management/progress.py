"""How far a command has come: one line that changes on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import time
from typing import Any

EVERY_ON_A_TERMINAL, EVERY_ELSEWHERE = 0.2, 10.0
"""Seconds between two reports."""
WIDTH = 78
BAR = 40


class Progress:
    """
    Args:
        out: where it is written, such as a command's `self.stdout`.
    """

    def __init__(self, out: Any) -> None:
        self._out = out
        self._is_terminal, self._every = _ways_of(out)
        self._handled: dict[str, int] = {}
        self._total = 0
        # The first report comes at once.
        self._since = self._last = time.monotonic()
        self._is_first = True

    def say(self, line: str) -> None:
        """A line of its own."""
        self._clear()
        self._write(line + "\n")

    def note(self, name: str, handled: int) -> None:
        """So many more events were handled by a subscription."""
        self._handled[name] = self._handled.get(name, 0) + handled
        self._total += handled
        if self._is_first or time.monotonic() - self._last >= self._every:
            self._report()

    def end(self) -> None:
        """What was not yet reported."""
        if self._handled:
            self._report()
        if self._is_terminal and self._total:
            self._write("\n")

    def _report(self) -> None:
        now = time.monotonic()
        seconds = max(now - self._last, 0.001)
        handled = sum(self._handled.values())
        rate = "" if self._is_first else f", {handled / seconds:,.0f}/s"
        if self._is_terminal:
            names = ", ".join(self._handled)
            self._clear()
            self._write(f"{self._total:,} handled{rate}: {names}"[:WIDTH])
        else:
            for name, number in self._handled.items():
                self._write(f"{name}: {number:,} handled{rate if len(self._handled) == 1 else ''}\n")
        self._handled, self._last, self._is_first = {}, now, False

    def _clear(self) -> None:
        if self._is_terminal:
            self._write("\r" + " " * WIDTH + "\r")

    def _write(self, text: str) -> None:
        self._out.write(text, ending="")
        self._out.flush()


class Bar:
    """
    How much is done of something whose end is known, at what rate, and what time is left.

    Args:
        out: where it is written, such as a command's `self.stdout`.
    """

    def __init__(self, out: Any) -> None:
        self._out = out
        self._is_terminal, self._every = _ways_of(out)
        self._first: int | None = None
        self._started = self._last = time.monotonic()

    def report(self, done: int, end: int) -> None:
        """So far it is, in positions."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < self._every and done < end:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._started, 0.001)
        left = f", {(end - done) / rate:,.0f} s left" if rate and done < end else ""
        text = f"position {done:,} of {end:,}, {rate:,.0f}/s{left}"
        if self._is_terminal:
            filled = "#" * (BAR * done // max(end, 1))
            self._out.write(f"\r[{filled:<{BAR}}] {text:<60}", ending="")
        else:
            self._out.write(text)
        self._out.flush()

    def end(self) -> None:
        """Leave its line."""
        if self._is_terminal and self._first is not None:
            self._out.write("")


def _ways_of(out: Any) -> tuple[bool, float]:
    is_terminal = bool(out.isatty())
    return is_terminal, EVERY_ON_A_TERMINAL if is_terminal else EVERY_ELSEWHERE
