"""`manage.py event_store_roles [--web NAME] [--reader NAME] [--operator NAME]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from event_store.roles import KINDS, roles_sql

HELP = {
    "web": "The role of the site and its workers, which cannot change an event.",
    "reader": "A role that can only read.",
    "operator": "The role for repairs by hand.",
}


class Command(BaseCommand):
    help = "Prints the SQL that creates PostgreSQL roles with no more rights than they need; psql can run it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        for kind in KINDS:
            parser.add_argument(f"--{kind}", metavar="NAME", help=HELP[kind])
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))

    def handle(self, *, database: str, **options: Any) -> str:
        names = {kind: options[kind] for kind in KINDS if options[kind] is not None}
        if not names:
            raise CommandError("Name at least one role: --web shop_web --reader shop_reader --operator shop_operator.")
        try:
            return roles_sql(names, using=database)
        except ValueError as error:
            raise CommandError(str(error)) from error
