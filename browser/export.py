"""Events as files: JSON lines and CSV, written batch by batch while they are read."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from asgiref.sync import sync_to_async

from browser.hidden import Hidden
from event_store import RecordedEvent

MOST = 100_000
BATCH = 1_000
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_FILE_NAME = 100


@dataclass(frozen=True)
class Row:
    """An event as its reader may see it; `data` and `metadata` are JSON text, as stored."""

    event: RecordedEvent[str]
    data: str | Hidden
    metadata: str | Hidden


class Writer(ABC):
    """How rows become bytes."""

    content_type: ClassVar[str]
    extension: ClassVar[str]

    def begin(self) -> bytes:
        return b""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> bytes: ...

    @abstractmethod
    def truncated(self, following: str) -> bytes:
        """What stands behind the last row where there are more: the address of what follows."""


class JsonLines(Writer):
    """A JSON object in each line; its data and metadata are the stored text, digit for digit."""

    content_type = "application/jsonl; charset=utf-8"
    extension = "jsonl"

    def write(self, rows: Sequence[Row]) -> bytes:
        return b"".join(msgspec.json.encode(self._fields(row)) + b"\n" for row in rows)

    def truncated(self, following: str) -> bytes:
        return msgspec.json.encode({"truncated": True, "next": following}) + b"\n"

    def _fields(self, row: Row) -> dict[str, Any]:
        plain = dict(zip(_COLUMNS, _plain(row.event), strict=True))
        return {**plain, "data": _raw(row.data), "metadata": _raw(row.metadata)}


class Csv(Writer):
    """A header, then a line for each event; what a spreadsheet would take for a formula begins with `'`."""

    content_type = "text/csv; charset=utf-8"
    extension = "csv"

    def begin(self) -> bytes:
        return _csv([(*_COLUMNS, "data", "metadata")])

    def write(self, rows: Sequence[Row]) -> bytes:
        return _csv((*_plain(row.event), str(row.data), str(row.metadata)) for row in rows)

    def truncated(self, following: str) -> bytes:
        return _csv([("truncated", "next", following)])


WRITERS: dict[str, type[Writer]] = {each.extension: each for each in (JsonLines, Csv)}


def exported(
    batches: Iterable[Sequence[RecordedEvent[str]]],
    *,
    shown: Callable[[Sequence[RecordedEvent[str]]], Sequence[Row]],
    writer: Writer,
    most: int,
    following: Callable[[RecordedEvent[str]], str],
) -> Generator[bytes]:
    """
    The file in parts. A batch is read when its part is asked for; after `close` none is read any more.

    Args:
        shown: the rows of a batch that its reader may see.
        most: rows; where there are more, a last line says so.
        following: the address of what comes behind an event.
    """
    left, last = most, None
    if beginning := writer.begin():
        yield beginning
    for batch in batches:
        rows = shown(batch)
        if part := writer.write(rows[:left]):
            yield part
        last = rows[:left][-1].event if rows[:left] else last
        if len(rows) > left and last is not None:
            yield writer.truncated(following(last))
            return
        left -= len(rows)


async def in_threads(parts: Generator[bytes]) -> AsyncIterator[bytes]:
    """The same for an event loop, which a database must not hold up."""
    take = sync_to_async(_next_or_none)
    try:
        while (part := await take(parts)) is not None:
            yield part
    finally:
        await sync_to_async(parts.close)()


def _next_or_none(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def file_name(name: str, extension: str) -> str:
    """Letters, digits and `-_.$` of the name; `_` for everything that a header, a folder or a shell could trip over."""
    safe = "".join(each if each.isalnum() or each in "-_.$" else "_" for each in name[:_LONGEST_FILE_NAME])
    return f"{safe.strip('.') or 'events'}.{extension}"


_COLUMNS = (
    "global_position", "stream", "position", "id", "type", "schema_version",
    "recorded_at", "valid_at", "correlation_id", "causation_id",
)  # fmt: skip


def _plain(event: RecordedEvent[str]) -> Iterator[Any]:
    yield from (event.global_position, event.stream, event.position, str(event.id), event.type, event.schema_version)
    yield from (_time(event.recorded_at), _time(event.valid_at))
    yield from (each and str(each) for each in (event.correlation_id, event.causation_id))


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _raw(json: str | Hidden) -> msgspec.Raw | str:
    # Between its tokens JSON may have line ends, in its texts it has none.
    return str(json) if isinstance(json, Hidden) else msgspec.Raw(json.replace("\r", " ").replace("\n", " ").encode())


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value
