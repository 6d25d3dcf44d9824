"""What people have done with a row, from the log of the admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model

MOST = 10


def deeds_of(row: Model) -> Sequence[Any]:
    """The newest entries about it, newest first; none where the admin is not installed."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    # Without the admin's tables they could not be imported.
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
    return list(about.select_related("user").order_by("-pk")[:MOST])
