"""What the methods of a query are given, checked. Everything here raises InvalidQuery, naming the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast, get_args
from uuid import UUID

from event_store.backends.base import Bound, Comparison, JsonValue, Scalar
from event_store.codec import as_stored
from event_store.events import Event, RecordedEvent, check_time, event_types
from event_store.exceptions import InvalidEvent, InvalidQuery
from event_store.messages import MAX_DEPTH

MAX_POSITION = 2**63 - 1
MOST_VALUES = 100
"""In one look-up; SQLite refuses conditions that are some times as long."""
_UNSEARCHABLE = frozenset('"\\')
_ORDERED = ("<", "<=", ">", ">=")


def types_of(method: str, *given: object) -> frozenset[str]:
    """The types of event classes (with their subclasses) and of type names."""
    names: frozenset[str] = frozenset()
    for each in given:
        named = event_types.named_by(each, base=Event)
        if named is None:
            raise InvalidQuery(f"{method}: takes event classes and type names, not {each!r}.")
        names |= named
    return names


def position_or_event(method: str, bound: object, *, inclusive: bool = False) -> Bound[int | UUID]:
    """A bound: a position from -1, an event, or its id."""
    if isinstance(bound, RecordedEvent):
        return Bound(bound.id, inclusive)
    if isinstance(bound, UUID):
        return Bound(bound, inclusive)
    if not _is_whole(bound, -1):
        raise InvalidQuery(f"{method}: takes a position (a whole number from -1), an event or its id, not {bound!r}.")
    return Bound(bound, inclusive)  # type: ignore[arg-type]


def whole_number(method: str, value: object, *, least: int) -> int:
    if not _is_whole(value, least):
        raise InvalidQuery(f"{method}: takes a whole number from {least}, not {value!r}.")
    return value  # type: ignore[return-value]


def time_bound(method: str, value: object, *, inclusive: bool = False) -> Bound[datetime]:
    try:
        return Bound(check_time(method, value), inclusive)
    except InvalidEvent as error:
        raise InvalidQuery(str(error)) from None


def uuid_of(method: str, value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        raise InvalidQuery(f"{method}: {value!r} is not a uuid.") from None


def json_values(
    known: tuple[JsonValue, ...], method: str, values: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> tuple[JsonValue, ...]:
    """What is known already, and each scalar of (nested) mappings with the path of keys to it."""
    if values is not None and not isinstance(values, Mapping):
        raise InvalidQuery(f"{method}: takes a mapping of keys to values, not {values!r}.")
    wanted = {**(values or {}), **named}
    return _not_too_many(method, (*known, *_scalars(method, wanted, ())))


def json_comparison(
    known: tuple[JsonValue, ...], method: str, path: object, comparison: object, value: object
) -> tuple[JsonValue, ...]:
    """What is known already, and one more."""
    if comparison not in get_args(Comparison):
        raise InvalidQuery(f"{method}: compares by {', '.join(get_args(Comparison))}, not by {comparison!r}.")
    keys = [path] if isinstance(path, str) else path
    if not isinstance(keys, Sequence) or not 0 < len(keys) < MAX_DEPTH:
        raise InvalidQuery(f"{method}: takes a key, or a sequence of keys, not {path!r}.")
    here = tuple(_key(method, each) for each in keys)
    wanted = None if comparison == "exists" else _scalar(f"{method}: {'.'.join(here)}", value)
    if comparison in _ORDERED and (wanted is None or isinstance(wanted, bool)):
        raise InvalidQuery(f"{method}: {'.'.join(here)}: nothing is {comparison} {value!r}.")
    return _not_too_many(method, (*known, JsonValue(here, wanted, cast("Comparison", comparison))))


def _not_too_many(method: str, scalars: tuple[JsonValue, ...]) -> tuple[JsonValue, ...]:
    if len(scalars) > MOST_VALUES:
        raise InvalidQuery(f"{method}: looks for {MOST_VALUES} values at most, not {len(scalars)}.")
    return scalars


def _scalars(method: str, wanted: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[JsonValue]:
    if len(path) >= MAX_DEPTH:
        raise InvalidQuery(f"{method}: looks {MAX_DEPTH} levels deep at most.")
    if not wanted:
        raise InvalidQuery(f"{method}: names no value{' at ' + '.'.join(path) if path else ''}.")
    for key, value in wanted.items():
        here = (*path, _key(method, key))
        if isinstance(value, Mapping):
            yield from _scalars(method, value, here)
        else:
            yield JsonValue(here, _scalar(f"{method}: {'.'.join(here)}", value))


def _key(method: str, key: object) -> str:
    # SQLite's paths have no way to write these.
    if not isinstance(key, str) or not key or not key.isprintable() or not _UNSEARCHABLE.isdisjoint(key):
        raise InvalidQuery(
            f"{method}: looks for keys of printable characters without quotes and backslashes, not {key!r}."
        )
    return key


def _scalar(where: str, value: object) -> Scalar:
    try:
        plain = as_stored(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidQuery(f"{where}: {error}.") from None
    if plain is None and value is not None:
        raise InvalidQuery(f"{where}: {value!r} has no place in JSON.")
    if isinstance(plain, (dict, list)):
        raise InvalidQuery(f"{where}: looks for one text, number, true, false or None, not {value!r}.")
    if isinstance(plain, str) and "\0" in plain:
        raise InvalidQuery(f"{where}: {value!r} holds a NUL, which no event does.")
    if isinstance(plain, int) and not -(2**63) <= plain < 2**63:
        raise InvalidQuery(f"{where}: {value!r} has more than 64 bits.")
    scalar: Scalar = plain
    return scalar


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_POSITION
