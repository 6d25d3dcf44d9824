"""What led to an event and what it led to, as rows that a page can draw: nothing that its visitor may not see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from browser.bounded_count import BoundedCount
from browser.policy import Sight
from event_store import Causation, Effect
from event_store.models import IssuedCommand, StoredEvent, StreamLink

MOST_CAUSES, MOST_EFFECTS, MOST_OF_ONE, MOST_OF_ONE_AT_LENGTH = 50, 200, 20, 200
MOST_COUNTED = 1_000


@dataclass(frozen=True)
class Row:
    """
    One message of a chain or a tree, with what its list looks like around it.

    Attributes:
        kind: "event", "command", "hidden" (needs a permission), "withheld" (by the policy, or not in the store), "round"
            (the causes come back to one of themselves), "cut" (there are more causes), "here" (the page's own event), "more"
            (`count` further effects of the message with this id, 0 for those
            whom a policy limits).
        delay: since its direct cause; None where that is not shown.
        opens: whether a list begins with it, inside the row above.
        ends: whether it has no list below it.
        closes: the lists that end with it, as far as they stand inside other rows.
    """

    kind: str
    id: UUID | None = None
    event: StoredEvent | None = None
    command: IssuedCommand | None = None
    delay: timedelta | None = None
    count: int = 0
    opens: bool = False
    ends: bool = True
    closes: tuple[None, ...] = ()

    @property
    def moment(self) -> datetime | None:
        if self.command is not None:
            return self.command.issued_at
        return None if self.event is None else self.event.recorded_at

    @property
    def is_counted_out(self) -> bool:
        return self.count >= MOST_COUNTED


@dataclass(frozen=True)
class Around:
    """The causes, the first one on top and the event itself at the end; the effects, each below its cause."""

    causes: Sequence[Row]
    effects: Sequence[Row]


def events_of(ids: Collection[UUID], positions: Collection[int]) -> list[StoredEvent]:
    """Events by id or by global position, without their data; `stream`, `position` and `caused` tell where and how many."""
    written = StreamLink.objects.filter(event=OuterRef("pk"), written_here=True)
    commands = IssuedCommand.objects.filter(step__event=OuterRef("pk"))
    found = StoredEvent.objects.defer("data", "metadata").filter(Q(event_id__in=ids) | Q(pk__in=positions))
    return list(
        found.annotate(
            stream=Subquery(written.values("stream__name")[:1]),
            position=Subquery(written.values("position")[:1]),
            caused=_effects_of("event_id") + BoundedCount(commands.values("pk")[:MOST_COUNTED]),
        )
    )


def commands_of(ids: Collection[UUID]) -> list[IssuedCommand]:
    """Commands by id, with their processes and steps; `caused` tells how many events they led to."""
    found = IssuedCommand.objects.select_related("process", "step").defer("data", "step__state_before")
    return list(found.filter(command_id__in=ids).annotate(caused=_effects_of("command_id")))


def _effects_of(column: str) -> BoundedCount:
    return BoundedCount(StoredEvent.objects.filter(causation_id=OuterRef(column)).values("pk")[:MOST_COUNTED])


class Messages:
    """
    The messages around one event as its visitor may see them.

    Args:
        commands: those of processes; `may_see_commands` tells whether more is shown of them than that they are there.
    """

    def __init__(
        self, events: Iterable[StoredEvent], commands: Iterable[IssuedCommand], sight: Sight, *, may_see_commands: bool
    ) -> None:
        shown = [each for each in events if sight.stream(getattr(each, "stream", None))]
        self._events = {each.event_id: each for each in shown}
        self._commands = {
            each.command_id: each for each in commands if sight.process(each.process.type, each.process.key)
        }
        self._may_see_commands = may_see_commands
        self._is_limited = sight.is_limited

    def around(self, event_id: UUID, causation: Causation, *, most_of_one: int) -> Around:
        return Around(self._chain(event_id, causation), list(_nested(self._tree(event_id, causation, most_of_one))))

    def _chain(self, event_id: UUID, causation: Causation) -> list[Row]:
        rows: list[Row] = []
        for each in causation.causes:
            rows.append(self._row(each))
            if rows[-1].kind == "withheld":
                # What led to a hidden message is as hidden as that itself.
                break
        else:
            if causation.goes_round:
                rows.append(Row("round"))
            elif len(rows) == MOST_CAUSES:
                rows.append(Row("cut"))
        rows = [*rows[::-1], replace(self._row(event_id), kind="here")]
        return [_after(row, rows[index - 1] if index else None) for index, row in enumerate(rows)]

    def _tree(self, event_id: UUID, causation: Causation, most_of_one: int) -> Iterator[tuple[int, Row]]:
        """Rows with their depth from 1, each behind its cause."""
        children: dict[UUID, list[Effect]] = {}
        for each in causation.effects:
            children.setdefault(each.cause, []).append(each)
        waiting = [iter(self._below(event_id, children, most_of_one))]
        while waiting:
            row = next(waiting[-1], None)
            if row is None:
                waiting.pop()
                continue
            yield len(waiting), row
            if row.kind != "more" and row.id is not None:
                waiting.append(iter(self._below(row.id, children, most_of_one)))

    def _below(self, cause: UUID, children: dict[UUID, list[Effect]], most_of_one: int) -> list[Row]:
        found = children.get(cause, [])
        rows = [row for each in found if (row := self._row(each.id)).kind != "withheld"]
        rows = sorted(rows, key=lambda row: (row.moment is None, row.moment))[:most_of_one]
        above = self._row(cause)
        left = self._caused(above) - max(len(rows), len(found) if self._is_limited else 0)
        rows = [_after(row, above) for row in rows]
        # How many are hidden among those that were not read is for nobody to know.
        count = 0 if self._is_limited else left
        return [*rows, Row("more", cause, above.event, above.command, count=count)] if left > 0 else rows

    def _row(self, message: UUID) -> Row:
        if message in self._events:
            return Row("event", message, self._events[message])
        if message in self._commands:
            command = self._commands[message]
            return Row("command" if self._may_see_commands else "hidden", message, command=command)
        return Row("withheld", message)

    def _caused(self, row: Row) -> int:
        return int(getattr(row.event or row.command, "caused", 0))


def _after(row: Row, cause: Row | None) -> Row:
    if cause is None or cause.moment is None or row.moment is None:
        return row
    delay = row.moment - cause.moment
    # A command is noted once it was handled, after what its handler published.
    return replace(row, delay=max(timedelta(0), delay) if cause.command else delay)


def _nested(rows: Iterable[tuple[int, Row]]) -> Iterator[Row]:
    """The same rows, each with the lists that begin and end with it."""
    found = list(rows)
    depths = [0, *(depth for depth, _row in found), 1]
    for index, (depth, row) in enumerate(found, start=1):
        following = depths[index + 1]
        yield replace(
            row,
            opens=depth > depths[index - 1],
            ends=following <= depth,
            closes=(None,) * max(0, depth - following),
        )
