"""Moments as pages write them, in the visitor's time zone and language: `22 Nov 18:00`."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.dateformat import format as in_language

DAY, DAY_AND_YEAR = "j M", "j M Y"
MINUTES, SECONDS = "H:i", "H:i:s"


def day_and_minutes(moment: datetime) -> str:
    return _written(moment, f"{DAY} {MINUTES}")


def day_and_seconds(moment: datetime) -> str:
    return _written(moment, f"{DAY} {SECONDS}")


def short_time(moment: datetime) -> str:
    """With the year, where it is not the current one."""
    is_of_this_year = timezone.localtime(moment).year == timezone.localtime().year
    return _written(moment, f"{DAY if is_of_this_year else DAY_AND_YEAR} {MINUTES}")


def long_time(moment: datetime) -> str:
    """With the year, and milliseconds."""
    return f"{_written(moment, f'{DAY_AND_YEAR} {SECONDS}')}.{moment.microsecond // 1000:03d}"


def _written(moment: datetime, format_string: str) -> str:
    return str(in_language(timezone.localtime(moment), format_string))
