"""The pages as one thing that can be mounted: inside an AdminSite, or on its own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path, re_path
from django.views import View

from browser import converters  # noqa: F401 - registers the converter that the paths below name
from browser.extensions import Extensions, extensions
from browser.views.command import CommandView
from browser.views.command_actions import RetryCommandView, RetryProcessView, SkipCommandView
from browser.views.compare import CompareView
from browser.views.correlation import CorrelationView
from browser.views.event import EventView, FixtureView, RawEventView
from browser.views.export import EventExportView, StreamExportView
from browser.views.failure import FailureView
from browser.views.failure_actions import RetryFailureView, RetryUpToView, SkipFailureView
from browser.views.find import FindView
from browser.views.flow import FlowView
from browser.views.help import HelpView
from browser.views.missing import MissingPageView
from browser.views.overview import OverviewView
from browser.views.preferences import PreferencesView
from browser.views.process import ProcessView
from browser.views.process_bulk import RetryProcessesView
from browser.views.process_type import ProcessTypeView
from browser.views.processes import BoardView
from browser.views.search import EventLogView
from browser.views.state import StateView
from browser.views.stream import StreamView
from browser.views.streams import PositionView, StreamListView
from browser.views.subscription import SubscriptionView
from browser.views.subscriptions import SubscriptionListView
from browser.views.swimlane import SwimlaneView
from browser.views.tails import EventTailView, StreamTailView
from browser.views.types import TypeListView, TypeView

APP_NAME = "event_store_browser"


class BrowserSite:
    """
    All pages. Replace one by subclassing its view: `BrowserSite(views={"stream": MyStreamView})`.

    Args:
        admin_site: the AdminSite whose frame and access rules the pages take over; None for pages on their own.
        views: URL name to view class.
        extensions: what is added to the pages, instead of what the apps' `event_browser` modules register.
    """

    def __init__(
        self,
        admin_site: AdminSite | None = None,
        *,
        views: dict[str, type[View]] | None = None,
        extensions: Extensions = extensions,
    ) -> None:
        self.admin_site = admin_site
        self.extensions = extensions
        self._views = views or {}

    def get_urls(self) -> list[URLPattern]:
        return [
            self._path("", "overview", OverviewView),
            self._path("find/", "find", FindView),
            self._path("streams/", "streams", StreamListView),
            self._path("streams/<esname:name>/", "stream", StreamView),
            self._path("streams/<esname:name>/tail/", "stream_tail", StreamTailView),
            self._path("streams/<esname:name>/state/", "state", StateView),
            self._path("streams/<esname:name>/<int:position>/", "position", PositionView),
            self._path("events/", "events", EventLogView),
            self._path("events/tail/", "tail", EventTailView),
            self._path("streams/<esname:name>/export.<esexport:format>", "stream_export", StreamExportView),
            self._path("events/export.<esexport:format>", "export", EventExportView),
            self._path("events/<uuid:event_id>/", "event", EventView),
            self._path("events/<uuid:event_id>/raw.json", "raw", RawEventView),
            self._path("correlations/<uuid:correlation_id>/", "correlation", CorrelationView),
            self._path("swimlane/", "swimlane", SwimlaneView),
            self._path("events/<uuid:event_id>/fixture/", "fixture", FixtureView),
            self._path("processes/", "processes", BoardView),
            self._path("processes/<esname:type>/", "process_type", ProcessTypeView),
            # No key is written like that in an address: a sign after "~" is a byte in hexadecimal digits.
            self._path("processes/<esname:type>/~retry/", "retry_processes", RetryProcessesView),
            self._path("processes/<esname:type>/<esname:key>/", "process", ProcessView),
            self._path("processes/<esname:type>/<esname:key>/compare/", "compare", CompareView),
            self._path("processes/<esname:type>/<esname:key>/retry/", "process_action", RetryProcessView),
            self._path("commands/<uuid:command_id>/", "command", CommandView),
            self._path("commands/<uuid:command_id>/retry/", "retry_command", RetryCommandView),
            self._path("commands/<uuid:command_id>/skip/", "skip_command", SkipCommandView),
            self._path("handlers/", "subscriptions", SubscriptionListView),
            self._path("handlers/<esname:name>/", "subscription", SubscriptionView),
            self._path("handlers/<esname:name>/failures/<int:pk>/", "failure", FailureView),
            self._path("handlers/<esname:name>/failures/<int:pk>/retry/", "retry_failure", RetryFailureView),
            self._path("handlers/<esname:name>/failures/<int:pk>/retry-up-to/", "retry_failures_up_to", RetryUpToView),
            self._path("handlers/<esname:name>/failures/<int:pk>/skip/", "skip_failure", SkipFailureView),
            self._path("types/", "types", TypeListView),
            self._path("types/<esname:name>/", "type", TypeView),
            self._path("flow/", "flow", FlowView),
            self._path("help/", "help", HelpView),
            self._path("preferences/", "preferences", PreferencesView),
            # Without a slash at its end an address is left to Django, which appends one.
            re_path(r"^[\s\S]*/$", self._shown(MissingPageView)),
        ]

    def _path(self, route: str, name: str, view: Any) -> URLPattern:
        pattern: URLPattern = path(route, self._shown(self._views.get(name, view)), name=name)
        return pattern

    def _shown(self, view: Any) -> Any:
        shown = view.as_view(admin_site=self.admin_site, extensions=self.extensions)
        return self.admin_site.admin_view(shown) if self.admin_site else shown
