from __future__ import annotations

from typing import Any

import pytest

from event_store import Event, event_store, typed
from event_store.codec import decode, encode, encode_metadata, fingerprint
from event_store.exceptions import UnreadableEvent, UnstorablePayload
from tests.event_store.sample import Counted, Noted


class Holding(Event, type="sample.Holding"):
    anything: Any


def test_a_type_without_a_class_is_read_as_plain_data() -> None:
    assert decode("gone.Forgotten", b'{"a": [1, null]}', event_id=1) == {"a": [1, None]}


def test_stored_fields_that_do_not_fit_the_class_are_an_error() -> None:
    with pytest.raises(UnreadableEvent, match=r"sample\.Counted 7 does not fit Counted: .*number"):
        decode("sample.Counted", b'{"number": "three"}', event_id=7)


@pytest.mark.django_db
def test_an_event_that_was_read_as_text_can_be_decoded_afterwards() -> None:
    with event_store.metadata(user="anna"):
        [event] = event_store.append(Counted(number=3), stream="s")
    text = event_store.events.as_json().with_ids(event.id).first()
    assert text is not None

    assert typed(text) == event
    assert typed(text).data == Counted(number=3)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_postgresql_cannot_keep_is_refused(text: str) -> None:
    with pytest.raises(UnstorablePayload, match="Noted"):
        encode(Noted(text=text))


@pytest.mark.parametrize("hostile", ["not\0fine", "not\ud800fine"])
def test_a_text_that_cannot_be_kept_is_found_in_keys_and_deep_inside(hostile: str) -> None:
    with pytest.raises(UnstorablePayload, match=r"anything \(a key\): .*NUL"):
        encode(Holding(anything={hostile: 1}))
    with pytest.raises(UnstorablePayload, match=r"anything\.a\[2\]"):
        encode(Holding(anything={"n": 1, "a": ["fine", None, hostile]}))


def test_a_backslash_before_u0000_is_just_text() -> None:
    event = Noted(text=r"\u0000")

    assert decode("sample.Noted", encode(event), event_id=1) == event


@pytest.mark.parametrize("metadata", [{"at": object()}, {"x": float("nan")}, {1j: 1}, {"a": "\0"}])
def test_metadata_that_cannot_be_stored_is_refused(metadata: dict[Any, Any]) -> None:
    with pytest.raises(UnstorablePayload, match="metadata"):
        encode_metadata(metadata)


def test_equal_content_has_an_equal_fingerprint() -> None:
    assert fingerprint("a", Counted(number=1)) == fingerprint("a", Counted(number=1))
    assert fingerprint("a", Counted(number=1)) != fingerprint("b", Counted(number=1))
    assert fingerprint("a", Counted(number=1)) != fingerprint("a", Counted(number=2))
