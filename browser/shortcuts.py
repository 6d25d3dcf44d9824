"""Single keys for those who want them: where they stand in the pages, and what the help says about them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

SECTION_KEYS = {
    "overview": "g o",
    "streams": "g s",
    "events": "g e",
    "processes": "g p",
    "subscriptions": "g h",
    "types": "g t",
}

SHORTCUTS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("/",), _("goes to the field of Find")),
    (("j", "k"), _("the next row, the previous row")),
    (("Enter",), _("opens the row")),
    (("[", "]"), _("the page before, the page after; of an event, the event before and after it in the stream")),
    (("←", "→"), _("the step before, the step after")),
    (("l",), _("live updates on or off")),
    (("y",), _("copies the address of the page")),
    (("g o", "g s", "g e", "g t"), _("overview, streams, events, types")),
    (("g p", "g h"), _("processes, subscriptions (who handles what)")),
    (("?",), _("this list")),
)
