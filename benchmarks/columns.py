"""The columns of our tables, read from the models: one that is new and has no value here is noticed."""

from __future__ import annotations


def in_order_of_columns(**values: str) -> dict[str, str]:
    """A value for each column of an event but its position, which the database gives. Raises KeyError."""
    # Django has to be set up for it.
    from event_store.models import StoredEvent

    fields = [each for each in StoredEvent._meta.local_concrete_fields if not each.primary_key]
    return {each.column: values[each.column] for each in fields}
