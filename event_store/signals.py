"""What happens in the store, as Django signals."""

from django.dispatch import Signal

events_stored = Signal()
"""
Sent once events are stored and immediate subscribers have run: inside the writer's transaction where there is one, so
that a receiver that raises undoes it.

Arguments: sender (the EventStore), events (list of RecordedEvent, in order).
"""
