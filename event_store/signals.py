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

Arguments: sender (the EventStore), events (list of RecordedEvent, in order).
"""
