"""
Who sees which orders in the event store browser. Not switched on in the demo, where everybody may look at everything:

    EVENT_BROWSER = {"POLICY": "catering.browser_policy.CateringPolicy"}
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from browser.policy import BrowserPolicy, Hidden
from event_store import RecordedEvent

PERSONAL = ("customer_name", "conditions")


class CateringPolicy(BrowserPolicy):
    """
    The office sees every stream; of customers only those see more than that there is one who may view orders.

    A caterer with a login named like its key, no member of staff, sees its own stream.
    """

    def may_see_stream(self, request: HttpRequest, name: str) -> bool:
        return _is_office(request) or name == f"Caterer${request.user.get_username()}"

    def may_see_process(self, request: HttpRequest, type: str, key: str) -> bool:
        return _is_office(request)

    def redact(self, request: HttpRequest, event: RecordedEvent[Any]) -> Any:
        if not isinstance(event.data, dict) or request.user.has_perm("catering.view_ordersummary"):
            return event.data
        return {key: Hidden("personal data") if key in PERSONAL else value for key, value in event.data.items()}


def _is_office(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))
