"""What the words and signs mean."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from browser.preferences import offered_zones
from browser.shortcuts import SHORTCUTS
from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView


class HelpView(BrowserView):
    template_name = "browser/help.html"
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)
    obeys_policy = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            shortcuts=SHORTCUTS, zones=offered_zones(), servers_zone=timezone.get_default_timezone_name(), **context
        )
