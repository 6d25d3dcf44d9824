"""Rebuilding a projection from its events: beside the live one, which is switched over at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

from event_store.durable import DurableSubscriber
from event_store.exceptions import RebuildFailed
from event_store.horizon import Horizon
from event_store.models import FailedEvent, Subscription
from event_store.projections.projection import Projection, projections
from event_store.projections.shadow_tables import ShadowTables
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions import checkpoints
from event_store.subscriptions.database import is_postgresql
from event_store.subscriptions.errors import describe, is_conflict
from event_store.subscriptions.feeds import StoreFeed
from event_store.subscriptions.handling import Unit, handle
from event_store.subscriptions.leases import Capability, Leases, new_worker_name

LEASE_SECONDS = 10.0
"""After so long a rebuild that was killed can be gone on with."""
SMALL_REST = 1_000
"""Positions that are left to the moment of the switch."""
SWITCHES_IN_A_ROW = 5

Report = Callable[[int, int], object]
"""Called with the position that the rebuild has reached, and the last one there is."""


def rebuild_projection(
    projection: type[Projection] | str,
    *,
    restart: bool = False,
    in_place: bool = False,
    report: Report = lambda done, end: None,
) -> None:
    """
    Make a projection's rows anew from all its events. Readers see the old rows until the new ones are there, all at once.

    One that was ended before goes on where it was.

    Args:
        projection: the class, or its name.
        restart: throw away what an earlier one has built so far.
        in_place: for a projection without models: `reset`, and then all events again. Readers see it grow.
    Raises:
        RebuildFailed: the handler has failed, another rebuild is at it, or the rows do not fit. The live rows are as before.
    """
    chosen = _find(projection)
    if in_place:
        _rebuild_in_place(chosen)
    elif not chosen.models:
        raise RebuildFailed(f"{chosen.name} names no models, so that there is no beside: rebuild it in place.")
    else:
        _Rebuild(chosen, report).run(restart=restart)


class _Rebuild:
    def __init__(self, projection: type[Projection], report: Report) -> None:
        self._projection, self._report = projection, report
        self._store = event_stores[DEFAULT_STORE]
        self._using = self._store.backend.using
        self._tables = ShadowTables(projection.models, using=self._using)
        self._subscriber = DurableSubscriber(
            f"{projection.name} (rebuild)", tuple(projection.reacts_to), projection().handle
        )
        self._feed = StoreFeed(self._store, self._subscriber, Horizon(self._using))
        self._leases = Leases(new_worker_name(), Capability(), using=self._using, seconds=LEASE_SECONDS)

    def run(self, *, restart: bool) -> None:
        [self._row] = checkpoints.load(self._store, self._subscriber)
        if not self._leases.acquire(self._row):
            raise RebuildFailed(
                f"{self._projection.name} is being rebuilt by {self._row.owner or 'somebody else'}. If that was killed, "
                f"try again in {LEASE_SECONDS:.0f} seconds."
            )
        try:
            self._prepare(restart=restart)
            self._catch_up()
            self._switch()
        finally:
            self._leases.release([self._row.pk])

    def _prepare(self, *, restart: bool) -> None:
        self._row.refresh_from_db(using=self._using)
        self._renewed_at = time.monotonic()
        if not restart and self._tables.exist():
            if changed := self._tables.changed():
                raise RebuildFailed(
                    f"{', '.join(changed)}: the structure has changed since this rebuild began. Begin anew (restart)."
                )
            return
        with self._store.atomic():
            self._tables.drop()
            self._tables.create()
            Subscription.objects.using(self._using).filter(pk=self._row.pk).update(checkpoint=0, handled=0)
        self._row.checkpoint = 0

    def _catch_up(self) -> None:
        while True:
            end = self._feed.end()
            if end - self._row.checkpoint <= SMALL_REST:
                return
            with self._tables.redirected():
                self._handle_up_to(end)

    def _handle_up_to(self, end: int) -> None:
        size = self._projection.batch_size
        while self._row.checkpoint < end:
            batch = self._feed.read(after=self._row.checkpoint, end=end, limit=size)
            to = batch[-1].global_position if len(batch) == size else end
            self._handle([Unit(event, "") for event in batch], to=to)
            self._report(to, end)
            if time.monotonic() - self._renewed_at > LEASE_SECONDS / 3:
                self._leases.renew({self._row.pk: 0.0})
                self._renewed_at = time.monotonic()

    def _handle(self, units: list[Unit], *, to: int) -> None:
        if not (self._handled(units, to=to) if units else self._passed_over(to=to)):
            raise RebuildFailed(
                f"{self._projection.name} is being rebuilt by somebody else, who has taken this one over."
            )
        self._row.checkpoint = to

    def _handled(self, units: list[Unit], *, to: int) -> bool:
        def begin() -> bool:
            return checkpoints.move(self._row, to=to, handled=len(units), using=self._using)

        try:
            return handle(self._store, self._subscriber, units, begin=begin)
        except Exception as error:
            if len(units) == 1:
                event = units[0].event
                raise RebuildFailed(
                    f"{self._projection.name} failed at {event.type} {event.id} (position {event.global_position}): "
                    f"{describe(error)}. The live rows are as before; mended, it goes on from there."
                ) from error
        # One by one, to name the one that fails.
        for unit in units:
            self._handle([unit], to=unit.event.global_position)
        return self._passed_over(to=to)

    def _passed_over(self, *, to: int) -> bool:
        return self._row.checkpoint == to or checkpoints.pass_over(self._row, to=to, using=self._using)

    def _switch(self) -> None:
        for attempt in range(SWITCHES_IN_A_ROW):
            checkpoint = self._row.checkpoint
            try:
                with self._store.atomic():
                    self._switch_over()
            except Exception as error:
                self._row.checkpoint = checkpoint
                # A publisher that holds rows and waits for the lock: one of the two has to give way.
                if attempt == SWITCHES_IN_A_ROW - 1 or not is_conflict(error):
                    raise
            else:
                return

    def _switch_over(self) -> None:
        with _nobody_handling(self._projection, self._using) as live:
            # What the live one has handled is final.
            end = max([self._feed.end(), *(row.checkpoint for row in live)])
            with self._tables.redirected():
                self._handle_up_to(end)
            self._tables.replace_live_rows()
            for row in live:
                row.checkpoint, row.fence, row.status = end, row.fence + 1, Subscription.Status.OK
                row.save(using=self._using, update_fields=["checkpoint", "fence", "status"])
            if live:
                FailedEvent.objects.using(self._using).filter(subscription_id=live[0].pk).delete()
            self._tables.drop()
            Subscription.objects.using(self._using).filter(pk=self._row.pk).delete()


@contextmanager
def _nobody_handling(projection: type[Projection], using: str) -> Iterator[list[Subscription]]:
    """Inside a transaction: nobody brings the live rows up to date; the rows of its subscription."""
    if projection.inline:
        if is_postgresql(using):
            with connections[using].cursor() as cursor:
                # Publishers wait for the moment of the switch; readers do not.
                cursor.execute("LOCK TABLE event_store_storedevent IN SHARE ROW EXCLUSIVE MODE")
        yield []
        return
    # One that has never run has no row to lock yet.
    checkpoints.load(event_stores[DEFAULT_STORE], _subscriber(projection))
    rows = Subscription.objects.using(using).filter(name=projection.name).order_by("partition")
    if is_postgresql(using):
        rows = rows.select_for_update(no_key=True)
    yield list(rows)


def _subscriber(projection: type[Projection]) -> DurableSubscriber:
    return DurableSubscriber(projection.name, tuple(projection.reacts_to), projection().handle)


def _rebuild_in_place(projection: type[Projection]) -> None:
    store = event_stores[DEFAULT_STORE]
    using = store.backend.using
    with store.atomic(), _nobody_handling(projection, using) as live:
        projection().reset()
        for row in live:
            row.checkpoint, row.fence, row.status = 0, row.fence + 1, Subscription.Status.OK
            row.save(using=using, update_fields=["checkpoint", "fence", "status"])
        if live:
            FailedEvent.objects.using(using).filter(subscription_id=live[0].pk).delete()
        if projection.inline:
            handler = projection().handle
            for event in store.events.of_type(*projection.reacts_to):
                handler(event)


def _find(projection: type[Projection] | str) -> type[Projection]:
    if isinstance(projection, str):
        found = projections.get(projection)
        if found is None:
            raise RebuildFailed(
                f"No projection is named {projection!r}. There are: {', '.join(projections) or 'none'}."
            )
        return found
    return projection
