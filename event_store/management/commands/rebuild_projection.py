"""`manage.py rebuild_projection NAME [--restart | --in-place]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import EventStoreError
from event_store.management.progress import Bar
from event_store.projections.rebuild import rebuild_projection


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
        bar = Bar(self.stdout)
        try:
            rebuild_projection(name, restart=restart, in_place=in_place, report=bar.report)
        except EventStoreError as error:
            raise CommandError(str(error)) from error
        finally:
            bar.end()
        done = "is reset; its subscription handles everything again" if in_place else "is rebuilt"
        self.stdout.write(f"{name} {done}.")
