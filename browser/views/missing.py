"""Addresses that are none."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView


class MissingPageView(BrowserView):
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise Http404
