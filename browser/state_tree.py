"""A state as a tree, with what has changed in it boxed and said."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from browser.json_tree import plain_tree
from browser.state_diff import json_or_none


def state_tree(state: Any, *, before: Any = None) -> SafeString:
    """
    Args:
        before: the state before, None for the first one: fields that were written otherwise say what they were.
    """
    try:
        return plain_tree(state, changed=_changed_fields(before, state))
    except (ValueError, RecursionError):
        return format_html('<span class="z">{}</span>', _("It is nested too deep to be shown."))


def _changed_fields(before: Any, after: Any) -> dict[str, Any]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return {}
    return {
        key: before[key] for key in after if key in before and json_or_none(before[key]) != json_or_none(after[key])
    }
