"""`manage.py remove_subscription NAME`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import EventStoreError
from event_store.subscriptions.naming import is_declared, remove_subscription


class Command(BaseCommand):
    help = "Forgets the checkpoints and failed events of a durable subscription."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")

    def handle(self, *, name: str, store: str, **_: Any) -> None:
        try:
            forgotten = remove_subscription(name, store=store)
        except EventStoreError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} is removed, with {forgotten} failed event{'s' * (forgotten != 1)}.")
        if is_declared(name):
            self.stdout.write("Code still declares it: it begins anew, where its start says.")
