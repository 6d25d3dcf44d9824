"""A flow as a drawing: boxes for types, arrows for what follows what, each with its words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from browser.ages import duration
from browser.flow import Flow, Folded, Place, Transition, usual_path
from browser.flow_layout import Arrow, Box, Map, PlacedArrow, PlacedBox, layout
from browser.text_width import shortened, text_width
from browser.type_names import short_name
from browser.visible import visible_text

MOST_ARROWS = 120
NAME_SIZE, SMALL_SIZE, LONGEST_NAME = 13.0, 11.0, 32
TYPE_HEIGHT, END_HEIGHT, PADDING, SIGN = 42.0, 24.0, 12.0, 15.0
THINNEST, THICKEST, THICKEST_END = 1.5, 8.0, 3.0
LABEL_HEIGHT = 28.0
BEGIN, FIRST_TYPE = 0, 1

Key = tuple[Place, Place]


@dataclass(frozen=True)
class DrawnArrow:
    """`share` and `pause` are its label; `words` say everything; `query` selects it."""

    transition: Transition
    placed: PlacedArrow
    thickness: float
    share: str
    pause: str
    words: str
    query: str
    is_usual: bool
    is_chosen: bool

    @property
    def touch_width(self) -> float:
        """Of what can be clicked."""
        return max(self.thickness, 14.0)

    @property
    def share_y(self) -> float:
        return self.placed.label_y + (-2 if self.pause else 4)

    @property
    def pause_y(self) -> float:
        return self.placed.label_y + 11


@dataclass(frozen=True)
class DrawnBox:
    """`type` is None for the beginning and the end; `arrows` leave it."""

    kind: str
    type: Place
    name: str
    count: int
    placed: PlacedBox
    is_usual: bool
    arrows: Sequence[DrawnArrow]

    @property
    def text_x(self) -> float:
        return self.placed.x + PADDING + SIGN

    @property
    def sign_x(self) -> float:
        return self.placed.x + PADDING

    @property
    def middle(self) -> float:
        return self.placed.y + self.placed.height / 2


@dataclass(frozen=True)
class FlowMap:
    """Boxes from above to below, arrows in the order in which they are to be painted. `left_out`: arrows beyond the first 120."""

    map: Map
    boxes: Sequence[DrawnBox]
    arrows: Sequence[DrawnArrow]
    left_out: int


def flow_map(flow: Flow, shown: Folded, *, query: Callable[[Transition], str], chosen: Key | None = None) -> FlowMap:
    """
    Args:
        shown: something must be.
        query: the query string that chooses an arrow.
        chosen: source and target of the arrow that stands out.
    """
    transitions = shown.transitions[:MOST_ARROWS]
    usual = usual_path(transitions)
    types = _in_order(usual, transitions)
    names = {each: shortened(visible_text(name), LONGEST_NAME) for each, name in distinct_names(types).items()}
    thickness = _thicknesses(transitions, usual)
    placed = _layout(flow, names, usual, [(each, thickness[each.key]) for each in transitions])
    arrows = [
        DrawnArrow(
            transition=each,
            placed=where,
            thickness=thickness[each.key],
            share=percent(each.share),
            pause=pause_words(each.pause) if each.pause is not None else "",
            words=transition_words(each),
            query=query(each),
            is_usual=each in usual,
            is_chosen=each.key == chosen,
        )
        for each, where in zip(transitions, placed.arrows, strict=True)
    ]
    return FlowMap(
        placed,
        _boxes(flow, names, placed, arrows),
        sorted(arrows, key=lambda each: (each.is_chosen, each.is_usual, each.transition.count)),
        len(shown.transitions) - len(transitions),
    )


def distinct_names(types: Sequence[str]) -> dict[str, str]:
    """The short name of each type, or its whole one where another type has the same."""
    counted = Counter(map(short_name, types))
    return {each: each if counted[short_name(each)] > 1 else short_name(each) for each in types}


def percent(share: float) -> str:
    """Whole percent; 100 % is all, and what is more than none is not 0 %."""
    if share >= 1:
        return _("%(share)d\u00a0%%") % {"share": 100}
    if share < 0.01:
        return _("<\u00a01\u00a0%")
    return _("%(share)d\u00a0%%") % {"share": min(99, round(100 * share))}


def pause_words(pause: timedelta) -> str:
    return _("at once") if pause < timedelta(seconds=1) else duration(pause)


def transition_words(transition: Transition) -> str:
    """What an arrow says, in one sentence."""
    facts = {
        "source": visible_text(transition.source or ""),
        "target": visible_text(transition.target or ""),
        "share": percent(transition.share),
        "times": ngettext("%(count)d time", "%(count)d times", transition.count) % {"count": transition.count},
        "pause": pause_words(transition.pause) if transition.pause is not None else "",
    }
    if transition.source is None:
        return _("Begins with %(target)s: %(share)s, %(times)s") % facts
    if transition.target is None:
        return _("Ends with %(source)s: %(share)s, %(times)s") % facts
    return _("%(source)s, then %(target)s: %(share)s, %(times)s, median %(pause)s") % facts


def begin_words() -> str:
    return _("begins")


def end_words() -> str:
    return _("ends here")


def _in_order(usual: Sequence[Transition], transitions: Sequence[Transition]) -> list[str]:
    """The types of the usual path, then the others."""
    path = [each.target for each in usual if each.target is not None]
    drawn = {place for each in transitions for place in each.key if place is not None}
    return [*path, *sorted(drawn - set(path))]


def _thicknesses(transitions: Sequence[Transition], usual: Sequence[Transition]) -> dict[Key, float]:
    """By how often an arrow is taken; those of the beginning and the end say little, and are thin."""
    most = max(each.count for each in transitions)
    found = {each.key: THINNEST + (THICKEST - THINNEST) * math.sqrt(each.count / most) for each in transitions}
    thin = {each.key for each in transitions if None in each.key and each not in usual}
    return {key: round(min(each, THICKEST_END) if key in thin else each, 1) for key, each in found.items()}


def _layout(
    flow: Flow, names: Mapping[str, str], usual: Sequence[Transition], arrows: Sequence[tuple[Transition, float]]
) -> Map:
    numbers = {name: number for number, name in enumerate(names, FIRST_TYPE)}
    end = len(names) + FIRST_TYPE

    def source(transition: Transition) -> int:
        return BEGIN if transition.source is None else numbers[transition.source]

    def target(transition: Transition) -> int:
        return end if transition.target is None else numbers[transition.target]

    boxes = [_end_box(begin_words()), *(_type_box(name, flow.events[each]) for each, name in names.items())]
    has_end = any(each.target is None for each, _thickness in arrows)
    return layout(
        [*boxes, _end_box(end_words())] if has_end else boxes,
        [_arrow(each, source(each), target(each), thickness) for each, thickness in arrows],
        start=BEGIN,
        end=end if has_end else None,
        spine=[BEGIN, *map(target, usual)],
    )


def _arrow(transition: Transition, source: int, target: int, thickness: float) -> Arrow:
    texts = [percent(transition.share)] + ([pause_words(transition.pause)] if transition.pause is not None else [])
    return Arrow(
        source,
        target,
        transition.count,
        thickness,
        label_width=math.ceil(
            max(text_width(text, NAME_SIZE if not index else SMALL_SIZE) for index, text in enumerate(texts))
        ),
        label_height=LABEL_HEIGHT,
    )


def _type_box(name: str, count: int) -> Box:
    width = max(text_width(name, NAME_SIZE), text_width(events_words(count), SMALL_SIZE))
    return Box(math.ceil(2 * PADDING + SIGN + width), TYPE_HEIGHT)


def _end_box(words: str) -> Box:
    return Box(math.ceil(2 * PADDING + SIGN + text_width(words, NAME_SIZE)), END_HEIGHT)


def events_words(count: int) -> str:
    return ngettext("%(count)d event", "%(count)d events", count) % {"count": count}


def _boxes(flow: Flow, names: Mapping[str, str], placed: Map, arrows: Sequence[DrawnArrow]) -> list[DrawnBox]:
    """From above to below; the beginning and the end only with an arrow."""
    usual = {place for each in arrows if each.is_usual for place in each.transition.key}
    leaving: dict[Place, list[DrawnArrow]] = defaultdict(list)
    for each in arrows:
        leaving[each.transition.source].append(each)
    boxes = [
        DrawnBox("type", each, name, flow.events[each], placed.boxes[number], each in usual, leaving[each])
        for number, (each, name) in enumerate(names.items(), FIRST_TYPE)
    ]
    if leaving[None]:
        boxes.append(DrawnBox("begin", None, begin_words(), flow.streams, placed.boxes[BEGIN], True, leaving[None]))
    if len(placed.boxes) > len(names) + FIRST_TYPE:
        boxes.append(DrawnBox("end", None, end_words(), 0, placed.boxes[-1], False, []))
    return sorted(boxes, key=lambda each: (each.placed.row, each.placed.x))
