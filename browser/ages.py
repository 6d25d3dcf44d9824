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


def age_patterns() -> dict[str, str]:
    """The words of an age by its units, with places for the numbers: for those who let it grow in a page."""
    return {
        "s": _("%(seconds)d s"),
        "min": _("%(minutes)d min"),
        "h min": _("%(hours)d h %(minutes)d min"),
        "h": _("%(hours)d h"),
        "d h": _("%(days)d d %(hours)d h"),
        "d": _("%(days)d d"),
        "ago": _("%(age)s ago"),
    }


def _words(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:
        units = "s"
    elif minutes < 60:
        units = "min"
    elif hours < 10 and minutes % 60:
        units = "h min"
    elif days < 1:
        units = "h"
    else:
        units = "d h" if days < 10 and hours % 24 else "d"
    numbers = {"seconds": seconds, "minutes": minutes % 60, "hours": hours % 24, "days": days}
    return age_patterns()[units] % numbers
