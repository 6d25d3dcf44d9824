"""`manage.py run_subscriptions [NAME …] [--once | --until-idle]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import InvalidStoreSettings, NotMigrated
from event_store.stores import event_stores
from event_store.subscribers import Subscriber, durable_subscribers
from event_store.subscriptions.worker import Worker


class Command(BaseCommand):
    help = "Has durable subscribers and process managers handle events as they come, until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="Only these subscriptions; all if left out.")
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--once", action="store_true", help="Look at each subscription once, then stop.")
        end.add_argument("--until-idle", action="store_true", help="Stop when nothing is left to handle.")

    def handle(self, *, names: list[str], store: str, once: bool, until_idle: bool, **_: Any) -> None:
        try:
            chosen_store = event_stores[store]
        except InvalidStoreSettings as error:
            raise CommandError(str(error)) from error
        if not chosen_store.backend.keeps_checkpoints:
            raise CommandError(f"The store {store!r} keeps no checkpoints (it is in memory): nothing durable reads it.")
        chosen = _chosen(names, store)
        worker = Worker(chosen_store, chosen, report=self._say)
        worker.stop_on_signals()
        if not chosen:
            raise CommandError(f"No durable subscriber and no process manager reads the store {store!r}.")
        self._say(
            f"Running {', '.join(each.name for each in chosen)}. SIGTERM or Ctrl-C ends it after the event in hand."
        )
        try:
            worker.run(once=once, until_idle=until_idle)
        except NotMigrated as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _chosen(names: list[str], store: str) -> list[Subscriber]:
    known = {each.name: each for each in durable_subscribers.all() if each.reads(store)}
    for name in names:
        if name not in known:
            raise CommandError(
                f"No subscription of the store {store!r} is named {name!r}. There are: {', '.join(known) or 'none'}."
            )
    return [known[name] for name in names or known]
