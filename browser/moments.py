"""Dates and times that somebody typed, in the visitor's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

_FIRST_YEAR, _LAST_YEAR = 1000, 9000


def moment_of(text: str) -> tuple[datetime, datetime] | None:
    """
    The first moment that is meant and the first one behind it, aware; None for what is neither a date nor a time.

    A date means its whole day, `14:30` its whole minute, `14:30:05` that second. Without an offset it is the current
    time zone's.
    """
    try:
        day = parse_date(text)
        moment = parse_datetime(text) if day is None else None
    except ValueError:
        return None
    if day is not None and _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return _midnight(day), _midnight(day + timedelta(days=1))
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return aware, (aware.astimezone(UTC) + _precision(text, moment))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _precision(text: str, moment: datetime) -> timedelta:
    if moment.microsecond or "." in text:
        return timedelta(microseconds=1)
    has_seconds = text.replace("T", " ").partition(" ")[2][:8].count(":") == 2
    return timedelta(seconds=1) if has_seconds else timedelta(minutes=1)
