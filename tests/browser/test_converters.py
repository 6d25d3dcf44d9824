from __future__ import annotations

import random

import pytest

from browser.converters import NameConverter, escape_name

HOSTILE = [
    "Order$42", "", ".", "..", "...", "~", "~2F", "a/b", "/a", "a/", "a//b", "a/../b", "a b", "%", "%2F", "?", "#", "&",
    "'", '"', "<script>", "\n", "\t", "\u202etxet", "\u200b", "\u00e9", "e\u0301", "żółć", "漢字", "\U0001f372" * 255, "\\", "+", ";",
    "raw.json", "a\u0301\u0323", "x" * 255, "Straße", "ﬁ", "K",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_every_name_comes_back_exactly(name: str) -> None:
    text = NameConverter().to_url(name)

    assert NameConverter().to_python(text) == name
    assert "/" not in text
    assert text.strip(".") != ""


def test_names_that_look_alike_have_urls_of_their_own() -> None:
    assert escape_name("\u00e9") != escape_name("e\u0301")
    assert len({escape_name(name) for name in HOSTILE}) == len(HOSTILE)


def test_random_names_come_back_exactly() -> None:
    numbers = random.Random(1)
    for _ in range(3000):
        name = "".join(chr(numbers.choice([numbers.randrange(1, 300), numbers.randrange(1, 0xD800)])) for _ in range(6))
        assert NameConverter().to_python(NameConverter().to_url(name)) == name


@pytest.mark.parametrize("text", ["~2f", "~41", "~FF", "a~", "e\u0301", "..", "~~", "a b"])
def test_another_spelling_is_not_found(text: str) -> None:
    with pytest.raises(ValueError, match="URL|decode|hex|valid|."):
        NameConverter().to_python(text)


def test_what_is_readable_stays_readable() -> None:
    assert escape_name("Order$42") == "Order$42"
    assert escape_name("a/b?c") == "a~2Fb~3Fc"
    assert escape_name("żółć") == "żółć"
