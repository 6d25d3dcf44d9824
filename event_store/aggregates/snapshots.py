"""Attributes of aggregates, kept as of an event: a short cut, without which everything is as it was, and slower."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar, get_origin, get_type_hints

import msgspec
from django.utils import timezone

from event_store.aggregates.aggregate import Aggregate
from event_store.code_version import code_of
from event_store.codec import decode_plain, to_plain
from event_store.events import RecordedEvent
from event_store.exceptions import InvalidAggregate
from event_store.models import AggregateSnapshot
from event_store.store import EventStore

A = TypeVar("A", bound=Aggregate)
OWN = ("id", "version", "recorded")


def is_due(aggregate: Aggregate, before: int) -> bool:
    """Whether a multiple of `snapshot_every` lies between a version and the aggregate's."""
    every = type(aggregate).snapshot_every
    return every is not None and (before + 1) // every < (aggregate.version + 1) // every


def take(store: EventStore, aggregate: Aggregate, last: RecordedEvent[Any]) -> None:
    """
    Keep the attributes as of the event that was stored last, in place of an older snapshot. Inside its transaction.

    Raises:
        InvalidAggregate: an attribute does not come back as it was.
    """
    snapshots = AggregateSnapshot.objects.using(store.backend.using)
    values = {
        "version": aggregate.version,
        "event_id": last.id,
        "code": _code_of(type(aggregate)),
        "state": _encoded(aggregate),
        "taken_at": timezone.now(),
    }
    known = snapshots.filter(stream=aggregate.stream)
    if not known.filter(version__lt=aggregate.version).update(**values) and not known.exists():
        snapshots.bulk_create([AggregateSnapshot(stream=aggregate.stream, **values)], ignore_conflicts=True)


def find(store: EventStore, aggregate: A) -> tuple[A, AggregateSnapshot] | None:
    """An aggregate as of its snapshot; None where there is none that today's code can go on from."""
    snapshot = AggregateSnapshot.objects.using(store.backend.using).filter(stream=aggregate.stream).first()
    if snapshot is None or snapshot.code != _code_of(type(aggregate)):
        return None
    try:
        restored = _restored(type(aggregate), aggregate.id, snapshot.state)
    except InvalidAggregate:
        return None
    restored.version = snapshot.version
    return restored, snapshot


def check(aggregate: Aggregate) -> None:
    """Raises InvalidAggregate where an attribute would not come back from a snapshot as it was."""
    _encoded(aggregate)


def _encoded(aggregate: Aggregate) -> str:
    state = _state_of(aggregate)
    try:
        text = msgspec.json.encode(to_plain(state)).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidAggregate(f"{type(aggregate).__name__} cannot be kept as JSON: {error}") from error
    restored = _state_of(_restored(type(aggregate), aggregate.id, text))
    for name, value in state.items():
        if type(restored[name]) is not type(value) or restored[name] != value:
            raise InvalidAggregate(
                f"{type(aggregate).__name__}.{name} comes back from a snapshot as {restored[name]!r}, not {value!r}: "
                f"annotate it in the body of the class ({name}: {_hint_for(value)})."
            )
    return text


def _restored(aggregate_class: type[A], aggregate_id: str, text: str) -> A:
    restored, hints, state = aggregate_class(aggregate_id), _hints_of(aggregate_class), decode_plain(text)
    if state.keys() != _state_of(restored).keys():
        raise InvalidAggregate(
            f"{aggregate_class.__name__}.__init__ sets {_listed(_state_of(restored))}, and there is {_listed(state)}: set all "
            "attributes in __init__."
        )
    for name, value in state.items():
        try:
            setattr(restored, name, msgspec.convert(value, hints.get(name, Any), str_keys=True))
        except msgspec.ValidationError as error:
            raise InvalidAggregate(f"{aggregate_class.__name__}.{name}: {error}") from error
    return restored


def _state_of(aggregate: Aggregate) -> dict[str, Any]:
    return {name: value for name, value in vars(aggregate).items() if name not in OWN}


def _hints_of(aggregate_class: type[Aggregate]) -> dict[str, Any]:
    try:
        hints = get_type_hints(aggregate_class)
    except NameError as error:
        raise InvalidAggregate(
            f"{aggregate_class.__name__}: {error}; what annotations name has to be imported at run time."
        ) from error
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}


def _code_of(aggregate_class: type[Aggregate]) -> str:
    own = aggregate_class.__mro__[: aggregate_class.__mro__.index(Aggregate)]
    # Where there is no source, the version alone has to tell.
    return code_of(own, version=aggregate_class.snapshot_version) or f"version {aggregate_class.snapshot_version}"


def _hint_for(value: Any) -> str:
    return f"{type(value).__name__}[…]" if isinstance(value, set | frozenset | tuple | dict) else type(value).__name__


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "nothing"
