"""Fill the store with three weeks of orders, so that there is something to look at."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catering.demo import Happening, happenings, load_caterers
from catering.events import OrderPlaced
from event_store import event_store

ADDRESS = "http://127.0.0.1:8000/"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (1)")
        parser.add_argument("--orders", type=int, default=200, help="how many orders (200)")
        parser.add_argument("--address", default=ADDRESS, help=f"where the site will be ({ADDRESS})")
        parser.add_argument("--now", help="the moment at which the three weeks end, in ISO 8601 (the current time)")

    def handle(self, *, seed: int, orders: int, now: str | None, address: str, verbosity: int, **options: Any) -> None:
        ends_at = _moment(now)
        if orders < 0:
            raise CommandError("--orders takes a whole number from 0.")
        if event_store.events.of_type(OrderPlaced).exists():
            self.stdout.write("The demo is loaded already: there are orders in the store. Nothing was added.")
        else:
            self._load(happenings(seed=seed, orders=orders, now=ends_at), orders=orders, verbosity=verbosity)
        self._say_who_may_sign_in()
        self.stdout.write(f"Where to click, once `manage.py runserver` runs: {self.style.SUCCESS(address)}")

    def _load(self, story: Sequence[Happening], *, orders: int, verbosity: int) -> None:
        started = time.monotonic()
        load_caterers()
        happened = sum(each.happen() for each in self._with_progress(story, verbosity=verbosity))
        self.stdout.write(
            f"Loaded {orders} orders, {happened} things that people did, in {time.monotonic() - started:.1f} s."
        )

    def _with_progress(self, story: Sequence[Happening], *, verbosity: int) -> Iterator[Happening]:
        shown = verbosity > 0 and self.stdout.isatty()
        for number, each in enumerate(story, start=1):
            yield each
            if shown and (number % 20 == 0 or number == len(story)):
                self.stdout.write(f"\r{number} of {len(story)}", ending="\n" if number == len(story) else "")
                self.stdout.flush()

    def _say_who_may_sign_in(self) -> None:
        users = get_user_model().objects
        if not settings.DEBUG:
            self.stdout.write("DEBUG is off, so no demo user was made: `manage.py createsuperuser` makes one of yours.")
            return
        if not users.filter(username="demo").exists():
            users.create_superuser("demo", password="demo")  # noqa: S106 - with DEBUG only, and it is said
        self.stdout.write("Sign in as demo with the password demo (made because DEBUG is on).")


def _moment(text: str | None) -> datetime:
    if text is None:
        return timezone.now().replace(second=0, microsecond=0)
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--now takes a moment such as 2026-11-24T12:00:00Z, not {text!r}.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
