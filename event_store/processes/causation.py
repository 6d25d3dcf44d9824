"""What led to an event, and what it led to: through other events and through the commands of processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections

from event_store.backends.selects import Dialect, read_uuid
from event_store.stores import DEFAULT_STORE, event_stores

# A command is caused by the event of its step, an event by the event or the command that its causation id names.
_CAUSES = """
causes (depth, id) AS (
    SELECT 1, e.causation_id FROM event_store_storedevent e WHERE e.event_id = %(event)s AND e.causation_id IS NOT NULL
    UNION ALL
    SELECT causes.depth + 1, coalesce(e.causation_id, source.event_id)
      FROM causes
      LEFT JOIN event_store_storedevent e ON e.event_id = causes.id
      LEFT JOIN event_store_issuedcommand c ON c.command_id = causes.id
      LEFT JOIN event_store_processstep step ON step.id = c.step_id
      LEFT JOIN event_store_storedevent source ON source.global_position = step.event_id
     WHERE causes.depth < %(most_causes)s AND coalesce(e.causation_id, source.event_id) IS NOT NULL
)"""
# One look-up for each message, which ends at a number: an event may have a million effects.
_POSTGRESQL_EFFECTS = """
effects (depth, id, cause, position) AS (
    SELECT 0, e.event_id, CAST(NULL AS uuid), e.global_position FROM event_store_storedevent e
     WHERE e.event_id = %(event)s
    UNION ALL
    SELECT effects.depth + 1, effect.id, effects.id, effect.position
      FROM effects CROSS JOIN LATERAL (
        (SELECT e.event_id AS id, e.global_position AS position FROM event_store_storedevent e
          WHERE e.causation_id = effects.id ORDER BY e.global_position LIMIT %(most_of_one)s)
        UNION ALL
        (SELECT c.command_id, NULL FROM event_store_processstep step
           JOIN event_store_issuedcommand c ON c.step_id = step.id
          WHERE step.event_id = effects.position ORDER BY c.id LIMIT %(most_of_one)s)
      ) AS effect
     WHERE effects.depth < %(deepest)s
)"""
_SQLITE_EFFECTS = """
effects (depth, id, cause, position) AS (
    SELECT 0, e.event_id, CAST(NULL AS uuid), e.global_position FROM event_store_storedevent e
     WHERE e.event_id = %(event)s
    UNION ALL
    SELECT effects.depth + 1, e.event_id, effects.id, e.global_position
      FROM effects JOIN event_store_storedevent e ON e.causation_id = effects.id
     WHERE effects.depth < %(deepest)s AND e.global_position IN (
        SELECT first.global_position FROM event_store_storedevent first
         WHERE first.causation_id = effects.id ORDER BY first.global_position LIMIT %(most_of_one)s)
    UNION ALL
    SELECT effects.depth + 1, c.command_id, effects.id, NULL
      FROM effects
      JOIN event_store_processstep step ON step.event_id = effects.position
      JOIN event_store_issuedcommand c ON c.step_id = step.id
     WHERE effects.depth < %(deepest)s AND c.id IN (
        SELECT first.id FROM event_store_processstep taken
          JOIN event_store_issuedcommand first ON first.step_id = taken.id
         WHERE taken.event_id = effects.position ORDER BY first.id LIMIT %(most_of_one)s)
    LIMIT %(most_effects)s
)"""
# The limit stands where nothing sorts: levels are then walked one by one, and no further than it is read.
_BOTH = """
WITH RECURSIVE {causes}, {effects}
SELECT -depth, id, NULL FROM causes
UNION ALL
SELECT depth, id, cause FROM (SELECT depth, id, cause FROM effects LIMIT %(most_effects)s) AS found WHERE depth > 0
"""


@dataclass(frozen=True)
class Effect:
    """A message (an event, or a command of a process) and the one that directly caused it; `depth` from 1."""

    id: UUID
    cause: UUID
    depth: int


@dataclass(frozen=True)
class Causation:
    """
    The messages around an event, each once.

    Attributes:
        causes: ids of what led to it, the nearest first; the last may be one that the store does not have.
        goes_round: whether the causes come back to one of themselves, or to the event.
        effects: level by level.
    """

    causes: list[UUID]
    goes_round: bool
    effects: list[Effect]


def causation_of(
    event_id: UUID,
    *,
    most_causes: int = 50,
    most_effects: int = 200,
    most_of_one: int = 20,
    deepest: int = 50,
    store: str = DEFAULT_STORE,
) -> Causation:
    """
    What led to an event and what it led to, in one query; nothing for an event that is not there.

    Args:
        most_of_one: how many events, and how many commands, of one cause.
        deepest: how many levels of effects.
    """
    using = event_stores[store].backend.using
    dialect = Dialect(connections[using].vendor)
    sql = _BOTH.format(causes=_CAUSES, effects=_POSTGRESQL_EFFECTS if dialect.is_postgresql else _SQLITE_EFFECTS)
    parameters = {
        "event": dialect.uuid(event_id),
        "most_causes": most_causes,
        # The event itself is one of the rows.
        "most_effects": most_effects + 1,
        "most_of_one": most_of_one,
        "deepest": deepest,
    }
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    causes, goes_round = _chain(event_id, rows)
    return Causation(causes, goes_round, _effects(event_id, rows))


def _chain(event_id: UUID, rows: list[Any]) -> tuple[list[UUID], bool]:
    causes = [read_uuid(message) for depth, message, _cause in sorted(rows, key=lambda row: -row[0]) if depth < 0]
    seen = {event_id}
    for index, cause in enumerate(causes):
        if cause in seen:
            return causes[:index], True
        seen.add(cause)
    return causes, False


def _effects(event_id: UUID, rows: list[Any]) -> list[Effect]:
    found, seen = [], {event_id}
    for depth, message, cause in rows:
        if depth > 0 and (effect := Effect(read_uuid(message), read_uuid(cause), depth)).id not in seen:
            seen.add(effect.id)
            found.append(effect)
    return found
