from __future__ import annotations

import pytest

from browser.text_width import shortened, text_width


def test_wide_characters_take_more_room_than_narrow_ones() -> None:
    assert text_width("iiii", 10) < text_width("nnnn", 10) < text_width("NNNN", 10) < text_width("mmmm", 10)
    assert text_width("mmmm", 10) < text_width("発発発発", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("", 10) == 0
    assert text_width("abc", 20) == 2 * text_width("abc", 10)


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("Placed", 6, "Placed"), ("OrderPlaced", 7, "Ord…ced"), ("OrderPlaced", 8, "Orde…ced"), ("", 3, "")],
)
def test_a_long_text_loses_its_middle(text: str, most: int, shown: str) -> None:
    assert shortened(text, most) == shown
