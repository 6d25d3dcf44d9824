"""How the events of a category's streams follow each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from browser.bounded_count import COUNTED_UP_TO
from browser.cursors import page_by_key
from browser.flow import Flow, Folded, Place, Step, Track, Transition, flow_of, folded, unfolded
from browser.flow_map import distinct_names, flow_map, pause_words, percent, transition_words
from browser.views.base import Breadcrumb, BrowserView
from event_store import EventStoreError, SampledStream, event_store, sample_streams
from event_store.models import StreamLink

STREAMS, LINKS, LINKS_OF_A_STREAM = 500, 20_000, 200
LINKS_WHERE_LIMITED = 2_000
"""Where a policy has to be asked of each."""
CATEGORIES, ROWS = 100, 500


@dataclass(frozen=True)
class TransitionRow:
    """`source` and `target`: names that tell the types of this table apart."""

    transition: Transition
    source: str
    target: str
    share: str
    pause: str
    words: str
    query: str
    is_chosen: bool


@dataclass(frozen=True)
class Sample:
    """What was read, as the page names it. `hides`: what the visitor may not see is left out."""

    tracks: Sequence[Track]
    is_all: bool
    is_newest: bool
    cut: int
    hides: bool
    read_at: datetime


class FlowView(BrowserView):
    """
    The flow map of `?category=`, or the categories to choose from.

    `?rare=1` shows rare arrows, too; `?from=` and `?to=` choose one: without `from` the beginning, without `to` the end.
    """

    template_name = "browser/flow.html"
    section = "types"
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        self.category = self.request.GET.get("category", "").replace("\0", "")
        if not self.category:
            return super().get_context_data(
                category="", page=None if self.sight.is_limited else self._page(), **context
            )
        self.with_rare = self.request.GET.get("rare") == "1"
        sample = self._sample()
        flow = flow_of(sample.tracks)
        shown = unfolded(flow) if self.with_rare else folded(flow)
        chosen = self._chosen(flow)
        drawing = (
            flow_map(flow, shown, query=self._query, chosen=chosen.key if chosen else None)
            if shown.transitions
            else None
        )
        return super().get_context_data(
            category=self.category,
            sample=sample,
            flow=flow,
            shown=shown,
            drawing=drawing,
            rows=self._rows(shown, chosen, [each.type for each in drawing.boxes] if drawing else []),
            most_rows=ROWS,
            chosen=chosen,
            chosen_words=transition_words(chosen) if chosen else "",
            with_rare=self.with_rare,
            base_query=self._parameters(rare=self.with_rare),
            other_query=self._parameters(rare=not self.with_rare),
            events=sum(flow.events.values()),
            most_of_a_stream=LINKS_OF_A_STREAM,
            **context,
        )

    def parents(self) -> Iterable[Breadcrumb]:
        # Of the page with the categories it is this page itself, and left out.
        yield Breadcrumb(_("Flow"), self.url("flow"))

    def _page(self) -> Any:
        def read(start: str | None, limit: int) -> list[Any]:
            try:
                return event_store.categories(limit, after=start or "", count_up_to=COUNTED_UP_TO + 1)
            except EventStoreError as error:
                raise Http404(f"from= is no place in this list: {error}") from error

        return page_by_key(self.request, read, lambda each: each.name, size=CATEGORIES)

    # ---- what is read

    def _sample(self) -> Sample:
        sample = sample_streams(self.category, limit=STREAMS)
        visible = [each for each in sample.streams if each.version >= 0 and self.sight.stream(each.name)]
        taken = _within(visible, LINKS_WHERE_LIMITED if self.sight.is_limited else LINKS)
        steps = self._steps(taken)
        # Always said to whom a policy limits: otherwise it would tell which categories there are.
        hides = self.sight.is_limited
        tracks = [Track(each.name, steps[each.id], is_cut=each.version >= LINKS_OF_A_STREAM) for each in taken]
        return Sample(
            tracks,
            is_all=sample.is_all and not hides and len(taken) == len(visible),
            is_newest=sample.is_newest and not hides,
            cut=sum(each.is_cut for each in tracks),
            hides=hides,
            read_at=timezone.now(),
        )

    def _steps(self, streams: Sequence[SampledStream]) -> dict[int, list[Step | None]]:
        links = StreamLink.objects.filter(stream__in=[each.id for each in streams], position__lt=LINKS_OF_A_STREAM)
        columns = ("stream_id", "event_id", "event__type", "event__recorded_at")
        rows = list(links.order_by("stream_id", "position").values_list(*columns)) if streams else []
        seen = {row[1] for row in self.sight.of_events(rows, lambda row: row[1])} if self.sight.is_limited else None
        steps: dict[int, list[Step | None]] = defaultdict(list)
        for stream, event, event_type, recorded_at in rows:
            steps[stream].append((event_type, recorded_at) if seen is None or event in seen else None)
        return steps

    # ---- what is shown

    def _chosen(self, flow: Flow) -> Transition | None:
        source, target = (self.request.GET.get(each) or None for each in ("from", "to"))
        return next((each for each in flow.transitions if each.key == (source, target)), None)

    def _rows(self, shown: Folded, chosen: Transition | None, order: Sequence[Place]) -> list[TransitionRow]:
        """As their sources stand on the map, from above to below; those of one source the most frequent first."""
        names = distinct_names(shown.types)
        places = {place: number for number, place in reversed(list(enumerate(order)))}
        ordered = sorted(shown.transitions, key=lambda each: (places.get(each.source, len(places)), -each.count))
        return [
            TransitionRow(
                each,
                names.get(each.source or "", ""),
                names.get(each.target or "", ""),
                percent(each.share),
                pause_words(each.pause) if each.pause is not None else "",
                transition_words(each),
                self._query(each),
                each is chosen,
            )
            for each in ordered[:ROWS]
        ]

    def _query(self, transition: Transition) -> str:
        ends = {"from": transition.source, "to": transition.target}
        return self._parameters(rare=self.with_rare, **{name: end for name, end in ends.items() if end is not None})

    def _parameters(self, *, rare: bool, **others: str) -> str:
        return "?" + urlencode({"category": self.category} | ({"rare": "1"} if rare else {}) | others)


def _within(streams: Sequence[SampledStream], most: int) -> list[SampledStream]:
    """The first streams, as many as have no more links together."""
    taken: list[SampledStream] = []
    links = 0
    for each in streams:
        links += min(each.version + 1, LINKS_OF_A_STREAM)
        if links > most and taken:
            break
        taken.append(each)
    return taken
