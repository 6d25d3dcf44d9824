from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from browser.ages import NO_BREAK_SPACE, age, duration
from browser.templatetags.event_store_browser import es_duration, es_name
from browser.visible import visible, visible_text


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=3, minutes=5), "3 h 5 min"),
        (timedelta(hours=23, minutes=5), "23 h"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=40, hours=4), "40 d"),
    ],
)
def test_lengths_of_time_are_short(length: timedelta, words: str) -> None:
    assert duration(length) == words.replace(" ", NO_BREAK_SPACE)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 ms"), (0.12, "120 ms"), (1.84, "1.8 s"), (2, "2 s"), (9.94, "9.9 s"), (9.96, "10 s"), (-1, "0 s")],
)
def test_short_lengths_of_time_are_told_more_exactly(seconds: float, words: str) -> None:
    assert es_duration(timedelta(seconds=seconds)) == words.replace(" ", NO_BREAK_SPACE)


def test_an_age_counts_from_now() -> None:
    assert age(datetime(2026, 1, 1, tzinfo=UTC), now=datetime(2026, 1, 2, tzinfo=UTC)) == f"1{NO_BREAK_SPACE}d"


def test_hidden_characters_are_shown_and_others_escaped() -> None:
    assert visible("a\u202e<b>") == 'a<span class="es-esc">U+202E</span>&lt;b&gt;'
    assert visible_text("a\nb") == "a‹U+000A›b"
    assert visible("żółć 🍲") == "żółć 🍲"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Order$42", "Order$42"),
        ("shop.orders.Order$42", "shop.orders.Order$42"),
        ("shop.orders.OrderCancelled$42", "shop.<wbr>orders.<wbr>OrderCancelled<wbr>$42"),
        ("a<b.c&d$" + "x" * 20, "a&lt;b.<wbr>c&amp;d<wbr>$" + "x" * 20),
        ("a.\u202eb" + "x" * 30, 'a.<wbr><span class="es-esc">U+202E</span>b' + "x" * 30),
        ("x" * 300, "x" * 300),
    ],
)
def test_long_names_break_where_their_parts_meet(name: str, shown: str) -> None:
    assert es_name(name) == f"<bdi>{shown}</bdi>"
