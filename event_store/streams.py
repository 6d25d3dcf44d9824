"""Stream names, their categories, and the names that the store keeps for itself."""

from __future__ import annotations

from event_store.exceptions import InvalidStreamName, ReservedStream
from event_store.messages import is_storable

MAX_NAME_LENGTH = 255
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
reserved_categories: dict[str, str] = {}


def category_of(stream: str) -> str:
    """The part before the first `$`; the whole name when it has none."""
    return stream.partition("$")[0]


def end_of_prefix(prefix: str) -> str | None:
    """The first name behind all names that begin so, byte by byte; None when nothing can be behind them."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def check_stream_name(stream: object, *, argument: str = "stream") -> str:
    """
    The name itself, when it can be stored: 1 to 255 characters, any but NUL and lone surrogates.

    Raises:
        InvalidStreamName: says which rule was broken.
    """
    if not isinstance(stream, str):
        raise InvalidStreamName(f"{argument}: a stream's name is a string, not {stream!r}.")
    if not stream:
        raise InvalidStreamName(f"{argument}: a stream's name cannot be empty.")
    if len(stream) > MAX_NAME_LENGTH:
        raise InvalidStreamName(
            f"{argument}: {len(stream)} characters, a name has at most {MAX_NAME_LENGTH}: {stream[:40]!r}…"
        )
    if not is_storable(stream):
        raise InvalidStreamName(f"{argument}: {stream!r} has a NUL or a lone surrogate, which no database stores.")
    # A member of an enumeration may be a string, and would come back from memory as what it is.
    return stream if type(stream) is str else str.__str__(stream)


def check_category(category: object) -> str:
    """The category itself, when a stream can have it; it is empty for names that start with `$`. Raises InvalidStreamName."""
    if category == "":
        return ""
    name = check_stream_name(category, argument="category")
    if "$" in name:
        raise InvalidStreamName(f"category: {name!r} holds a $: take what stands before it.")
    return name


def check_writable_stream(stream: object, *, argument: str = "stream") -> str:
    """
    The name itself, when anybody may write to it.

    Raises:
        InvalidStreamName: see `check_stream_name`.
        ReservedStream: it starts with `$`, or only its process manager writes to it.
    """
    name = check_stream_name(stream, argument=argument)
    if name.startswith("$"):
        raise ReservedStream(f"{argument}: {name!r} starts with $, which the store keeps for itself.")
    owner = reserved_categories.get(category_of(name))
    if owner is not None and "$" in name:
        raise ReservedStream(f"{argument}: only {owner} writes to {name!r}, the stream of one of its processes.")
    return name


def reserve_category(category: str, *, owner: str) -> None:
    """Let only `owner` (a process manager's dotted path) write to `category$…`."""
    reserved_categories[category] = owner
