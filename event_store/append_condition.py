"""Append on a condition: nothing that matters has happened since the writer looked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from event_store.events import Event, event_types
from event_store.exceptions import InvalidAppendCondition
from event_store.expected_version import MAX_VERSION
from event_store.streams import check_stream_name


class AppendCondition:
    """
    The streams that a decision was made from, as they were read:

        AppendCondition({"Course$c1": 12, "Student$7": 3}, types=[CourseFilled, StudentEnrolled])

    Such streams are *tags*: events of many kinds are linked to each. The condition holds as long as none of them
    has got an event behind the version that was read (with `types`: one of those types).

    Args:
        versions: stream names with the position of the last event that was read there, -1 for none.
        types: event classes (with their subclasses) or type names that count as a change; all, if left out.
    Raises:
        InvalidAppendCondition, InvalidStreamName: says which entry is wrong.
    Source: dynamic consistency boundaries, dcb.events.
    """

    def __init__(self, versions: Mapping[str, int], *, types: Iterable[type[Event] | str] | None = None) -> None:
        if not isinstance(versions, Mapping) or not versions:
            raise InvalidAppendCondition(
                f"versions: takes stream names with the versions that were read, not {versions!r}."
            )
        self.versions = {
            check_stream_name(name, argument="versions"): _checked_version(name, version)
            for name, version in versions.items()
        }
        self.types = None if types is None else _checked_types(types)

    def __repr__(self) -> str:
        types = "" if self.types is None else f", types={sorted(self.types)}"
        return f"AppendCondition({self.versions}{types})"


def _checked_version(name: str, version: object) -> int:
    if isinstance(version, bool) or not isinstance(version, int) or not -1 <= version < MAX_VERSION:
        raise InvalidAppendCondition(
            f"versions[{name!r}]: takes the position of the last event that was read (a whole number from -1), "
            f"not {version!r}."
        )
    return version


def _checked_types(types: Iterable[type[Event] | str]) -> frozenset[str]:
    if isinstance(types, (str, type)) or not isinstance(types, Iterable):
        raise InvalidAppendCondition(f"types: takes a list of event classes and type names, not {types!r}.")
    names: frozenset[str] = frozenset()
    for each in types:
        named = event_types.named_by(each, base=Event)
        if named is None:
            raise InvalidAppendCondition(f"types: takes event classes and type names, not {each!r}.")
        names |= named
    if not names:
        raise InvalidAppendCondition("types: is empty, so nothing would count as a change; leave it out for all types.")
    return names
