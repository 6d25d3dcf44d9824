"""What follows what: counts, shares, times, examples; what is folded away; the usual path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from browser.flow import Flow, Track, flow_of, folded, unfolded, usual_path

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def track(types: str, stream: str = "s", *, every: int = 60, is_cut: bool = False) -> Track:
    """`track("AB?C")`: A, B, an event that may not be seen, and C, a minute apart."""
    steps: list[Any] = [
        None if each == "?" else (each, MOMENT + timedelta(seconds=every * number)) for number, each in enumerate(types)
    ]
    return Track(stream, steps, is_cut)


def counts(flow: Flow) -> dict[str, int]:
    return {f"{each.source or '^'}{each.target or '$'}": each.count for each in flow.transitions}


def path(*tracks: str) -> str:
    return "".join(each.target or "$" for each in usual_path(flow_of(map(track, tracks)).transitions))


def test_transitions_are_counted_with_their_share_of_what_follows() -> None:
    flow = flow_of([track("AAB"), track("AB"), track("AC")])

    assert counts(flow) == {"^A": 3, "AB": 2, "B$": 2, "AA": 1, "AC": 1, "C$": 1}
    assert {each.key: each.share for each in flow.transitions}["A", "B"] == 0.5
    assert (flow.streams, dict(flow.events)) == (3, {"A": 4, "B": 2, "C": 1})


def test_the_time_between_is_the_median_and_never_negative() -> None:
    flow = flow_of([track("AB", every=10), track("AB", every=20), track("AB", every=-5)])
    pauses = {each.key: each.pause for each in flow.transitions}

    assert pauses["A", "B"] == timedelta(seconds=10)
    assert pauses[None, "A"] is None
    assert pauses["B", None] is None


def test_an_event_that_may_not_be_seen_parts_its_stream() -> None:
    assert counts(flow_of([track("AB?C"), track("?A?")])) == {"^A": 1, "AB": 1, "C$": 1}
    assert flow_of([track("???"), track("")]).streams == 0


def test_a_stream_that_goes_on_has_no_end() -> None:
    assert counts(flow_of([track("AB", is_cut=True)])) == {"^A": 1, "AB": 1}


def test_examples_are_twenty_different_streams_in_the_order_of_the_tracks() -> None:
    flow = flow_of(track("ABAB", f"s{number}") for number in range(30))
    [examples] = [each.examples for each in flow.transitions if each.key == ("A", "B")]

    assert examples == [f"s{number}" for number in range(20)]


def test_rare_transitions_are_folded_with_the_types_that_only_they_lead_to() -> None:
    flow = flow_of([*(track("AB") for _ in range(99)), track("AXYB")])
    shown = folded(flow)

    assert [each.key for each in shown.transitions] == [(None, "A"), ("B", None), ("A", "B")]
    assert (shown.types, shown.hidden_transitions, shown.hidden_types) == (["A", "B"], 3, 2)
    assert len(unfolded(flow).transitions) == 6


def test_what_comes_after_something_hidden_is_not_rare_for_that() -> None:
    assert folded(flow_of([track("?AB"), track("AB"), track("?C")])).hidden_types == 0


def test_one_end_stays_however_rare_it_is() -> None:
    flow = flow_of([track("AB" * 90)])

    assert ("B", None) in [each.key for each in folded(flow).transitions]


def test_the_usual_path_follows_what_is_most_frequent_to_the_end() -> None:
    assert path("ABC", "ABC", "AXC") == "ABC$"
    assert path("AABBC", "AABBC") == "ABC$"
    assert path("ABABABC") == "ABC$"


def test_the_usual_path_ends_where_most_streams_end() -> None:
    assert path("A", "A", "A", "AB") == "A$"
    assert path("A", "AB") == "AB$"
    assert path(*["AB" * 20] * 5, "ABC") == "AB$"


def test_there_is_no_path_where_nothing_begins() -> None:
    assert path("?AB") == ""
    assert path() == ""
