"""How long ago, in words as short as `3 d 4 h`, which no line breaks apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

NO_BREAK_SPACE = "\u00a0"


def age(moment: datetime, *, now: datetime | None = None) -> str:
    """The time since a moment: seconds, minutes, hours with minutes below 10 h, days with hours below 10 d."""
    return duration((now or timezone.now()) - moment)


def duration(length: timedelta) -> str:
    return _words(max(0, int(length.total_seconds()))).replace(" ", NO_BREAK_SPACE)


def _words(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:
        return _("%(seconds)d s") % {"seconds": seconds}
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    if hours < 10 and minutes % 60:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}
    if days < 1:
        return _("%(hours)d h") % {"hours": hours}
    if days < 10 and hours % 24:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours % 24}
    return _("%(days)d d") % {"days": days}
