"""What happens in the store, as Django signals."""

from django.dispatch import Signal

events_stored = Signal()
"""
Sent inside the writer's transaction, once events are stored and immediate subscribers have run.

Arguments: sender (the EventStore), events (list of RecordedEvent, in order).
"""
