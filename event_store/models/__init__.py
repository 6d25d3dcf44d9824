"""The tables, a file per concern."""

from event_store.models.aggregates import AggregateSnapshot
from event_store.models.events import StoredEvent, Stream, StreamLink
from event_store.models.processes import CommandDelivery, IssuedCommand, Process, ProcessDeadline, ProcessStep
from event_store.models.subscriptions import FailedEvent, Subscription, Worker

__all__ = [
    "AggregateSnapshot",
    "CommandDelivery",
    "FailedEvent",
    "IssuedCommand",
    "Process",
    "ProcessDeadline",
    "ProcessStep",
    "StoredEvent",
    "Stream",
    "StreamLink",
    "Subscription",
    "Worker",
]
