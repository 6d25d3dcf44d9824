"""`manage.py subscription_status [--json]`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from event_store.exceptions import InvalidStoreSettings
from event_store.management.tables import table
from event_store.stores import event_stores
from event_store.subscriptions.status import (
    MOST_COUNTED,
    OpenTransaction,
    SubscriptionStatus,
    open_transactions,
    subscription_status,
)

HEADINGS = (
    "subscription",
    "status",
    "behind",
    "late by",
    "checkpoint",
    "rate",
    "parked",
    "worker",
    "last success",
    "last error",
)


class Command(BaseCommand):
    help = "Shows how far each durable subscription has come, what it has parked, and what holds it back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object, for monitoring.")
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")

    def handle(self, *, json: bool, store: str, **_: Any) -> None:
        try:
            chosen = event_stores[store]
        except InvalidStoreSettings as error:
            raise CommandError(str(error)) from error
        if not chosen.backend.keeps_checkpoints:
            raise CommandError(f"The store {store!r} keeps no checkpoints (it is in memory): nothing durable reads it.")
        subscriptions, transactions = subscription_status(store=store), open_transactions(store=store)
        if json:
            report = {
                "subscriptions": list(map(asdict, subscriptions)),
                "open_transactions": list(map(asdict, transactions)),
            }
            self.stdout.write(msgspec.json.encode(report).decode())
            return
        now = timezone.now()
        self.stdout.write(
            table(HEADINGS, [_cells(each, now) for each in subscriptions]) if subscriptions else "No subscriptions."
        )
        for each in transactions:
            self.stdout.write(_warning(each, now))


def _cells(each: SubscriptionStatus, now: datetime) -> tuple[str, ...]:
    name = each.name if each.partitions == 1 else f"{each.name} {each.partition + 1}/{each.partitions}"
    status = each.status if each.is_declared else f"{each.status}, not declared"
    return (
        name,
        status,
        "?" if each.behind is None else _capped(each.behind),
        "" if each.behind_seconds is None else f"{each.behind_seconds:,.1f} s",
        str(each.checkpoint),
        "" if each.rate is None else f"{each.rate:,.0f}/s",
        _capped(each.parked) if each.parked else "",
        each.owner,
        _ago(each.last_success_at, now),
        f"{_ago(each.last_error_at, now)}: {each.last_error[:60]}" if each.last_error else "",
    )


def _warning(each: OpenTransaction, now: datetime) -> str:
    who = f"prepared transaction {each.prepared_as!r}" if each.prepared_as else f"session {each.pid} of {each.user}"
    more = f" ({each.application})" if each.application else ""
    since = "" if each.since is None else f", open for {(now - each.since).total_seconds():,.1f} s"
    query = f": {each.query}" if each.query else ""
    sign = "WARNING: " if each.is_open_for_long(now) else ""
    return f"{sign}The {who}{more} has published and not committed{since}, and holds the horizon back{query}"


def _capped(number: int) -> str:
    return f"{number:,}" + ("+" if number >= MOST_COUNTED else "")


def _ago(time: datetime | None, now: datetime) -> str:
    return "" if time is None else f"{max(0, int((now - time).total_seconds())):,} s ago"
