"""What the handlers leave behind: no constraint hides that one has run twice."""

from __future__ import annotations

from django.db import models


class Effect(models.Model):
    """One event handled by one subscription. Rows are numbered in the order of handling within a sequence."""

    subscription = models.CharField(max_length=50)
    event_position = models.BigIntegerField()
    stream = models.CharField(max_length=255)
    stream_position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.subscription} {self.event_position}"


class Unrelated(models.Model):
    """Written by transactions long before they publish."""

    text = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.text
