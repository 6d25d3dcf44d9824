"""The pages as a section of the admin, and links to them from the store's own change lists."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import include, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views import View

from browser.extensions import Extensions, Link, extensions
from browser.models import EventStore
from browser.policy import Sight
from browser.site import APP_NAME, BrowserSite
from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES
from browser.visible import visible_text
from event_store.admin import (
    AggregateSnapshotAdmin,
    CommandDeliveryAdmin,
    FailedEventAdmin,
    IssuedCommandAdmin,
    ProcessAdmin,
    ProcessDeadlineAdmin,
    ProcessStepAdmin,
    StoredEventAdmin,
    StreamAdmin,
    SubscriptionAdmin,
    WorkerAdmin,
)
from event_store.models import (
    AggregateSnapshot,
    CommandDelivery,
    FailedEvent,
    IssuedCommand,
    Process,
    ProcessDeadline,
    ProcessStep,
    StoredEvent,
    Stream,
    Subscription,
    Worker,
)


class EventStoreAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The change list of this entry is the overview."""

    views: ClassVar[dict[str, type[View]]] = {}
    extensions: ClassVar[Extensions] = extensions

    def get_urls(self) -> list[Any]:
        site = BrowserSite(self.admin_site, views=self.views, extensions=self.extensions)
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
    """Adds a link to an object's page in the browser: a column of the list, a button on the object's page."""

    change_form_template = "browser/admin_change_form.html"
    browser_permission = VIEW_EVENTS

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # No policy can look through these lists and fields: whom one limits has the browser's pages.
        return super().has_view_permission(request, obj) and not Sight.of(request).is_limited

    def browser_url(self, obj: Any) -> str:
        """Where the object is shown."""
        raise NotImplementedError

    @admin.display(description="Browser")
    def in_browser(self, obj: Any) -> SafeString:
        return _link(self.browser_url(obj), "Show")

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        linked = ("in_browser",) if request.user.has_perm(self.browser_permission) else ()
        return (*super().get_list_display(request), *linked)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if request.user.has_perm(self.browser_permission):
            context["browser_links"] = [Link("Event store browser", self.browser_url(context["original"]))]
        return super().render_change_form(request, context, *args, **kwargs)

    def page(self, name: str, *arguments: Any) -> str:
        """The URL of a page in this admin's mount."""
        return reverse(f"{self.admin_site.name}:{APP_NAME}:{name}", args=arguments)


class LinkedStreamAdmin(BrowserLinkMixin, StreamAdmin):
    def browser_url(self, obj: Stream) -> str:
        return self.page("stream", obj.name)

    def event_label(self, event: StoredEvent) -> str:
        return _link(self.page("event", event.event_id), super().event_label(event))


class LinkedEventAdmin(BrowserLinkMixin, StoredEventAdmin):
    exclude = ("correlation_id", "causation_id")

    def browser_url(self, obj: StoredEvent) -> str:
        return self.page("event", obj.event_id)

    def stream_label(self, stream: Stream) -> str:
        return _link(self.page("stream", stream.name), super().stream_label(stream))

    def get_readonly_fields(self, request: HttpRequest, obj: StoredEvent | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "conversation", "cause")

    @admin.display(description="Correlation id", empty_value="–")
    def conversation(self, event: StoredEvent) -> SafeString | None:
        identifier = event.correlation_id
        return None if identifier is None else _link(self.page("correlation", identifier), identifier)

    @admin.display(description="Causation id", empty_value="–")
    def cause(self, event: StoredEvent) -> SafeString | None:
        # An event or a command: Find knows which.
        identifier = event.causation_id
        return None if identifier is None else _link(f"{self.page('find')}?q={identifier}", identifier)


class LinkedProcessAdmin(BrowserLinkMixin, ProcessAdmin):
    browser_permission = VIEW_PROCESSES

    def browser_url(self, obj: Process) -> str:
        return self.page("process", obj.type, obj.key)


class OfProcessMixin(BrowserLinkMixin):
    """Rows that have a process."""

    browser_permission = VIEW_PROCESSES

    def browser_url(self, obj: Any) -> str:
        return self.page("process", obj.process.type, obj.process.key)


class LinkedStepAdmin(OfProcessMixin, ProcessStepAdmin):
    def browser_url(self, obj: ProcessStep) -> str:
        return f"{self.page('process', obj.process.type, obj.process.key)}?at={obj.number + 1}"


class LinkedCommandAdmin(BrowserLinkMixin, IssuedCommandAdmin):
    browser_permission = VIEW_PROCESSES

    def browser_url(self, obj: IssuedCommand) -> str:
        return self.page("command", obj.command_id)


class LinkedDeliveryAdmin(BrowserLinkMixin, CommandDeliveryAdmin):
    browser_permission = VIEW_PROCESSES

    def browser_url(self, obj: CommandDelivery) -> str:
        return self.page("command", obj.command.command_id)


class LinkedDeadlineAdmin(OfProcessMixin, ProcessDeadlineAdmin):
    """The process that set it."""


class LinkedSnapshotAdmin(BrowserLinkMixin, AggregateSnapshotAdmin):
    def browser_url(self, obj: AggregateSnapshot) -> str:
        return self.page("stream", obj.stream)


class LinkedSubscriptionAdmin(BrowserLinkMixin, SubscriptionAdmin):
    def browser_url(self, obj: Subscription) -> str:
        return self.page("subscription", obj.name)


class LinkedFailureAdmin(BrowserLinkMixin, FailedEventAdmin):
    def browser_url(self, obj: FailedEvent) -> str:
        return self.page("failure", obj.subscription.name, obj.pk)


def _link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, visible_text(str(text)))


LINKED = {
    Stream: LinkedStreamAdmin,
    StoredEvent: LinkedEventAdmin,
    Process: LinkedProcessAdmin,
    ProcessStep: LinkedStepAdmin,
    IssuedCommand: LinkedCommandAdmin,
    Subscription: LinkedSubscriptionAdmin,
    FailedEvent: LinkedFailureAdmin,
    CommandDelivery: LinkedDeliveryAdmin,
    ProcessDeadline: LinkedDeadlineAdmin,
    AggregateSnapshot: LinkedSnapshotAdmin,
}


def register(
    site: AdminSite, *, views: dict[str, type[View]] | None = None, extensions: Extensions = extensions
) -> None:
    """
    Put the browser into an AdminSite, and read-only pages of the store's models that lead to it and back.

    `admin.site` has them by itself. What stands there for one of these models is replaced.

    Args:
        views, extensions: see BrowserSite.
    """
    entry = type("EventStoreAdmin", (EventStoreAdmin,), {"views": views or {}, "extensions": extensions})
    for model, model_admin in {EventStore: entry, Worker: WorkerAdmin, **LINKED}.items():
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, model_admin)


register(admin.site)
