"""Links in the own mount, names made visible, times, ages, kinds and statuses."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from browser.ages import NO_BREAK_SPACE, age, age_patterns, duration
from browser.awaited import ANY_EVENT, any_event, groups
from browser.bounded_count import COUNTED_UP_TO
from browser.json_tree import summary
from browser.status_words import status_word
from browser.times import long_time, short_time
from browser.type_names import short_name
from browser.views.base import page_url
from browser.visible import visible, visible_text

register = template.Library()

SIGNS = {
    "waiting": "clock",
    "stuck": "warning",
    "failed": "cross",
    "failing": "cross",
    "completed": "check",
    "cancelled": "cross",
    "ok": "check",
    "accepted": "check",
    "rejected": "cross",
    "skipped": "cross",
    "suppressed": "cross",
    "retrying": "warning",
    "given_up": "cross",
    "done": "check",
    "at_once": "check",
}
COLOURS = {"completed": "ok", "failing": "failed", "cancelled": "waiting", "accepted": "ok", "suppressed": "waiting",
           "rejected": "waiting", "pending": "waiting", "skipped": "waiting", "retrying": "stuck", "given_up": "failed",
           "done": "ok", "at_once": "ok", "passed": "waiting", "partly": "waiting", "not_reached": "waiting", "new": "waiting"}  # fmt: skip
KINDS = {"event": "square", "command": "diamond", "process": "hexagon", "deadline": "ring"}
LONG_NAME = 24
"""Names of so many characters are left as they are."""
BETWEEN_PARTS = re.compile(r"(?<=\.)|(?=\$)")


@register.simple_tag(takes_context=True)
def es_url(context: Context, name: str, *arguments: Any) -> str:
    """The URL of a page in the mount that the request came through."""
    return page_url(context["request"], name, *arguments)


@register.simple_tag(takes_context=True)
def es_messages(context: Context) -> Any:
    """What Django's messages have for the visitor; nothing on a site without them."""
    return get_messages(context["request"])


@register.simple_tag
def es_age_patterns() -> str:
    """The words of ages, for the module."""
    return json.dumps(age_patterns())


@register.simple_tag(takes_context=True)
def es_nonce(context: Context) -> SafeString | str:
    """The attribute that a policy of nonces asks for: Django's own (6.0 on) or django-csp's; "" without one."""
    request = context["request"]
    nonces = (context.get("csp_nonce"), getattr(request, "csp_nonce", None), _djangos_nonce(request))
    # A nonce that nobody has read yet is false.
    nonce = next((each for each in nonces if each is not None), None)
    return "" if nonce is None else format_html(' nonce="{}"', str(nonce))


@register.filter
def es_number(number: int) -> str:
    """1 204: digits in threes."""
    return f"{number:,}".replace(",", NO_BREAK_SPACE)


@register.filter
def es_counted(count: int) -> str:
    """A number that was counted up to 10,000: `1 204`, `10 000+`."""
    return f"{es_number(COUNTED_UP_TO)}+" if count > COUNTED_UP_TO else es_number(count)


@register.filter
def es_name(name: str) -> SafeString:
    """A name of the user's, in its own direction, with hidden characters shown; a long one breaks where its parts meet."""
    name = str(name)
    parts = BETWEEN_PARTS.split(name) if len(name) > LONG_NAME else [name]
    return format_html(
        "<bdi>{}</bdi>", format_html_join(SafeString("<wbr>"), "{}", ((visible(part),) for part in parts))
    )


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


@register.filter
def es_word(status: str) -> str:
    """A status or outcome in the visitor's language."""
    return status_word(status)


@register.simple_tag
def es_status(status: str) -> SafeString:
    """A status as a pill with a sign and a word."""
    return format_html(
        '<span class="es-status es-{}">{}{}</span>',
        COLOURS.get(status, status),
        es_icon(SIGNS.get(status, "clock")),
        status_word(status),
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
    utc = moment.astimezone(timezone.get_fixed_timezone(0))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03d} UTC",
        long_time(moment) if long else short_time(moment),
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
        '<span class="es-moment">{} <span class="es-quiet" data-es-ago>·\u00a0{}</span></span>',
        es_time(moment, long=long),
        ago,
    )


@register.simple_tag
def es_until(moment: datetime | None) -> SafeString:
    """How long until something is due, then when."""
    if moment is None:
        return es_time(None)
    left = moment - timezone.now()
    words = _("in %(duration)s") % {"duration": duration(left)} if left > timedelta(0) else _("due now")
    return format_html('<span class="es-moment">{}\u00a0· {}</span>', words, es_time(moment))


@register.filter
def es_lines(text: str) -> SafeString:
    """Several lines of the user's, such as a traceback, with hidden characters shown."""
    return format_html_join("\n", "{}", ((visible(line),) for line in str(text).split("\n")))


@register.simple_tag
def es_copy(text: object, label: str = "") -> SafeString:
    """A button that copies a text, for those who have scripts."""
    return format_html(
        '<button type="button" class="es-copy" data-es-copy="{}" data-es-js hidden aria-label="{}">{}</button>',
        text,
        _("Copy %(text)s") % {"text": visible_text(label or str(text))},
        _("Copy"),
    )


@register.filter
def es_duration(length: timedelta) -> str:
    """To the millisecond below a second, to a tenth below ten."""
    seconds = length.total_seconds()
    if 1 <= seconds < 10:
        return _("%(seconds)s\u00a0s") % {"seconds": f"{seconds:.1f}".removesuffix(".0")}
    return _("%(ms)d\u00a0ms") % {"ms": round(seconds * 1000)} if 0 <= seconds < 1 else duration(length)


@register.filter
def es_delay(length: timedelta) -> str:
    """`+120 ms`, `+1.8 s`, `+3 min`, with a minus where the clock says that an effect was first."""
    sign, length = ("-" if length < timedelta(0) else "+"), abs(length)
    seconds = length.total_seconds()
    return sign + (_("%(seconds).1f\u00a0s") % {"seconds": seconds} if 1 <= seconds < 10 else es_duration(length))


@register.filter
def es_later(length: timedelta) -> str:
    """The same for a length that cannot be negative, without a sign."""
    return es_delay(max(timedelta(0), length)).removeprefix("+")


@register.filter
def es_short(type_name: str) -> str:
    """The last part of a dotted name."""
    return short_name(str(type_name))


@register.filter
def es_summary(text: str) -> str:
    return summary(text)


def _djangos_nonce(request: HttpRequest) -> Any:
    try:
        return import_string("django.middleware.csp.get_nonce")(request)
    except ImportError:
        return None
