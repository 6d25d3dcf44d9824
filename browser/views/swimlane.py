"""Streams beside one another, in the order of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from browser.cursors import page_from_oldest
from browser.merged_links import Merged, merged_links
from browser.views.base import BrowserView
from browser.views.streams import names_with_prefix
from event_store.models import StoredEvent, Stream

MOST_COMPARED = 6
MOST_SIMILAR = 8


@dataclass(frozen=True)
class Column:
    """A stream; `others` are those that remain when it is taken away."""

    stream: Stream
    others: Sequence[str]


@dataclass(frozen=True)
class Shown:
    """An event at its position in one stream."""

    event: StoredEvent
    position: int
    is_written_here: bool


@dataclass(frozen=True)
class Moment:
    """What happened in one millisecond: for each stream, what it shows of it; `pause` since the moment before."""

    at: datetime
    pause: timedelta | None
    cells: Sequence[Sequence[Shown]]


class SwimlaneView(BrowserView):
    """`?s=a&s=b`: up to six streams."""

    template_name = "browser/swimlane.html"
    section = "streams"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        wanted = list(dict.fromkeys(filter(None, (each.replace("\0", "") for each in self.request.GET.getlist("s")))))
        self.columns = self._columns(wanted[:MOST_COMPARED])
        names = [each.stream.name for each in self.columns]
        unknown = [each for each in wanted[:MOST_COMPARED] if each not in names]
        page = page_from_oldest(self.request, self._read, _global_position)
        page = page.showing(self.sight.of_events(page.rows, _global_position))
        return super().get_context_data(
            columns=self.columns,
            names=names,
            unknown=unknown,
            similar=[(each, _query([*names, each])) for each in self._similar(unknown)],
            too_many=wanted[MOST_COMPARED:],
            most=MOST_COMPARED,
            has_room=len(names) < MOST_COMPARED,
            page=page,
            moments=list(_moments(page.rows, [each.stream.pk for each in self.columns])),
            **context,
        )

    def _columns(self, wanted: Sequence[str]) -> list[Column]:
        found = {each.name: each for each in Stream.objects.filter(name__in=wanted) if self.sight.stream(each.name)}
        names = [each for each in wanted if each in found]
        return [Column(found[name], [each for each in names if each != name]) for name in names]

    def _similar(self, unknown: Sequence[str]) -> list[str]:
        """Streams that begin as the last name that is none: the one that was just typed."""
        if not unknown:
            return []
        found = names_with_prefix(Stream.objects.filter(version__gte=0), unknown[-1]).order_by("name")
        names = found.values_list("name", flat=True)[:MOST_SIMILAR]
        return [each for each in names if self.sight.stream(each)]

    def _read(self, before: int | None, after: int | None, limit: int) -> Sequence[Merged]:
        return merged_links([each.stream for each in self.columns], before, after, limit)


def _query(names: Sequence[str]) -> str:
    return "?" + urlencode([("s", each) for each in names])


def _global_position(merged: Merged) -> int:
    return merged.event


def _moments(merged: Sequence[Merged], streams: Sequence[int]) -> Iterable[Moment]:
    events = StoredEvent.objects.defer("data", "metadata").in_bulk([each.event for each in merged])
    shown = [(events[each.event], each) for each in merged]
    before: datetime | None = None
    for at, group in groupby(shown, key=lambda each: _millisecond(each[0].recorded_at)):
        together = list(group)
        yield Moment(
            at, max(at - before, timedelta(0)) if before else None, [_cell(together, each) for each in streams]
        )
        before = at


def _cell(together: Sequence[tuple[StoredEvent, Merged]], stream: int) -> list[Shown]:
    return [
        Shown(event, place.position, place.is_written_here)
        for event, merged in together
        for place in merged.places
        if place.stream == stream
    ]


def _millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
