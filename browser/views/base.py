"""What every page has: its frame, its access rule, its headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import AdminSite
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from browser import permissions as names
from browser.added import added_to, navigation_links
from browser.extensions import Extensions, extensions
from browser.parameters import bounded
from browser.policy import Sight, environment
from browser.preferences import Preferences
from browser.shortcuts import SECTION_KEYS

VIEW_EVENTS, VIEW_PAYLOAD, VIEW_PROCESSES = names.VIEW_EVENTS, names.VIEW_PAYLOAD, names.VIEW_PROCESSES
EXPORT_EVENTS = names.EXPORT_EVENTS

PERMISSIONS = {
    VIEW_EVENTS: _("view events"),
    VIEW_PAYLOAD: _("view the data of events"),
    VIEW_PROCESSES: _("view processes"),
    names.RETRY_FAILURES: _("have failed events handled again"),
    names.SKIP_FAILURES: _("skip failed events"),
    names.RETRY_PROCESSES: _("have failed processes go on"),
    names.RETRY_COMMANDS: _("have commands delivered again"),
    names.SKIP_COMMANDS: _("skip the delivery of commands"),
    EXPORT_EVENTS: _("export events"),
}

NAVIGATION = (
    ("overview", _("Overview"), (VIEW_EVENTS, VIEW_PROCESSES)),
    ("streams", _("Streams"), (VIEW_EVENTS,)),
    ("events", _("Events"), (VIEW_EVENTS,)),
    ("processes", _("Processes"), (VIEW_PROCESSES,)),
    ("subscriptions", _("Subscriptions"), (VIEW_EVENTS,)),
    ("types", _("Types"), (VIEW_EVENTS,)),
)


@dataclass(frozen=True)
class Breadcrumb:
    label: Any
    url: str


@dataclass(frozen=True)
class NavigationItem:
    label: Any
    url: str
    is_current: bool
    key: str = ""


def page_url(request: HttpRequest, name: str, *arguments: Any) -> str:
    """The URL of a page in the mount that the request came through."""
    match = request.resolver_match
    namespaces = match.namespaces if match else []
    return reverse(":".join([*namespaces, name]), args=arguments, current_app=namespaces[0] if namespaces else None)


@method_decorator(never_cache, name="dispatch")
class BrowserView(PermissionRequiredMixin, TemplateView):
    """
    Class attributes:
        section: the item of the navigation that the page belongs to.
        permission_required: all of these are needed; anonymous visitors are sent to the login, others get a 403.
        any_permission: or one of these is enough.
        obeys_policy: the page leaves out what `self.sight` does not let the visitor see. Pages that do not say so are
            closed to visitors whom a policy limits. The stream, process or event in the URL is asked about here.
        about: what a project adds panels and links to: the entry of the context that the page is about ("event",
            "stream", "process", or another model's), "overview" on the overview.
        languages: what the pages are written in; visitors with another language see the first of these.
    """

    admin_site: AdminSite | None = None
    extensions: Extensions = extensions
    section: ClassVar[str] = ""
    permission_required: Any = (VIEW_EVENTS,)
    any_permission: ClassVar[tuple[str, ...]] = ()
    obeys_policy: ClassVar[bool] = False
    about: ClassVar[str] = ""
    languages: ClassVar[tuple[str, ...]] = ("en", "pl")

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        # Pages repeat their parameters in many links.
        request.GET = bounded(request.GET)  # type: ignore[assignment]
        super().setup(request, *args, **kwargs)

    def has_permission(self) -> bool:
        return self._has_permissions() and self._has_consent()

    def handle_no_permission(self) -> Any:
        if not self.request.user.is_authenticated:
            return super().handle_no_permission()
        if self._has_permissions():
            return self._instead("browser/withheld.html", status=403)
        missing = [each for each in self.any_permission or self.get_permission_required() if not self.may(each)]
        return self._instead(
            "browser/forbidden.html",
            status=403,
            permissions=[(PERMISSIONS.get(each, ""), each) for each in missing],
            conjunction=_("or") if self.any_permission else _("and"),
        )

    def get_login_url(self) -> str:
        name = self.admin_site.name if self.admin_site else None
        return reverse(f"{name}:login") if name else str(super().get_login_url())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        language = self._language()
        with translation.override(language), self.preferences.in_zone():
            try:
                response = super().dispatch(request, *args, **kwargs)
            except Http404 as missing:
                response = self._instead("browser/missing.html", status=404, what=str(missing))
            if isinstance(response, TemplateResponse):
                response.render()
        response.headers.setdefault("Content-Language", language)
        # Names of streams may hold personal data.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    def may(self, *permissions: str) -> bool:
        """
        Whether the visitor has one of these. The payload counts as a whole: where a policy may keep values back, only the
        data of events can be shown, by `may_see_data` and `self.sight.payload(event)`.
        """
        return any(
            self.request.user.has_perm(each) and not (each == VIEW_PAYLOAD and self.sight.hides_values)
            for each in permissions
        )

    @cached_property
    def preferences(self) -> Preferences:
        return Preferences.of(self.request)

    @cached_property
    def sight(self) -> Sight:
        """What the project's policy lets the visitor see."""
        return Sight.of(self.request)

    @cached_property
    def may_see_payload(self) -> bool:
        return self.may(VIEW_PAYLOAD)

    @cached_property
    def may_see_data(self) -> bool:
        """Whether the data of events is shown, as far as the policy leaves it."""
        return bool(self.request.user.has_perm(VIEW_PAYLOAD))

    def parents(self) -> Iterable[Breadcrumb]:
        """Pages between the section's own page and this one."""
        return ()

    def url(self, name: str, *arguments: Any) -> str:
        return page_url(self.request, name, *arguments)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return self._in_frame(**(added_to(self, context.get(self.about)) if self.about else {}), **context)

    def _in_frame(self, **context: Any) -> dict[str, Any]:
        frame = self.admin_site.each_context(self.request) if self.admin_site else {}
        navigation = list(self._navigation())
        navigation += self._added_navigation() if navigation else ()
        return super().get_context_data(
            **frame,
            frame_template="admin/base_site.html" if self.admin_site else "browser/standalone.html",
            navigation=navigation,
            breadcrumbs=[each for each in self._breadcrumbs(navigation) if each.url != self.request.path],
            find_url=self.url("find"),
            preferences=self.preferences,
            may_see_payload=self.may_see_payload,
            may_see_data=self.may_see_data,
            is_limited=self.sight.is_limited,
            environment=environment(),
            may_see_events=self.may(VIEW_EVENTS),
            may_see_processes=self.may(VIEW_PROCESSES),
            **context,
        )

    def _has_permissions(self) -> bool:
        if self.any_permission:
            return self.may(*self.any_permission)
        return all(self.may(each) for each in self.get_permission_required())

    def _has_consent(self) -> bool:
        if not self.sight.is_limited:
            return True
        match = self.request.resolver_match
        return self.obeys_policy and self.sight.allows_page(match.route if match else "", self.kwargs)

    def _instead(self, template: str, *, status: int, **context: Any) -> TemplateResponse:
        """A page in the same frame, without what the subclass would show."""
        return TemplateResponse(self.request, template, self._in_frame(**context), status=status)

    def _language(self) -> str:
        # Django's catalogues translate some of our words, the frame's and the "Go" of a button: a page would be a mixture.
        wanted = translation.get_language() or ""
        return wanted if wanted.partition("-")[0] in self.languages else self.languages[0]

    def _navigation(self) -> Iterable[NavigationItem]:
        for name, label, permissions in NAVIGATION:
            if self.may(*permissions):
                yield NavigationItem(label, self.url(name), name == self.section, SECTION_KEYS.get(name, ""))

    def _added_navigation(self) -> Iterable[NavigationItem]:
        return (NavigationItem(each.label, each.url, is_current=False) for each in navigation_links(self))

    def _breadcrumbs(self, navigation: Sequence[NavigationItem]) -> Iterable[Breadcrumb]:
        if self.admin_site:
            yield Breadcrumb(_("Home"), reverse(f"{self.admin_site.name}:index"))
        if navigation:
            yield Breadcrumb(_("Event store browser"), self.url("overview"))
        yield from (Breadcrumb(each.label, each.url) for each in navigation if each.is_current)
        # A page that says that something is missing has no parents either.
        with suppress(Http404):
            yield from self.parents()


def uuid_or_none(text: str) -> UUID | None:
    """The id that somebody typed."""
    try:
        return UUID(text)
    except ValueError:
        return None


def no_store(response: HttpResponse) -> HttpResponse:
    """Payloads are not for shared caches, nor for guesses about their type."""
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
