"""Other ways to write the same: Django's ORM, and the recorders of PyPI's `eventsourcing` with default settings."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stored
from samples import DATA, LINKABLE, METADATA, TYPE, Neighbours, Place
from writing import Write

EVENTSOURCING_AT_ONCE = 250
"""Its PostgreSQL recorder hangs on some calls with a thousand events: more of them are several calls here."""


@contextmanager
def bulk_creating(events: int) -> Iterator[Write]:
    """The same three rows with the ORM, in a transaction: six round trips."""
    from django.db import transaction
    from django.utils.timezone import now

    from event_store.models import StoredEvent, Stream, StreamLink

    def write(place: Place) -> None:
        with transaction.atomic():
            stream = _advanced(Stream, place, events)
            time, conversation = now(), uuid.uuid4()
            rows = StoredEvent.objects.bulk_create(
                StoredEvent(
                    event_id=uuid.uuid4(),
                    type=TYPE,
                    category=place.category,
                    schema_version=1,
                    data=DATA,
                    metadata=METADATA,
                    correlation_id=conversation,
                    recorded_at=time,
                    valid_at=time,
                )
                for _ in range(events)
            )
            StreamLink.objects.bulk_create(
                StreamLink(stream=stream, position=position, event=row, written_here=True, linked_at=time)
                for position, row in enumerate(rows, start=place.version + 1)
            )

    yield write


@contextmanager
def bulk_linking(events: int) -> Iterator[Write]:
    """Links to events whose positions it knows, with the ORM, in a transaction: five round trips."""
    from django.db import transaction
    from django.utils.timezone import now

    from event_store.models import Stream, StreamLink

    neighbours = Neighbours(LINKABLE)

    def write(place: Place) -> None:
        time, wanted = now(), neighbours.positions(place, events)
        with transaction.atomic():
            stream = _advanced(Stream, place, events)
            StreamLink.objects.bulk_create(
                StreamLink(stream=stream, position=at, event_id=event, written_here=False, linked_at=time)
                for at, event in enumerate(wanted, start=place.version + 1)
            )

    yield write


@contextmanager
def eventsourcing(events: int) -> Iterator[Write]:
    """One row for each event; the JSON by its own transcoder, as its mapper would have it made."""
    from eventsourcing.persistence import JSONTranscoder, StoredEvent

    encode = JSONTranscoder().encode

    def write(place: Place) -> None:
        originator = uuid.uuid5(uuid.NAMESPACE_URL, place.stream)
        rows = [
            StoredEvent(originator, version, TYPE, encode({"data": DATA, "metadata": METADATA}))
            for version in range(place.version + 1, place.version + 1 + events)
        ]
        for start in range(0, events, EVENTSOURCING_AT_ONCE):
            recorder.insert_events(rows[start : start + EVENTSOURCING_AT_ONCE])

    with eventsourcing_recorder() as recorder:
        yield write


@contextmanager
def eventsourcing_recorder(*, create_table: bool = False) -> Iterator[Any]:
    """Its recorder on our database, with a table of its own, which only one process at a time can create."""
    from django.db import connection
    from eventsourcing.persistence import InfrastructureFactory
    from eventsourcing.utils import Environment

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        environment = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(settings["NAME"])}
    else:
        environment = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": settings["NAME"],
            "POSTGRES_HOST": settings["HOST"] or "127.0.0.1",
            "POSTGRES_PORT": str(settings["PORT"] or 5432),
            "POSTGRES_USER": settings["USER"] or "postgres",
            "POSTGRES_PASSWORD": settings["PASSWORD"] or "-",  # it refuses to go without one
        }
    environment["CREATE_TABLE"] = "yes" if create_table else "no"
    with InfrastructureFactory.construct(Environment(env=environment)) as factory:
        recorder = factory.application_recorder()
        if connection.vendor == "sqlite":
            _take_over_durability(connection, factory.datastore)
        yield recorder


def eventsourcing_rows() -> stored.TheirRows:
    from django.db import connection
    from eventsourcing.persistence import JSONTranscoder

    with eventsourcing_recorder(create_table=True):
        pass
    column = "rowid" if connection.vendor == "sqlite" else "notification_id"
    return stored.TheirRows(column, JSONTranscoder().decode)


def _advanced(streams: Any, place: Place, events: int) -> Any:
    from django.utils.timezone import now

    if place.version < 0:
        return streams.objects.create(name=place.stream, category=place.category, version=events - 1, created_at=now())
    stream = streams.objects.select_for_update().get(name=place.stream)
    if stream.version != place.version:
        raise AssertionError(f"{stream.name} is at {stream.version}")
    stream.version += events
    stream.save(update_fields=["version"])
    return stream


def _take_over_durability(connection: Any, datastore: Any) -> None:
    # Its default is FULL. It has one connection for all calls that do not overlap.
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        synchronous = cursor.fetchone()[0]
    with datastore.get_connection(commit=True) as theirs:
        theirs.cursor().execute(f"PRAGMA synchronous = {synchronous}")
