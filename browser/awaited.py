"""What a process waits for, as it is stored (`a.A | a.B & a.C`, `*` for any event), taken apart and put into words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from browser.type_names import short_name

ANY_EVENT = "*"


def groups(waiting_for: str) -> list[list[str]]:
    """Each group is still missing; the types of one are alternatives."""
    return [group.split(" | ") for group in waiting_for.split(" & ")] if waiting_for else []


def any_event() -> str:
    return _("any event it reacts to")


def in_words(waiting_for: str) -> str:
    """`A or B and C`, with the last part of each type."""
    return f" {_('and')} ".join(f" {_('or')} ".join(map(_short, group)) for group in groups(waiting_for))


def _short(type_name: str) -> str:
    return any_event() if type_name == ANY_EVENT else short_name(type_name)
