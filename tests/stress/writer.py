"""A process that writes: `python -m tests.stress.writer NUMBER SEED FOLDER`. It ends with SIGTERM."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.stress.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402

from event_store import EventStoreError, NewEvent, event_store  # noqa: E402
from tests.stress.app.events import Other, Written  # noqa: E402
from tests.stress.app.models import Unrelated  # noqa: E402
from tests.stress.app.subscribers import FEED  # noqa: E402

STREAMS = 12
LONGEST_SLEEP = 0.25


class Undone(Exception):
    """Rolls back what has been written."""


class Writer:
    """Random transactions; what is known to be committed, and what is known to be undone, goes into files beside it."""

    def __init__(self, number: int, seed: int, folder: Path) -> None:
        self.number, self.choice = number, random.Random(seed)
        # Unbuffered: a killed process has noted what it knew.
        self.committed = (folder / f"committed-{os.getpid()}").open("ab", buffering=0)
        self.undone = (folder / f"undone-{os.getpid()}").open("ab", buffering=0)
        self.written = 0
        self.last: UUID | None = None
        self.is_stopping = False

    def stop(self, *_: object) -> None:
        # No exception: raised inside a driver's callback or a destructor, it would be lost.
        self.is_stopping = True

    def run(self) -> None:
        while not self.is_stopping:
            self.ids: list[UUID] = []
            doomed = self.choice.random() < 0.15
            try:
                with transaction.atomic():
                    self.choice.choice(self.kinds())()
                    if doomed:
                        raise Undone
            except Undone:
                self.note(self.undone)
            except EventStoreError:
                # A version that somebody else was faster to reach: the whole transaction is undone.
                self.note(self.undone)
            except (DatabaseError, InterfaceError):
                # Whether it was committed, nobody knows.
                connection.close()
                time.sleep(0.1)
            else:
                self.note(self.committed)
                self.last = self.ids[-1] if self.ids else self.last

    def note(self, file: Any) -> None:
        if self.ids:
            file.write("".join(f"{each}\n" for each in self.ids).encode())

    def kinds(self) -> list[Callable[[], None]]:
        return [
            self.publish,
            self.publish,
            self.several,
            self.slow,
            self.early,
            self.savepoint,
            self.conflict,
            self.link,
        ]

    def publish(self, *, links: bool = True, **options: Any) -> None:
        events = []
        for _ in range(self.choice.randint(1, 3)):
            self.written += 1
            kind = self.choice.choice([Written, Written, Other])
            events.append(NewEvent(kind(writer=self.number, number=self.written), id=uuid4()))
        # Streams of two categories are written by everybody.
        stream = f"{self.choice.choice(['Order', 'Customer'])}${self.choice.randrange(STREAMS)}"
        shown = [FEED] if links and self.choice.random() < 0.2 else []
        recorded = event_store.publish(events, stream=options.pop("stream", stream), links=shown, **options)
        self.ids += [event.id for event in recorded]

    def several(self) -> None:
        for _ in range(self.choice.randint(2, 4)):
            # One stream of one's own, so that two of these cannot wait for each other.
            self.publish(stream=f"Order$of {self.number}", links=False)

    def slow(self) -> None:
        self.publish(stream=f"Order$slow {self.number}", links=False)
        time.sleep(self.choice.uniform(0, LONGEST_SLEEP))

    def early(self) -> None:
        Unrelated.objects.create(text="early")
        time.sleep(self.choice.uniform(0, LONGEST_SLEEP / 2))
        self.publish()

    def savepoint(self) -> None:
        kept = list(self.ids)
        try:
            with transaction.atomic():
                self.publish(stream=f"Order$undone {self.number}", links=False)
                raise Undone
        except Undone:
            self.undone.write("".join(f"{each}\n" for each in self.ids if each not in kept).encode())
            self.ids = kept
        self.publish()

    def conflict(self) -> None:
        stream = f"Order${self.choice.randrange(STREAMS)}"
        newest = event_store.events.in_stream(stream).last()
        version = -1 if newest is None or newest.position is None else newest.position
        self.publish(stream=stream, expected_version=max(-1, version - self.choice.randint(0, 1)), links=False)

    def link(self) -> None:
        if self.last is not None and not event_store.is_in_stream(self.last, FEED):
            event_store.link(self.last, stream=FEED)


def main(number: str, seed: str, folder: str) -> None:
    writer = Writer(int(number), int(seed), Path(folder))
    signal.signal(signal.SIGTERM, writer.stop)
    writer.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
