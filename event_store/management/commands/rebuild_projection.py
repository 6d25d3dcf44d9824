"""`manage.py rebuild_projection NAME [--restart | --in-place]`."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import EventStoreError
from event_store.projections.rebuild import rebuild_projection

WIDTH = 40
EVERY_ON_A_TERMINAL, EVERY_ELSEWHERE = 0.2, 5.0
"""Seconds between two reports."""


class Command(BaseCommand):
    help = "Makes the rows of a projection anew from its events, beside the live ones, and then switches over."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The name of the projection, by default its dotted path.")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--restart", action="store_true", help="Throw away what an earlier one has built so far.")
        how.add_argument(
            "--in-place", action="store_true", help="Reset it and handle everything again, before all eyes."
        )

    def handle(self, *, name: str, restart: bool, in_place: bool, **_: Any) -> None:
        self._started = self._last = time.monotonic()
        self._first: int | None = None
        try:
            rebuild_projection(name, restart=restart, in_place=in_place, report=self._report)
        except EventStoreError as error:
            raise CommandError(str(error)) from error
        if self._first is not None and self.stdout.isatty():
            self.stdout.write("")
        done = "is reset; its subscription handles everything again" if in_place else "is rebuilt"
        self.stdout.write(f"{name} {done}.")

    def _report(self, done: int, end: int) -> None:
        now, is_terminal = time.monotonic(), self.stdout.isatty()
        if self._first is None:
            self._first = done
        if now - self._last < (EVERY_ON_A_TERMINAL if is_terminal else EVERY_ELSEWHERE) and done < end:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._started, 0.001)
        left = f", {(end - done) / rate:,.0f} s left" if rate and done < end else ""
        text = f"position {done:,} of {end:,}, {rate:,.0f}/s{left}"
        if is_terminal:
            bar = "#" * (WIDTH * done // max(end, 1))
            self.stdout.write(f"\r[{bar:<{WIDTH}}] {text:<60}", ending="")
            self.stdout.flush()
        else:
            self.stdout.write(text)
