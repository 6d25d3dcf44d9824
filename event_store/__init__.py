"""An event store for Django: published once, linked into as many streams as readers need, never changed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from event_store.append_condition import AppendCondition
from event_store.codec import typed
from event_store.durable import durable_subscribers
from event_store.events import Event, NewEvent, RecordedEvent, event_class_of
from event_store.exceptions import (
    AppendConditionFailed,
    DuplicateEvent,
    EventAlreadyLinked,
    EventNotFound,
    EventStoreError,
    FailedCommandError,
    FailedEventError,
    HorizonUnavailable,
    NotHandledInTime,
    Rejected,
    UnknownProcess,
    WrongExpectedVersion,
)
from event_store.expected_version import ANY, NO_STREAM, STREAM_EXISTS
from event_store.messages import type_of
from event_store.streams import category_of, end_of_prefix
from event_store.subscribers import immediate_subscribers, subscriber

if TYPE_CHECKING:
    from event_store.aggregates.aggregate import Aggregate, applies
    from event_store.aggregates.replay import ReplayedEvent, aggregate_class, replay_aggregate
    from event_store.aggregates.repository import AggregateRepository
    from event_store.commands import Command, CommandHandler, Delivery, dispatch, handler_of, handles
    from event_store.declarations import command_classes, event_classes
    from event_store.horizon import Horizon
    from event_store.processes.board import (
        WaitingGroup,
        count_processes,
        stuck_processes,
        waiting_groups,
        why_stuck,
    )
    from event_store.processes.causation import Causation, Effect, causation_of
    from event_store.processes.deadlines import reach_due_deadlines
    from event_store.processes.deliveries import deliver_due_commands
    from event_store.processes.events import CommandRejected, DeadlineReached
    from event_store.processes.intents import Cancel, CancelDeadline, Complete, Deadline
    from event_store.processes.manager import ProcessManager, process_managers
    from event_store.processes.replay import ReplayedStep, Said, initial_state, replay
    from event_store.processes.retries import (
        aretry_command,
        aretry_process,
        askip_command,
        retry_command,
        retry_process,
        skip_command,
    )
    from event_store.processes.verification import Mismatch, verify_processes
    from event_store.projections.projection import Projection
    from event_store.projections.rebuild import rebuild_projection
    from event_store.query import EventQuery
    from event_store.store import EventStore
    from event_store.stores import event_store, event_stores
    from event_store.stream_samples import SampledStream, StreamSample, sample_streams
    from event_store.subscriptions.failed_events import (
        aretry_failed_event,
        aretry_failed_events_up_to,
        askip_failed_event,
        retry_failed_event,
        retry_failed_events_up_to,
        skip_failed_event,
    )
    from event_store.subscriptions.naming import remove_subscription, rename_subscription
    from event_store.subscriptions.status import (
        OpenTransaction,
        SubscriptionStatus,
        open_transactions,
        subscription_status,
    )
    from event_store.subscriptions.waiting import await_for, wait_for
    from event_store.type_summaries import EventTypeSummary, NewestEvent, event_type_summaries

# Bound to models or to settings: imported when first asked for, so that `event_store` can be imported anywhere.
_LAZY = {
    "Aggregate": "aggregates.aggregate",
    "AggregateRepository": "aggregates.repository",
    "ReplayedEvent": "aggregates.replay",
    "aggregate_class": "aggregates.replay",
    "applies": "aggregates.aggregate",
    "replay_aggregate": "aggregates.replay",
    "Command": "commands",
    "CommandHandler": "commands",
    "Delivery": "commands",
    "dispatch": "commands",
    "handler_of": "commands",
    "handles": "commands",
    "command_classes": "declarations",
    "event_classes": "declarations",
    "event_store": "stores",
    "event_stores": "stores",
    "Horizon": "horizon",
    "WaitingGroup": "processes.board",
    "count_processes": "processes.board",
    "stuck_processes": "processes.board",
    "waiting_groups": "processes.board",
    "why_stuck": "processes.board",
    "Causation": "processes.causation",
    "Effect": "processes.causation",
    "causation_of": "processes.causation",
    "reach_due_deadlines": "processes.deadlines",
    "deliver_due_commands": "processes.deliveries",
    "CommandRejected": "processes.events",
    "DeadlineReached": "processes.events",
    "Cancel": "processes.intents",
    "CancelDeadline": "processes.intents",
    "Complete": "processes.intents",
    "Deadline": "processes.intents",
    "ProcessManager": "processes.manager",
    "process_managers": "processes.manager",
    "ReplayedStep": "processes.replay",
    "Said": "processes.replay",
    "aretry_command": "processes.retries",
    "aretry_process": "processes.retries",
    "askip_command": "processes.retries",
    "retry_command": "processes.retries",
    "retry_process": "processes.retries",
    "skip_command": "processes.retries",
    "Mismatch": "processes.verification",
    "verify_processes": "processes.verification",
    "initial_state": "processes.replay",
    "replay": "processes.replay",
    "Projection": "projections.projection",
    "rebuild_projection": "projections.rebuild",
    "EventQuery": "query",
    "SampledStream": "stream_samples",
    "StreamSample": "stream_samples",
    "sample_streams": "stream_samples",
    "EventStore": "store",
    "aretry_failed_event": "subscriptions.failed_events",
    "aretry_failed_events_up_to": "subscriptions.failed_events",
    "askip_failed_event": "subscriptions.failed_events",
    "retry_failed_event": "subscriptions.failed_events",
    "retry_failed_events_up_to": "subscriptions.failed_events",
    "skip_failed_event": "subscriptions.failed_events",
    "remove_subscription": "subscriptions.naming",
    "rename_subscription": "subscriptions.naming",
    "OpenTransaction": "subscriptions.status",
    "SubscriptionStatus": "subscriptions.status",
    "open_transactions": "subscriptions.status",
    "subscription_status": "subscriptions.status",
    "await_for": "subscriptions.waiting",
    "wait_for": "subscriptions.waiting",
    "EventTypeSummary": "type_summaries",
    "NewestEvent": "type_summaries",
    "event_type_summaries": "type_summaries",
}

__all__ = [
    "ANY",
    "NO_STREAM",
    "STREAM_EXISTS",
    "Aggregate",
    "AggregateRepository",
    "AppendCondition",
    "AppendConditionFailed",
    "Cancel",
    "CancelDeadline",
    "Causation",
    "Command",
    "CommandHandler",
    "CommandRejected",
    "Complete",
    "Deadline",
    "DeadlineReached",
    "Delivery",
    "DuplicateEvent",
    "Effect",
    "Event",
    "EventAlreadyLinked",
    "EventNotFound",
    "EventQuery",
    "EventStore",
    "EventStoreError",
    "EventTypeSummary",
    "FailedCommandError",
    "FailedEventError",
    "Horizon",
    "HorizonUnavailable",
    "Mismatch",
    "NewEvent",
    "NewestEvent",
    "NotHandledInTime",
    "OpenTransaction",
    "ProcessManager",
    "Projection",
    "RecordedEvent",
    "Rejected",
    "ReplayedEvent",
    "ReplayedStep",
    "Said",
    "SampledStream",
    "StreamSample",
    "SubscriptionStatus",
    "UnknownProcess",
    "WaitingGroup",
    "WrongExpectedVersion",
    "aggregate_class",
    "applies",
    "aretry_command",
    "aretry_failed_event",
    "aretry_failed_events_up_to",
    "aretry_process",
    "askip_command",
    "askip_failed_event",
    "await_for",
    "category_of",
    "causation_of",
    "command_classes",
    "count_processes",
    "deliver_due_commands",
    "dispatch",
    "durable_subscribers",
    "end_of_prefix",
    "event_class_of",
    "event_classes",
    "event_store",
    "event_stores",
    "event_type_summaries",
    "handler_of",
    "handles",
    "immediate_subscribers",
    "initial_state",
    "open_transactions",
    "process_managers",
    "reach_due_deadlines",
    "rebuild_projection",
    "remove_subscription",
    "rename_subscription",
    "replay",
    "replay_aggregate",
    "retry_command",
    "retry_failed_event",
    "retry_failed_events_up_to",
    "retry_process",
    "sample_streams",
    "skip_command",
    "skip_failed_event",
    "stuck_processes",
    "subscriber",
    "subscription_status",
    "type_of",
    "typed",
    "verify_processes",
    "wait_for",
    "waiting_groups",
    "why_stuck",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
