"""Numbers of rows that are counted no further than people read them."""

from __future__ import annotations

from django.db.models import IntegerField, Subquery

COUNTED_UP_TO = 10_000
"""What is shown of larger numbers is that they are larger."""


class BoundedCount(Subquery):
    """The number of rows of a sliced query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()
