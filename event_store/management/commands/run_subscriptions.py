"""`manage.py run_subscriptions [NAME …] [--partitions 0,2-3] [--deliveries 4] [--once | --until-idle]`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.durable import MOST_PARTITIONS, DurableSubscriber, durable_subscribers
from event_store.exceptions import InvalidStoreSettings, NotMigrated
from event_store.management.progress import Progress
from event_store.processes.deadlines import reach_due_deadlines
from event_store.processes.delivery_pool import MOST_THREADS, DeliveryPool
from event_store.processes.manager import process_managers
from event_store.store import EventStore
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions.leases import LEASE_SECONDS
from event_store.subscriptions.worker import Chore, Worker


class Command(BaseCommand):
    help = "Has durable subscribers and process managers handle events as they come, until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="Only these subscriptions; all if left out.")
        parser.add_argument(
            "--partitions", default="", help="Only partitions of these numbers: 0,2-3; all if left out."
        )
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")
        parser.add_argument(
            "--lease",
            type=float,
            default=LEASE_SECONDS,
            metavar="SECONDS",
            help="For how long a worker that is not heard of keeps its partitions; the same for all workers.",
        )
        parser.add_argument(
            "--deliveries",
            type=int,
            default=4,
            metavar="NUMBER",
            help="How many commands for the outside are delivered at once; 0 for none.",
        )
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--once", action="store_true", help="Look at each subscription once, then stop.")
        end.add_argument("--until-idle", action="store_true", help="Stop when nothing is left to handle.")

    def handle(
        self,
        *,
        names: list[str],
        partitions: str,
        store: str,
        lease: float,
        deliveries: int,
        once: bool,
        until_idle: bool,
        **_: Any,
    ) -> None:
        try:
            chosen_store = event_stores[store]
        except InvalidStoreSettings as error:
            raise CommandError(str(error)) from error
        if not chosen_store.backend.keeps_checkpoints:
            raise CommandError(f"The store {store!r} keeps no checkpoints (it is in memory): nothing durable reads it.")
        if not lease >= 1:
            raise CommandError(f"--lease {lease:g}: at least 1 second.")
        if not 0 <= deliveries <= MOST_THREADS:
            raise CommandError(f"--deliveries {deliveries}: 0 to {MOST_THREADS}.")
        chosen, progress, chores = _chosen(names, store), Progress(self.stdout), ExitStack()
        worker = Worker(
            chosen_store,
            chosen,
            partitions=_numbers(partitions),
            chores=_chores(store, deliveries, until=chores),
            lease_seconds=lease,
            say=progress.say,
            note=progress.note,
        )
        worker.stop_on_signals()
        if not chosen:
            raise CommandError(f"No durable subscriber and no process manager reads the store {store!r}.")
        progress.say(
            f"Running {', '.join(each.name for each in chosen)} as {worker.name}."
            " SIGTERM or Ctrl-C ends it after the event in hand."
        )
        try:
            worker.run(once=once, until_idle=until_idle)
        except NotMigrated as error:
            raise CommandError(str(error)) from error
        finally:
            # Waits for what is being delivered.
            chores.close()
            progress.end()


def _chores(store: str, deliveries: int, *, until: ExitStack) -> list[Chore]:
    if store != DEFAULT_STORE or not process_managers:
        return []
    pool = [until.enter_context(DeliveryPool(deliveries))] if deliveries else []
    return [_reach_due_deadlines, *pool]


def _reach_due_deadlines(store: EventStore, stopping: Callable[[], bool]) -> tuple[int, bool]:
    return reach_due_deadlines(store, stopping), False


def _chosen(names: list[str], store: str) -> list[DurableSubscriber]:
    known = {each.name: each for each in durable_subscribers.all() if each.reads(store)}
    for name in names:
        if name not in known:
            raise CommandError(
                f"No subscription of the store {store!r} is named {name!r}. There are: {', '.join(known) or 'none'}."
            )
    return [known[name] for name in names or known]


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        try:
            numbers += range(int(first), int(last or first) + 1)
        except ValueError:
            raise CommandError(f"--partitions {text}: numbers from 0, such as 0,2-3.") from None
    if any(number >= MOST_PARTITIONS for number in numbers):
        raise CommandError(f"--partitions {text}: a subscription has at most {MOST_PARTITIONS} partitions.")
    return numbers
