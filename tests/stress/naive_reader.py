"""A reader that remembers the greatest position it has seen: `python -m tests.stress.naive_reader FILE`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.stress.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, connection  # noqa: E402

from event_store.models import StoredEvent  # noqa: E402


def main(path: str) -> None:
    last = 0
    with Path(path).open("ab", buffering=0) as file:
        while True:
            try:
                positions = list(StoredEvent.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True))
            except (DatabaseError, InterfaceError):
                connection.close()
                positions = []
            for last in positions:
                file.write(f"{last}\n".encode())
            time.sleep(0.005)


if __name__ == "__main__":
    main(*sys.argv[1:])
