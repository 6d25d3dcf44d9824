"""Takes the form of the help page in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from browser.preferences import Preferences
from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView


@method_decorator(csrf_protect, name="dispatch")
class PreferencesView(BrowserView):
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)
    obeys_policy = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(f"{self.url('help')}#es-preferences")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponseRedirect(f"{self.url('help')}?saved=1#es-preferences")
        Preferences.sent(request).keep(response, path=self.url("overview"), is_secure=request.is_secure())
        return response
