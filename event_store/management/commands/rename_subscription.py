"""`manage.py rename_subscription OLD NEW`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import EventStoreError
from event_store.subscriptions.naming import is_declared, rename_subscription


class Command(BaseCommand):
    help = "Keeps the checkpoints and failed events of a durable subscription under another name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old")
        parser.add_argument("new")
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")

    def handle(self, *, old: str, new: str, store: str, **_: Any) -> None:
        try:
            rename_subscription(old, new, store=store)
        except (EventStoreError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{old} is {new} now.")
        if not is_declared(new):
            self.stdout.write(f"No code declares {new} yet.")
