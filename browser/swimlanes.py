"""The picture of a conversation: a lane for each stream, time to the right, and what caused what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from browser.conversation import DEADLINE, Message, Row
from browser.labels import Label, labels_of
from browser.time_scale import DIGIT_WIDTH, TimeScale
from browser.time_scale import Fold as FoldedTime
from browser.type_names import short_name
from browser.visible import visible_text
from event_store.models import Process

LANE, AXIS, LEGEND = 32, 24, 18
MOST_LANES = 20
NARROW, WIDE, APART, MARGIN = 640, 960, 24, 14
HALF_MARK = 6
BETWEEN_TICKS = 24
SHORT = timedelta(minutes=1)
# Lines of several causes in one lane run beside one another, below its marks.
TRACKS = (9.5, 11.5, 13.5)


@dataclass(frozen=True)
class Lane:
    """`stream` None: those that were deleted. `others`: how many streams share the last lane. `process`: whose stream it is."""

    stream: str | None
    y: int
    process: Process | None = None
    others: int = 0


@dataclass(frozen=True)
class Mark:
    """`x` in percent of the picture; `name` says all of it. Two labels: in a picture as narrow as it gets, and in a wide one."""

    row: Row
    x: str
    y: int
    name: str
    narrow: Label | None
    wide: Label | None


@dataclass(frozen=True)
class Edge:
    """From a cause down to `track`, along it, and up or down to the effect."""

    effect: UUID
    x1: str
    y1: float
    track: float
    x2: str
    y2: float


@dataclass(frozen=True)
class Fold:
    """Time in which nothing happened; both labels may be empty."""

    x: str
    narrow: str
    wide: str


@dataclass(frozen=True)
class Tick:
    """A time below the axis. `anchor` is SVG's: start, middle or end."""

    x: str
    label: str
    anchor: str


@dataclass(frozen=True)
class Swimlanes:
    """Everything that the template draws; heights in pixels, `width` the least one that keeps the marks apart."""

    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    edges: Sequence[Edge]
    folds: Sequence[Fold]
    ticks: Sequence[Tick]
    width: int

    @property
    def has_deadlines(self) -> bool:
        return any(each.row.message.kind == DEADLINE for each in self.marks)

    @property
    def lanes_height(self) -> int:
        return len(self.lanes) * LANE

    @property
    def axis_y(self) -> int:
        return self.lanes_height + AXIS // 2

    @property
    def height(self) -> int:
        return self.lanes_height + AXIS + LEGEND * (2 if self.folds else 1)


@dataclass(frozen=True)
class _Place:
    """`x` as a part of the picture's width."""

    x: float
    lane: int

    @property
    def y(self) -> int:
        return self.lane * LANE + LANE // 2


def swimlanes(rows: Sequence[Row], *, true_scale: bool = False) -> Swimlanes:
    """
    Args:
        rows: one or more, in their order.
        true_scale: idle time is not folded, and marks may lie on one another.
    """
    width = max(NARROW, 2 * MARGIN + APART * len(rows))
    moments = [row.message.moment for row in rows]
    scale = TimeScale(moments, left=MARGIN, right=width - MARGIN, true_scale=true_scale)
    lanes = _lanes([row.message for row in rows])
    lane_of = {lane.stream: index for index, lane in enumerate(lanes)}
    places = {
        row.message.id: _Place(x / width, lane_of.get(row.message.stream, len(lanes) - 1))
        for row, x in zip(rows, scale.places, strict=True)
    }
    return Swimlanes(
        lanes,
        _marks(rows, places, width),
        _edges(rows, places),
        [_fold(each, width) for each in scale.folds],
        _ticks(sorted(zip(scale.places, moments, strict=True)), width),
        width,
    )


def _lanes(messages: Sequence[Message]) -> list[Lane]:
    """In the order of their first message; the last one takes what is too many."""
    streams = list(dict.fromkeys(each.stream for each in messages))
    processes = {each.stream: each.command.process for each in messages if each.command}
    lanes = [Lane(each, _Place(0, index).y, processes.get(each)) for index, each in enumerate(streams)]
    if len(lanes) <= MOST_LANES:
        return lanes
    last = replace(lanes[MOST_LANES - 1], others=len(lanes) - MOST_LANES + 1, process=None)
    return [*lanes[: MOST_LANES - 1], last]


