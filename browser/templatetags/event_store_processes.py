"""What pages of processes say: values of states, deadlines, and times to come."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from browser.ages import age, duration
from browser.awaited import in_words
from browser.process_deadlines import ShownDeadline
from browser.templatetags.event_store_browser import es_time
from browser.times import day_and_minutes, day_and_seconds
from browser.visible import visible, visible_text
from event_store import WaitingGroup, process_managers

register = template.Library()

LONGEST_VALUE = 300


@register.simple_tag
def es_value(text: str | None, longest: int = LONGEST_VALUE) -> SafeString:
    """JSON text in the colour of its kind; None stands for a value that is not there."""
    if text is None:
        return format_html('<span class="es-quiet">{}</span>', _("not there"))
    kind = "s" if text.startswith('"') else "n" if text[:1].isdigit() or text.startswith("-") else "z"
    cut = format_html(' <span class="z">… {}</span>', _("cut")) if len(text) > longest else ""
    return format_html('<span class="es-value {}"><bdi>{}</bdi></span>{}', kind, visible(text[:longest]), cut)


@register.filter
def es_awaited_plain(waiting_for: str) -> str:
    """What is waited for, in words without markup."""
    return visible_text(in_words(waiting_for)) or _("nothing named")


@register.filter
def es_is_late(group: WaitingGroup) -> bool:
    """Whether the first of these processes waits longer than its class allows."""
    manager = process_managers.get(group.type)
    if manager is None or manager.stuck_after is None or group.oldest is None:
        return False
    return group.oldest < timezone.now() - manager.stuck_after


@register.simple_tag
def es_due(moment: datetime | None, *, is_over: bool = False) -> SafeString:
    """`in 1 h 50 min · 26 Nov 17:52`; of one that has passed, and that is not over, how long ago in amber."""
    if moment is None:
        return es_time(None)
    now = timezone.now()
    if moment >= now:
        words = _("in %(length)s") % {"length": duration(moment - now)}
    else:
        words = _("passed %(age)s ago") % {"age": age(moment, now=now)}
    hot = "age-hot" if moment < now and not is_over else ""
    return format_html(
        '<span class="es-moment"><span class="{}">{}</span>\u00a0· {}</span>', hot, words, es_time(moment)
    )


@register.filter
def es_outcome(deadline: ShownDeadline) -> str:
    """What has become of a deadline, in words."""
    facts = {"age": age(deadline.due_at), "left": duration(deadline.due_at - timezone.now()), "step": deadline.ended_in}
    match deadline.outcome:
        case "handled":
            return _("reached, handled in step %(step)s") % facts
        case "reached":
            return _("overdue by %(age)s: it was reached, and no step has handled it") % facts
        case "overdue":
            return _("overdue by %(age)s: nobody has handled it") % facts
        case "cancelled" if deadline.ended_in:
            return _("cancelled in step %(step)s") % facts
        case "cancelled":
            return _("cancelled")
    return _("due in %(left)s") % facts


@register.filter
def es_moment(moment: datetime) -> str:
    """A moment as plain text, for labels: `22 Nov 18:00`."""
    return day_and_minutes(moment)


@register.simple_tag
def es_step_time(moment: datetime) -> SafeString:
    """To the millisecond: what happens within a step takes no longer."""
    utc = moment.astimezone(UTC)
    milliseconds = f"{utc.microsecond // 1000:03d}"
    return format_html(
        '<time datetime="{}" title="{}">{}<span class="es-fraction">{}</span></time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}.{milliseconds} UTC",
        day_and_seconds(moment),
        f".{milliseconds}",
    )
