"""For a project's own admin pages: a button that leads from an object to its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from browser.extensions import Link
from browser.permissions import VIEW_EVENTS, VIEW_PROCESSES
from browser.policy import Sight
from browser.site import APP_NAME
from event_store.models import Process, Stream

__all__ = ["EventHistoryMixin"]


class EventHistoryMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """
    `class OrderAdmin(EventHistoryMixin, admin.ModelAdmin)`: the page of an object has the button "Events", and "Process"
    where `get_process` names one.

    A button is there once the stream or process exists, for whoever may see it, in an AdminSite that has the browser. A
    `change_form_template` of your own extends "browser/admin_change_form.html".
    """

    change_form_template = "browser/admin_change_form.html"

    def get_stream_name(self, obj: Any) -> str | None:
        """The stream whose events are this object's."""
        return None

    def get_process(self, obj: Any) -> tuple[str, str] | None:
        """The type and the key of the process that this object goes through."""
        return None

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        obj = context.get("original")
        context["browser_links"] = list(self._links(request, obj)) if obj is not None else []
        return super().render_change_form(request, context, *args, **kwargs)

    def _links(self, request: HttpRequest, obj: Any) -> Iterable[Link]:
        sight = Sight.of(request)
        name, process = self.get_stream_name(obj), self.get_process(obj)
        if name and request.user.has_perm(VIEW_EVENTS) and sight.stream(name) and _is_stream(name):
            yield from self._link(_("Events"), "stream", name)
        if process and request.user.has_perm(VIEW_PROCESSES) and sight.process(*process) and _is_process(*process):
            yield from self._link(_("Process"), "process", *process)

    def _link(self, label: str, page: str, *arguments: str) -> Iterable[Link]:
        try:
            yield Link(label, reverse(f"{self.admin_site.name}:{APP_NAME}:{page}", args=arguments))
        except NoReverseMatch:
            # This AdminSite has no browser: see browser.admin.register.
            return


def _is_stream(name: str) -> bool:
    return Stream.objects.filter(name=name, version__gte=0).exists()


def _is_process(process_type: str, key: str) -> bool:
    return Process.objects.filter(type=process_type, key=key).exists()
