"""`manage.py failed_events list | retry ID [--up-to] | skip ID --reason … --user …`."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from event_store.exceptions import EventStoreError
from event_store.management.tables import table
from event_store.models import FailedEvent
from event_store.stores import event_stores
from event_store.subscriptions.failed_events import (
    retry_failed_event,
    retry_failed_events_up_to,
    skip_failed_event,
)

MOST = 200
HEADINGS = ("id", "subscription", "sequence", "status", "attempts", "next attempt", "event", "error")


class Command(BaseCommand):
    help = "Lists the events that durable subscriptions have parked, has them handled again, or skips them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", default="default", help="The name of the store in EVENT_STORES.")
        actions = parser.add_subparsers(dest="action", required=True)
        shown = actions.add_parser("list", help=f"The oldest {MOST}, in the order in which they were parked.")
        shown.add_argument("--subscription", help="Only those of this one.")
        shown.add_argument("--json", action="store_true", help="One JSON array.")
        retried = actions.add_parser("retry", help="Have one handled now.")
        retried.add_argument("id", type=int)
        retried.add_argument("--up-to", action="store_true", help="Those before it in its sequence first.")
        skipped = actions.add_parser("skip", help="Leave one unhandled for good.")
        skipped.add_argument("id", type=int)
        skipped.add_argument("--reason", required=True)
        skipped.add_argument("--user", required=True, help="Who decides it.")

    def handle(self, *, action: str, store: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(store, **options)
        except (EventStoreError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _list(self, store: str, *, subscription: str | None, json: bool, **_: Any) -> None:
        found = FailedEvent.objects.using(event_stores[store].backend.using).select_related("subscription", "event")
        found = found.exclude(status=FailedEvent.Status.SKIPPED).defer("event__data", "event__metadata").order_by("pk")
        if subscription is not None:
            found = found.filter(subscription__name=subscription)
        rows = [_row(each) for each in found[: MOST + 1]]
        if json:
            self.stdout.write(
                msgspec.json.encode([dict(zip(HEADINGS, row, strict=True)) for row in rows[:MOST]]).decode()
            )
            return
        self.stdout.write(table(HEADINGS, rows[:MOST]) if rows else "Nothing is parked.")
        if len(rows) > MOST:
            self.stdout.write(f"… and more: these are the oldest {MOST}.")

    def _retry(self, store: str, *, id: int, up_to: bool, **_: Any) -> None:
        if up_to:
            number = retry_failed_events_up_to(id, store=store)
            self.stdout.write(f"{number} handled.")
        elif retry_failed_event(id, store=store):
            self.stdout.write("Handled.")
        failure = FailedEvent.objects.using(event_stores[store].backend.using).filter(pk=id).first()
        if failure is not None:
            raise CommandError(f"It failed again: {failure.error or 'an earlier event of its sequence did'}")

    def _skip(self, store: str, *, id: int, reason: str, user: str, **_: Any) -> None:
        skip_failed_event(id, reason=reason, user=user, store=store)
        self.stdout.write("Skipped.")


def _row(each: FailedEvent) -> tuple[str, ...]:
    due = "" if each.next_attempt_at is None else f"{each.next_attempt_at:%Y-%m-%d %H:%M:%S}"
    error = " ".join(each.error.split())[:100]
    event = f"{each.event.type} {each.event.event_id}"
    return (str(each.pk), each.subscription.name, each.sequence, each.status, str(each.attempts), due, event, error)
