"""The pages as a section of the admin, and links to them from the store's own change lists."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import include, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from browser.models import EventStore
from browser.site import APP_NAME, BrowserSite
from event_store.admin import (
    FailedEventAdmin,
    IssuedCommandAdmin,
    ProcessAdmin,
    ProcessStepAdmin,
    StoredEventAdmin,
    StreamAdmin,
    SubscriptionAdmin,
)
from event_store.models import FailedEvent, IssuedCommand, Process, ProcessStep, StoredEvent, Stream, Subscription


@admin.register(EventStore)
class EventStoreAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The change list of this entry is the overview."""

    def get_urls(self) -> list[Any]:
        site = BrowserSite(self.admin_site)
        # The index of the admin asks for this name; the overview answers first.
        change_list = path(
            "", self.admin_site.admin_view(self.changelist_view), name="event_store_browser_eventstore_changelist"
        )
        return [path("", include((site.get_urls(), APP_NAME))), change_list]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(f"event_store.{each}") for each in ("view_storedevent", "view_process"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BrowserLinkMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds a column with a link to an object's page in the browser."""

    def browser_url(self, obj: Any) -> str:
        """Where the object is shown."""
        return self.page("overview")

    @admin.display(description="Browser")
    def in_browser(self, obj: Any) -> SafeString:
        return format_html('<a href="{}">Show</a>', self.browser_url(obj))

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return (*super().get_list_display(request), "in_browser")

    def page(self, name: str, *arguments: Any) -> str:
        """The URL of a page in this admin's mount."""
        return reverse(f"{self.admin_site.name}:{APP_NAME}:{name}", args=arguments)


class LinkedStreamAdmin(BrowserLinkMixin, StreamAdmin):
    def browser_url(self, obj: Stream) -> str:
        return self.page("stream", obj.name)


class LinkedEventAdmin(BrowserLinkMixin, StoredEventAdmin):
    def browser_url(self, obj: StoredEvent) -> str:
        return self.page("event", obj.event_id)


class LinkedProcessAdmin(BrowserLinkMixin, ProcessAdmin):
    def browser_url(self, obj: Process) -> str:
        return self.page("process", obj.type, obj.key)


class LinkedStepAdmin(BrowserLinkMixin, ProcessStepAdmin):
    def browser_url(self, obj: ProcessStep) -> str:
        return f"{self.page('process', obj.process.type, obj.process.key)}?at={obj.number + 1}"


class LinkedCommandAdmin(BrowserLinkMixin, IssuedCommandAdmin):
    def browser_url(self, obj: IssuedCommand) -> str:
        return self.page("process", obj.process.type, obj.process.key)


class LinkedSubscriptionAdmin(BrowserLinkMixin, SubscriptionAdmin):
    def browser_url(self, obj: Subscription) -> str:
        return self.page("subscriptions")


class LinkedFailureAdmin(BrowserLinkMixin, FailedEventAdmin):
    def browser_url(self, obj: FailedEvent) -> str:
        return self.page("event", obj.event.event_id)


for model, linked_admin in (
    (Stream, LinkedStreamAdmin),
    (StoredEvent, LinkedEventAdmin),
    (Process, LinkedProcessAdmin),
    (ProcessStep, LinkedStepAdmin),
    (IssuedCommand, LinkedCommandAdmin),
    (Subscription, LinkedSubscriptionAdmin),
    (FailedEvent, LinkedFailureAdmin),
):
    # The store registers plain pages; here they learn where the browser is.
    if admin.site.is_registered(model):
        admin.site.unregister(model)
    admin.site.register(model, linked_admin)