def _marks(rows: Sequence[Row], places: Mapping[UUID, _Place], width: int) -> list[Mark]:
    narrow, wide = _labels(rows, places, width), _labels(rows, places, max(width, WIDE))
    return [
        Mark(row, _percent(place.x), place.y, _name(row), narrow[row.message.id], wide[row.message.id])
        for row in rows
        for place in (places[row.message.id],)
    ]


def _labels(rows: Sequence[Row], places: Mapping[UUID, _Place], width: int) -> dict[UUID, Label | None]:
    lanes: dict[int, list[Message]] = {}
    for row in sorted(rows, key=lambda row: places[row.message.id].x):
        lanes.setdefault(places[row.message.id].lane, []).append(row.message)
    return {
        message.id: label
        for lane in lanes.values()
        for message, label in zip(
            lane, labels_of([(places[each.id].x * width, short_name(each.type)) for each in lane], width), strict=True
        )
    }


def _name(row: Row) -> str:
    message = row.message
    words = {
        "type": visible_text(message.type),
        "stream": _("a deleted stream") if message.stream is None else visible_text(message.stream),
        "time": f"{timezone.localtime(message.moment):%H:%M:%S}",
        "cause": visible_text(row.cause.type) if row.cause else "",
    }
    if message.command:
        return _("command %(type)s of %(stream)s, %(time)s, because of %(cause)s") % words
    if row.cause:
        return _("event %(type)s in %(stream)s, %(time)s, caused by %(cause)s") % words
    return _("event %(type)s in %(stream)s, %(time)s") % words


def _edges(rows: Sequence[Row], places: Mapping[UUID, _Place]) -> list[Edge]:
    caused = [(row.message.id, row.cause.id) for row in rows if row.cause]
    tracks = dict(zip(dict.fromkeys(cause for _effect, cause in caused), cycle(TRACKS), strict=False))
    return [_edge(effect, places[cause], places[effect], tracks[cause]) for effect, cause in caused]


def _edge(effect: UUID, begin: _Place, end: _Place, track: float) -> Edge:
    reached = end.y - HALF_MARK if end.lane > begin.lane else end.y + HALF_MARK
    return Edge(effect, _percent(begin.x), begin.y + HALF_MARK, begin.y + track, _percent(end.x), reached)


def _fold(fold: FoldedTime, width: int) -> Fold:
    wide = replace(fold, width=fold.width * max(width, WIDE) / width)
    return Fold(_percent(fold.x / width), fold.label, wide.label)


def _ticks(moments: Sequence[tuple[float, datetime]], width: int) -> list[Tick]:
    """The first and the last time, and between them as many as there is room for."""
    (first_x, first), (last_x, last) = moments[0], moments[-1]
    is_short = last - first < SHORT
    first_text, last_text = _clock(first, None, is_short), _clock(last, first, is_short)
    ticks = [Tick(_percent(first_x / width), first_text, "start")]
    if last == first:
        return ticks
    end, limit, before = first_x + _length(first_text), last_x - _length(last_text), first
    for x, moment in moments[1:-1]:
        text = _clock(moment, before, is_short)
        half = _length(text) / 2 + BETWEEN_TICKS
        if x - half > end and x + half < limit and moment != before:
            ticks.append(Tick(_percent(x / width), text, "middle"))
            before, end = moment, x + half - BETWEEN_TICKS
    return [*ticks, Tick(_percent(last_x / width), last_text, "end")]


def _clock(moment: datetime, before: datetime | None, is_short: bool) -> str:
    """The time, with its day where that is another one than before; to the millisecond in a short conversation."""
    local = timezone.localtime(moment)
    time = date_format(local, "H:i:s") + (f".{local.microsecond // 1000:03d}" if is_short else "")
    if before is None:
        return f"{date_format(local, 'j M Y')}, {time}"
    return time if timezone.localtime(before).date() == local.date() else f"{date_format(local, 'j M')}, {time}"


def _length(text: str) -> float:
    return len(text) * DIGIT_WIDTH


def _percent(part: float) -> str:
    return f"{part:.2%}"
