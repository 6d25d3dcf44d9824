"""Renaming and removing subscriptions: what is kept under a name, when the code has another one or none."""

from __future__ import annotations

from event_store.durable import durable_subscribers
from event_store.exceptions import UnknownSubscription
from event_store.models import Subscription
from event_store.stores import DEFAULT_STORE, event_stores
from event_store.subscriptions.database import is_postgresql


def rename_subscription(old: str, new: str, *, store: str = DEFAULT_STORE) -> None:
    """
    Keep checkpoints and parked events under another name: for a handler that was moved or renamed. Stop its workers first.

    Raises:
        UnknownSubscription: nothing is kept under the old name.
        ValueError: something is kept under the new one already, or it is no name.
    """
    if not 0 < len(new) <= 255 or not new.isprintable():
        raise ValueError(f"A subscription's name has 1 to 255 printable characters, not {new!r}.")
    chosen = event_stores[store]
    rows = Subscription.objects.using(chosen.backend.using)
    with chosen.atomic():
        _lock(old, chosen.backend.using)
        if rows.filter(name=new).exists():
            raise ValueError(f"There is a subscription {new!r} already: remove it first, if it has nothing to keep.")
        for row in rows.filter(name=old):
            # A worker that still runs the old one can move nothing any more.
            row.name, row.fence, row.owner, row.lease_until = new, row.fence + 1, "", None
            row.save(update_fields=["name", "fence", "owner", "lease_until"])


def remove_subscription(name: str, *, store: str = DEFAULT_STORE) -> int:
    """
    Forget the checkpoints and the parked events of a subscription. One that code still declares then begins anew, where
    its `start` says.

    Returns:
        How many parked events were forgotten with it.
    Raises:
        UnknownSubscription: nothing is kept under this name.
    """
    chosen = event_stores[store]
    with chosen.atomic():
        rows = _lock(name, chosen.backend.using)
        forgotten = rows[0].failures.using(chosen.backend.using).count()
        for row in reversed(rows):
            row.delete(using=chosen.backend.using)
    return forgotten


def is_declared(name: str) -> bool:
    """Whether code of this process declares a durable subscriber of this name."""
    return durable_subscribers.get(name) is not None


def _lock(name: str, using: str) -> list[Subscription]:
    rows = Subscription.objects.using(using).filter(name=name).order_by("partition")
    if is_postgresql(using):
        rows = rows.select_for_update()
    found = list(rows)
    if not found:
        names = Subscription.objects.using(using).order_by("name").values_list("name", flat=True).distinct()
        raise UnknownSubscription(
            f"Nothing is kept of a subscription {name!r}. There are: {', '.join(names) or 'none'}."
        )
    return found
