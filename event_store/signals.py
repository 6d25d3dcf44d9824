"""
What happens in the store, as Django signals.

Connect without `sender=`, since each thread has stores of its own, and ask `sender.alias`.
"""

from django.dispatch import Signal

pre_append = Signal()
"""
Sent before events are stored, by `publish` and by `append`: a receiver that raises keeps them out.

Arguments: sender (the EventStore), events (list of NewEvent, in order), stream (its name).
"""

post_append = Signal()
"""
Sent once events are stored and immediate subscribers have run: inside the writer's transaction where there is one, so
that a receiver that raises undoes it.

Arguments: sender (the EventStore), events (list of RecordedEvent, in order), streams (the names of those that show them).
"""

post_link = Signal()
"""
Sent once events are linked, inside the writer's transaction where there is one.

Arguments: sender (the EventStore), events (list of RecordedEvent with their positions there), streams (the stream's name).
"""

event_parked = Signal()
"""
Sent after a durable subscriber has failed at an event for the first time: it is parked, later events of its sequence wait.

What a receiver raises is logged. Arguments: sender (the EventStore), subscription (its name), event (RecordedEvent, its
data and metadata as JSON text), sequence, error (the exception).
"""

event_given_up = Signal()
"""
Sent after the last attempt at a parked event has failed: it waits for somebody to retry or to skip it.

What a receiver raises is logged. Arguments: as `event_parked`.
"""
