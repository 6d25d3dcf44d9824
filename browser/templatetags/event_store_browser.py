"""Links in the own mount, names made visible, times, ages, kinds and statuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from browser.ages import age, duration
from browser.awaited import ANY_EVENT, any_event, groups
from browser.json_tree import summary
from browser.type_names import short_name
from browser.views.base import page_url
from browser.visible import visible, visible_text

register = template.Library()

COUNTED_UP_TO = 10_000
SIGNS = {
    "waiting": "clock",
    "stuck": "warning",
    "failed": "cross",
    "failing": "cross",
    "completed": "check",
    "cancelled": "cross",
    "ok": "check",
}
COLOURS = {"completed": "ok", "failing": "failed", "cancelled": "waiting", "accepted": "ok", "suppressed": "waiting"}
KINDS = {"event": "square", "command": "diamond", "process": "hexagon"}


def status_words() -> dict[str, str]:
    return {
        "waiting": _("Waiting"),
        "stuck": _("Stuck"),
        "failed": _("Failed"),
        "failing": _("Failing"),
        "completed": _("Completed"),
        "cancelled": _("Cancelled"),
        "ok": _("OK"),
    }


@register.simple_tag(takes_context=True)
def es_url(context: Context, name: str, *arguments: Any) -> str:
    """The URL of a page in the mount that the request came through."""
    return page_url(context["request"], name, *arguments)


@register.simple_tag
def es_count(count: int) -> str:
    """A number that was counted up to 10,000."""
    return f"{COUNTED_UP_TO}+" if count > COUNTED_UP_TO else str(count)


@register.filter
def es_name(name: str) -> SafeString:
    """A name of the user's, in its own direction, with hidden characters shown."""
    return format_html("<bdi>{}</bdi>", visible(str(name)))


@register.filter
def es_plain(name: str) -> str:
    """The same for titles and labels."""
    return visible_text(str(name))


@register.simple_tag
def es_icon(name: str) -> SafeString:
    return format_html('<svg class="es-icon" aria-hidden="true" viewBox="0 0 12 12"><use href="#es-{}"/></svg>', name)


@register.simple_tag
def es_kind(kind: str, type_name: str) -> SafeString:
    """A type with the shape and the colour of its kind; the whole type on hovering."""
    return format_html(
        '<span class="es-kind es-k-{}" title="{}">{}<bdi>{}</bdi></span>',
        kind,
        visible_text(str(type_name)),
        es_icon(KINDS[kind]),
        visible(short_name(str(type_name))),
    )


@register.simple_tag
def es_status(status: str) -> SafeString:
    """A status as a pill with a sign and a word."""
    return format_html(
        '<span class="es-status es-{}">{}{}</span>',
        COLOURS.get(status, status),
        es_icon(SIGNS.get(status, "clock")),
        status_words().get(status, status),
    )


@register.simple_tag
def es_awaited(waiting_for: str) -> SafeString:
    """`a.A | a.B & a.C` as kinds with "or" and "and" between."""
    if not waiting_for:
        return format_html('<span class="es-quiet">{}</span>', _("nothing named"))
    either, both = format_html(" <em>{}</em> ", _("or")), format_html(" <em>{}</em> ", _("and"))
    shown = (format_html_join(either, "{}", ((_awaited(each),) for each in group)) for group in groups(waiting_for))
    return format_html_join(both, "{}", ((each,) for each in shown))


def _awaited(type_name: str) -> SafeString:
    if type_name == ANY_EVENT:
        return format_html('<span class="es-quiet">{}</span>', any_event())
    return es_kind("event", type_name)


@register.simple_tag
def es_time(moment: datetime | None, *, long: bool = False) -> SafeString:
    """A moment in the visitor's time zone; UTC to the millisecond on hovering."""
    if moment is None:
        return format_html('<span class="es-quiet">{}</span>', "–")
    local = timezone.localtime(moment)
    utc = moment.astimezone(timezone.get_fixed_timezone(0))
    text = f"{local:%-d %b %Y %H:%M:%S}.{local.microsecond // 1000:03d}" if long else _short_time(local)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03d} UTC",
        text,
    )


@register.simple_tag
def es_zone() -> str:
    """The abbreviation of the zone that times are shown in."""
    return timezone.localtime().tzname() or ""


@register.simple_tag
def es_since(moment: datetime | None, *, hot: bool = False) -> SafeString:
    """How long something has lasted, then since when; `hot`: longer than it may."""
    if moment is None:
        return es_time(None)
    return format_html(
        '<span class="es-moment"><b class="{}">{}</b>\u00a0· {}</span>',
        "age-hot" if hot else "",
        age(moment),
        es_time(moment),
    )


@register.simple_tag
def es_ago(moment: datetime | None, *, long: bool = False) -> SafeString:
    """When something happened, then how long ago."""
    if moment is None:
        return es_time(None)
    ago = _("%(age)s ago") % {"age": age(moment)}
    return format_html(
        '<span class="es-moment">{} <span class="es-quiet">·\u00a0{}</span></span>', es_time(moment, long=long), ago
    )


@register.filter
def es_duration(length: timedelta) -> str:
    seconds = length.total_seconds()
    return _("%(ms)d\u00a0ms") % {"ms": round(seconds * 1000)} if 0 <= seconds < 1 else duration(length)


@register.filter
def es_summary(text: str) -> str:
    return summary(text)


def _short_time(local: datetime) -> str:
    same_year = local.year == timezone.localtime().year
    return f"{local:%-d %b %H:%M}" if same_year else f"{local:%-d %b %Y %H:%M}"
