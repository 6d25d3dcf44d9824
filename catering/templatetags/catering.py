"""How catering's pages write ages, and how they link to the event store's browser."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

register = template.Library()

BROWSER = "admin:event_store_browser"
PROCESS_PAGES = ("processes", "process")


@register.filter
def age(since: datetime | None) -> str:
    """How long ago, in its two greatest units: "3 d 4 h", "5 min"; empty for None. No unit leaves its number's line."""
    if since is None:
        return ""
    minutes = max(0, int((timezone.now() - since).total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        units = [(days, "d"), (hours, "h")]
    elif hours:
        units = [(hours, "h"), (rest if hours < 6 else 0, "min")]
    else:
        return f"{rest}\u00a0min"
    return " ".join(f"{number}\u00a0{unit}" for number, unit in units if number)


@register.filter
def is_before(moment: datetime | None, bound: datetime) -> bool:
    return moment is not None and moment < bound


@register.filter
def last_word(type_name: str) -> str:
    """A type without its app: "ConfirmOrder" of "catering.ConfirmOrder"."""
    return type_name.rpartition(".")[2]


@register.filter
def awaited(waiting_for: str) -> list[dict[str, str]]:
    """What a process waits for, as it is stored, word by word with "and" or "or" before all but the first."""
    words, joint = [], ""
    for part in waiting_for.split():
        if part in ("|", "&"):
            joint = {"|": "or", "&": "and"}[part]
        else:
            words.append({"name": last_word(part), "joint": joint})
    return words


@register.simple_tag(takes_context=True)
def browser_url(context: dict[str, Any], page: str, *arguments: Any) -> str:
    """The address of a page of the event store's browser; empty where there is none, or the viewer may not see it."""
    request: HttpRequest = context["request"]
    permission = "event_store.view_process" if page in PROCESS_PAGES else "event_store.view_storedevent"
    if not (request.user.is_staff and request.user.has_perm(permission)):
        return ""
    try:
        return reverse(f"{BROWSER}:{page}", args=arguments)
    except NoReverseMatch:
        return ""
