"""One partition of a durable subscriber at work: each event in one transaction with the checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from django.utils import timezone

from event_store.codec import typed
from event_store.durable import DurableSubscriber, partition_of, stream_sequence
from event_store.events import RecordedEvent
from event_store.horizon import Horizon
from event_store.models import Subscription
from event_store.signals import event_parked
from event_store.store import EventStore
from event_store.subscriptions import checkpoints, failures
from event_store.subscriptions.alerts import announce, tell_subscriber
from event_store.subscriptions.errors import describe, is_lost_connection
from event_store.subscriptions.feeds import feed_of
from event_store.subscriptions.handling import Unit, handle

logger = logging.getLogger("event_store.subscriptions")

READ_SIZE = 200
"""Events in one read, at least."""
FAR_BEHIND = 100
"""Positions that nobody wants, before the checkpoint is moved over them at once; fewer: once a second."""
LOSSES_IN_A_ROW = 5
"""Connections lost at one event, before that counts as the handler's doing."""


class Outcome(Enum):
    """Why a run came to its end."""

    IDLE = "everything that can be read is handled"
    PAUSED = "others have their turn"
    BUSY = "somebody else is handling"
    LOST = "the lease is somebody else's"
    STOPPED = "asked to stop"


class _Ended(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class _Overtaken(Exception):
    """Somebody else has moved the checkpoint: read on from there."""


class _NothingParked(Exception):
    """The sequence goes on meanwhile."""


class PartitionRunner:
    """
    Reads what one partition of a subscription wants, in order, and has each event handled once.

    Keep it: it remembers how far it has looked, which is further than the checkpoint where nobody wanted the events.

    Args:
        owner: the worker that holds the partition's lease; without one, the row's lock alone keeps others out.
        may_go_on: asked before each transaction: an outcome to end with, or None.
    """

    def __init__(
        self,
        store: EventStore,
        subscriber: DurableSubscriber,
        *,
        horizon: Horizon,
        owner: str = "",
        may_go_on: Callable[[], Outcome | None] = lambda: None,
    ) -> None:
        self._store, self._subscriber, self._using = store, subscriber, store.backend.using
        self._feed = feed_of(store, subscriber, horizon)
        self._owner, self._may_go_on = owner, may_go_on
        self.handled = 0
        self._row: Subscription | None = None
        self._scanned = 0
        self._parked: set[str] = set()
        self._losses = 0
        self._read_to = 0
        self._passed_over_at = time.monotonic()

    def run(self, row: Subscription, *, head_id: int, until: int | None = None, horizon: int | None = None) -> Outcome:
        """
        Handle all that is there now.

        Args:
            row: what the database has of this partition.
            head_id: the id of partition 0, under which failures are kept.
            until: handle nothing behind this position, and move the checkpoint exactly there.
            horizon: what was read of it just now; it saves the first look two statements.
        Returns:
            Why it ended.
        Raises:
            OperationalError, InterfaceError: the connection was lost. Never what a handler raised.
        """
        self._head_id, self._until = head_id, until
        self._known_end = None if self._subscriber.stream else horizon
        self._adopt(row)
        try:
            while self._look():
                pass
        except _Ended as ended:
            return ended.outcome
        return Outcome.IDLE

    def _look(self) -> bool:
        """Whether it is worth another look: whoever found the checkpoint locked meanwhile has left."""
        before = self._known.checkpoint
        try:
            end = self._feed.end() if self._known_end is None else self._known_end
            self._known_end = None
            self._handle_up_to(end if self._until is None else min(end, self._until))
        except _Overtaken:
            return True
        return self._known.checkpoint != before

    @property
    def _known(self) -> Subscription:
        if self._row is None:
            raise AssertionError("run() adopts a row first")
        return self._row

    def _adopt(self, row: Subscription) -> None:
        known, self._row = self._row, row
        if known is None or known.fence != row.fence or row.checkpoint > self._scanned:
            self._scanned = self._read_to = row.checkpoint
        if row.status != Subscription.Status.FAILING:
            self._parked.clear()

    def _handle_up_to(self, end: int) -> None:
        size = max(READ_SIZE, self._subscriber.batch_size)
        while self._scanned < end:
            batch = self._feed.read(after=self._scanned, end=end, limit=size)
            self._handle_all([unit for event in batch for unit in self._units_of(event)])
            if batch:
                self._read_to = self._feed.position_of(batch[-1])
            self._scanned = self._read_to if len(batch) == size else end
        self._pass_over()

    def _units_of(self, event: RecordedEvent[str]) -> list[Unit]:
        """The part of an event that is this partition's: none, one, or several."""
        subscriber, row = self._subscriber, self._known
        is_sure = True
        try:
            # Only who looks inside needs it decoded.
            is_decoded = subscriber.partition_by is not None or subscriber.sequences_of is not None
            sequences = subscriber.sequences(typed(event) if is_decoded else event)
        except Exception:
            # It fails once more when it is handled, and is parked under its stream.
            sequences, is_sure = [stream_sequence(event)], False
        mine = [each for each in sequences if partition_of(each, row.partitions) == row.partition]
        position = self._feed.position_of(event)
        return [Unit(event, each, position if each is mine[-1] else None, is_sure) for each in mine]

    def _handle_all(self, units: Sequence[Unit]) -> None:
        if self._known.status == Subscription.Status.FAILING and units:
            self._parked = failures.parked_sequences(
                self._head_id, {unit.sequence for unit in units}, using=self._using
            )
        done = 0
        while done < len(units):
            portion = self._portion(units, done)
            self._handle_portion(portion)
            done += len(portion)

    def _portion(self, units: Sequence[Unit], start: int) -> list[Unit]:
        """What the next transaction takes: a batch, ended by the first event that has to wait behind a parked one."""
        size = 1 if self._subscriber.sequences_of is not None else self._subscriber.batch_size
        portion = list(units[start : start + size])
        for number, unit in enumerate(portion):
            if unit.sequence in self._parked:
                return portion[: number or 1]
        return portion

    def _handle_portion(self, portion: list[Unit]) -> None:
        if (outcome := self._may_go_on()) is not None:
            raise _Ended(outcome)
        if portion[0].sequence in self._parked and self._park_behind(portion[0]):
            return
        try:
            done = handle(self._store, self._subscriber, portion, begin=lambda: self._move(portion, handled=True))
        except Exception as error:
            self._handle_failure(portion, error)
            return
        if not done:
            self._overtaken()
        self.handled += len(portion)
        self._note_moved(portion)

    def _handle_failure(self, portion: list[Unit], error: Exception) -> None:
        if is_lost_connection(error, using=self._using) and self._losses < LOSSES_IN_A_ROW:
            self._losses += 1
            raise error
        if len(portion) > 1:
            # One by one, to find the one that fails.
            for unit in portion:
                self._handle_portion([unit])
        else:
            self._park(portion[0], error)

    def _move(self, portion: Sequence[Unit], *, handled: bool) -> bool:
        number = len(portion) if handled else 0
        return checkpoints.move(self._known, to=self._target(portion), handled=number, using=self._using)

    def _target(self, portion: Sequence[Unit]) -> int:
        checkpoint = portion[-1].checkpoint
        return self._known.checkpoint if checkpoint is None else checkpoint

    def _note_moved(self, portion: Sequence[Unit]) -> None:
        self._known.checkpoint = self._target(portion)
        self._losses = 0

    def _park(self, unit: Unit, error: Exception) -> None:
        event, now = unit.event, timezone.now()
        logger.error("%s failed at %s %s", self._subscriber.name, event.type, event.id, exc_info=error)
        with self._store.atomic():
            if not self._move([unit], handled=False):
                # Somebody else has handled it, or will.
                self._overtaken()
            failures.park(
                self._head_id,
                event,
                unit.sequence,
                error,
                max_attempts=self._subscriber.max_attempts,
                using=self._using,
            )
            self._note_failing(last_error=describe(error), last_error_at=now)
        self._parked.add(unit.sequence)
        self._note_moved([unit])
        tell_subscriber(self._store, self._subscriber, event, sequence=unit.sequence, error=error)
        announce(event_parked, self._store, self._subscriber, event, sequence=unit.sequence, error=error)

    def _park_behind(self, unit: Unit) -> bool:
        try:
            with self._store.atomic():
                self._move_and_park_behind(unit)
        except _NothingParked:
            self._parked.discard(unit.sequence)
            return False
        self._note_moved([unit])
        return True

    def _move_and_park_behind(self, unit: Unit) -> None:
        if not self._move([unit], handled=False):
            self._overtaken()
        if not failures.park_behind(self._head_id, unit.event, unit.sequence, using=self._using):
            # The checkpoint must not stay moved: the event is to be handled.
            raise _NothingParked

    def _note_failing(self, **values: Any) -> None:
        self._known.status = Subscription.Status.FAILING
        mine = Subscription.objects.using(self._using).filter(pk=self._known.pk)
        mine.update(status=Subscription.Status.FAILING, **values)

    def _pass_over(self) -> None:
        """Move the checkpoint over what nobody wants; a write, so not with each look."""
        row, now = self._known, time.monotonic()
        target = self._scanned if self._until is None else min(self._scanned, self._until)
        is_far = target - row.checkpoint > FAR_BEHIND
        # Events that another partition handles: whoever waits for the subscription must not wait for this one.
        is_awaited = self._read_to > row.checkpoint
        is_due = is_far or is_awaited or now - self._passed_over_at >= 1 or self._until is not None
        if target <= row.checkpoint or not is_due:
            return
        self._passed_over_at = now
        if not checkpoints.pass_over(row, to=target, using=self._using):
            self._overtaken()
        row.checkpoint = target

    def _overtaken(self) -> None:
        """Take over what the database has by now. Raises _Overtaken, or _Ended when there is nothing to go on with."""
        now = Subscription.objects.using(self._using).filter(pk=self._known.pk).first()
        if now is None or now.partitions != self._known.partitions or (self._owner and now.owner != self._owner):
            # Removed, divided anew, or taken over by another worker.
            raise _Ended(Outcome.LOST)
        if not self._owner or (now.checkpoint, now.fence) == (self._known.checkpoint, self._known.fence):
            # Whoever has moved it looks again after that, and sees what this one would: eight requests that all went on
            # would only be in each other's way.
            raise _Ended(Outcome.BUSY)
        self._adopt(now)
        raise _Overtaken
