"""Typed messages to JSON and back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from event_store.events import RecordedEvent, event_types
from event_store.exceptions import UnreadableEvent, UnstorablePayload
from event_store.messages import Message, is_storable, refuse_unstorable

MOST_BYTES = 16 * 2**20
"""Of data, and of metadata. PostgreSQL's jsonb gives up soon after: short numbers grow sixfold in it."""

_plain_decoder = msgspec.json.Decoder()
_WRITTEN_OTHERWISE = re.compile(rb"[:,\[](?:-?\d[\d.]*e\d|-0\.0)")


def encode(message: Message) -> bytes:
    """
    The fields of a message as one compact JSON object in UTF-8.

    Raises:
        UnstorablePayload: a text holds NUL or a lone surrogate, which PostgreSQL's jsonb cannot keep; more than 16 MiB.
    """
    return _encode_object(message, f"{type(message).__name__}")


def encode_metadata(metadata: Mapping[str, Any]) -> bytes:
    """Metadata as one compact JSON object. Raises UnstorablePayload for what JSON cannot hold."""
    if not metadata:
        return b"{}"
    refuse_unstorable(metadata, "metadata")
    return _encode_object(metadata, "metadata")


def decode(event_type: str, text: str | bytes, *, event_id: object) -> Any:
    """
    The typed event, or plain data (dict, list, scalars) where no class has this type.

    Raises:
        UnreadableEvent: the stored fields do not fit the class of today.
    """
    message_class: Any = event_types.find(event_type)
    try:
        return _decoder_for(message_class).decode(text)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(f"{event_type} {event_id} does not fit {message_class.__qualname__}: {error}") from error


def typed(event: RecordedEvent[str]) -> RecordedEvent[Any]:
    """An event that was read as JSON text, with its data and metadata decoded. Raises UnreadableEvent."""
    metadata: Any = event.metadata
    return msgspec.structs.replace(
        event, data=decode(event.type, event.data, event_id=event.id), metadata=decode_plain(metadata)
    )


def decode_plain(text: str | bytes) -> Any:
    """JSON as dict, list and scalars."""
    return _plain_decoder.decode(text)


def as_stored(value: Any) -> Any:
    """A value as it is read back from metadata or an untyped field. Raises what msgspec raises for no JSON."""
    return decode_plain(_as_databases_write(msgspec.json.encode([value])))[0]


def to_plain(value: Any) -> Any:
    """Any value that msgspec knows (a process's state, a command) as JSON-like dicts, lists and scalars, sets sorted."""
    return msgspec.to_builtins(value, order="deterministic", str_keys=True)


def fingerprint(message_type: str, message: Message) -> str:
    """64 hexadecimal digits, equal for equal type and content."""
    content = msgspec.json.encode(message, order="deterministic")
    return hashlib.sha256(message_type.encode() + b"\0" + content).hexdigest()


@cache
def _decoder_for(message_class: type[Any] | None) -> msgspec.json.Decoder[Any]:
    return _plain_decoder if message_class is None else msgspec.json.Decoder(message_class)


def _encode_object(value: Any, name: str) -> bytes:
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, UnicodeEncodeError):
            _refuse_text(msgspec.to_builtins(value), name)
        raise UnstorablePayload(f"{name} cannot be stored as JSON: {error}") from error
    if b"\\u0000" in encoded:
        _refuse_text(msgspec.to_builtins(value), name)
    encoded = _as_databases_write(encoded)
    if len(encoded) > MOST_BYTES:
        raise UnstorablePayload(
            f"{name} takes {len(encoded) / 2**20:.1f} MiB as JSON, {MOST_BYTES // 2**20} at most: keep it in a file, and "
            "in the event where it is."
        )
    return encoded


def _as_databases_write(encoded: bytes) -> bytes:
    if not _WRITTEN_OTHERWISE.search(encoded):
        return encoded
    # PostgreSQL's jsonb gives 1e22 back as a whole number and -0.0 as 0.0: so that every backend gives back
    # the same, they are stored so.
    return msgspec.json.encode(_number_decoder.decode(encoded))


def _number(text: str) -> int | float:
    if "e" in text and "e-" not in text:
        return int(Decimal(text))
    return float(text) or 0.0


_number_decoder = msgspec.json.Decoder(float_hook=_number)


def _refuse_text(value: Any, path: str) -> None:
    if isinstance(value, str):
        if not is_storable(value):
            raise UnstorablePayload(
                f"{path}: {value!r} has a NUL or a lone surrogate, which not every database can store."
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_text(key, f"{path} (a key)")
            _refuse_text(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_text(item, f"{path}[{index}]")
