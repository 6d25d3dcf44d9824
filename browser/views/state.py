"""What the aggregate of a stream amounted to after each of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from browser.declared import place_of, words_of
from browser.state_diff import Comparison, compare
from browser.state_tree import state_tree
from browser.views.base import Breadcrumb, BrowserView
from browser.views.process import step_number
from event_store import ReplayedEvent, aggregate_class, category_of, process_managers, replay_aggregate
from event_store.models import Stream, StreamLink

MOST_REPLAYED, SHOWN = 2_000, 50
MOST_CHANGES, MOST_VISITED = 5, 400


@dataclass(frozen=True)
class StateStep:
    """An event of the aggregate, and what it has changed; `number` counts from 1."""

    number: int
    replayed: ReplayedEvent
    changes: Comparison

    @property
    def is_unfolded(self) -> bool:
        """An earlier one has raised."""
        return bool(self.replayed.error) and self.replayed.failed_at != self.replayed.number


class StateView(BrowserView):
    """`?at=3`: after three events; nothing but the class that the code declares for the stream's category is asked."""

    template_name = "browser/state.html"
    section = "streams"
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        category, _separator, key = kwargs["name"].partition("$")
        if category in process_managers:
            query = request.GET.urlencode()
            return HttpResponseRedirect(self.url("process", category, key) + (f"?{query}" if query else ""))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        name = context["name"]
        found = aggregate_class(category_of(name))
        stream = Stream.objects.filter(name=name).first()
        if stream is None or found is None:
            raise Http404(f"No aggregate is known whose stream is {name}")
        last = min(stream.version + 1, MOST_REPLAYED)
        at = step_number(self.request, "at", last=last)
        steps = self._steps(name, at) if self.may_see_payload else []
        chosen = next((each for each in steps if each.number == at), None)
        return super().get_context_data(
            stream=stream,
            place=place_of(found),
            words=words_of(found),
            at=at,
            last=last,
            events=stream.version + 1,
            steps=steps,
            chosen=chosen,
            failed_at=next(((each.replayed.failed_at or 0) + 1 for each in steps if each.replayed.error), 0),
            state=_state(chosen, steps),
            **context,
        )

    def parents(self) -> list[Breadcrumb]:
        return [Breadcrumb(self.kwargs["name"], self.url("stream", self.kwargs["name"]))]

    def _steps(self, name: str, at: int) -> list[StateStep]:
        start = (max(at, 1) - 1) // SHOWN * SHOWN
        if self._hides_any(name, before=start + SHOWN):
            # Nobody could tell which value went into the state.
            return []
        return [_step(each) for each in replay_aggregate(name, start=start, limit=SHOWN)]

    def _hides_any(self, name: str, *, before: int) -> bool:
        """Whether the policy keeps back one of the events that are folded, shown or not."""
        if not self.sight.is_limited:
            return False
        links = StreamLink.objects.filter(stream__name=name, position__lt=before)
        folded: list[Any] = list(links.values_list("event_id", flat=True))
        return len(self.sight.of_events(folded, lambda position: position)) < len(folded)


def _step(replayed: ReplayedEvent) -> StateStep:
    before, after = replayed.state_before, replayed.state
    is_comparable = before is not None and after is not None
    changes = compare(before, after, most=MOST_CHANGES, visits=MOST_VISITED) if is_comparable else Comparison((), ())
    return StateStep(replayed.number + 1, replayed, changes)


def _state(chosen: StateStep | None, steps: Sequence[StateStep]) -> Any:
    """After the chosen event; before the first one where none is chosen."""
    shown = chosen.replayed.state if chosen else steps[0].replayed.state_before if steps else None
    if shown is None:
        return ""
    return state_tree(shown, before=chosen.replayed.state_before if chosen else None)
