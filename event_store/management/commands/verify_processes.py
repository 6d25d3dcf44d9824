"""`manage.py verify_processes [TYPE] [--process ID] [--repair]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.management.progress import Bar
from event_store.processes.manager import process_managers
from event_store.processes.verification import verify_processes


class Command(BaseCommand):
    help = "Folds every process anew and says where its row is not what its events and steps amount to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("type", nargs="?", default="", help="Only processes of this type; all if left out.")
        parser.add_argument("--process", default="", metavar="ID", help="Only the process of this id.")
        parser.add_argument("--repair", action="store_true", help="Write what is expected.")

    def handle(self, *, type: str, process: str, repair: bool, **_: Any) -> None:
        if type and type not in process_managers:
            raise CommandError(f"No process manager is of type {type!r}. There are: {', '.join(process_managers)}.")
        bar, repaired, left = Bar(self.stdout), 0, 0
        for mismatch in verify_processes(type, process, repair=repair, report=bar.report):
            is_repaired = repair and mismatch.can_be_repaired
            repaired, left = repaired + is_repaired, left + (not is_repaired)
            self.stdout.write(f"{mismatch}{' (repaired)' if is_repaired else ''}")
        bar.end()
        if left:
            raise CommandError(f"{left} mismatches are left{'' if repair else ': --repair mends the rows'}.")
        self.stdout.write(f"{repaired} mismatches are repaired." if repaired else "Every process is as it should be.")
