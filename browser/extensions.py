"""What a project adds to the pages: panels, links, items of the navigation. An app's `event_browser` module registers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from django.forms.widgets import Media, MediaDefiningClass

from browser.permissions import VIEW_PAYLOAD

if TYPE_CHECKING:
    from browser.views.base import BrowserView

__all__ = [
    "Extensions",
    "Link",
    "Panel",
    "extensions",
    "links_for_event",
    "links_for_process",
    "links_for_stream",
    "navigation_item",
    "panel",
]

PANEL_PAGES = ("overview", "event", "stream", "process")
P = TypeVar("P", bound="type[Panel]")
F = TypeVar("F", bound=Callable[..., Any])
Url: TypeAlias = "str | Callable[[BrowserView], str | None]"


@dataclass(frozen=True)
class Link:
    """A link of the project's; `url` is a path, or an address that begins with http(s): or mailto:."""

    label: Any
    url: str


class Panel(metaclass=MediaDefiningClass):
    """
    A part of a page, from a template of the project's. Style sheets and scripts stand in an inner `class Media`.

    Class attributes:
        title: its heading.
        template_name: rendered with what `context` returns, and `view`, `subject` and `request`.
        permissions: all are needed. Unless changed, the one for the data of events: what a panel shows comes from there.
        obeys_policy: it leaves out what `view.sight` does not show. Panels that do not say so are closed to visitors whom
            a policy limits.
    """

    title: ClassVar[Any] = ""
    template_name: ClassVar[str] = ""
    permissions: ClassVar[tuple[str, ...]] = (VIEW_PAYLOAD,)
    obeys_policy: ClassVar[bool] = False
    media: Media

    def context(self, view: BrowserView, subject: Any) -> dict[str, Any] | None:
        """
        Args:
            view: the page; `view.request.user` is its visitor.
            subject: a RecordedEvent whose data is the stored JSON, a Stream or a Process; None on the overview.
        Returns:
            What the template is given. None where the panel has nothing to say: it is left out then.
        """
        return {}


@dataclass(frozen=True)
class Linker:
    """A function that gives links for what a page shows, and who may see them."""

    function: Callable[[BrowserView, Any], Any]
    permissions: tuple[str, ...]
    obeys_policy: bool


@dataclass(frozen=True)
class NavigationLink:
    label: Any
    url: Url
    permissions: tuple[str, ...]


@dataclass
class Extensions:
    """
    What is added to the pages of a BrowserSite. `browser.extensions.extensions` is what every site has unless it is given
    another: `BrowserSite(extensions=mine)`.
    """

    panels: dict[str, list[type[Panel]]] = field(default_factory=dict)
    linkers: dict[str, list[Linker]] = field(default_factory=dict)
    navigation: list[NavigationLink] = field(default_factory=list)

    def panel(self, *, on: str) -> Callable[[P], P]:
        """A decorator for subclasses of Panel; `on` is "overview", "event", "stream" or "process"."""

        def register(panel: P) -> P:
            self.panels.setdefault(on, []).append(panel)
            return panel

        return register

    def links_for_event(
        self, *, permissions: tuple[str, ...] = (VIEW_PAYLOAD,), obeys_policy: bool = False
    ) -> Callable[[F], F]:
        """
        A decorator for `function(view, event)`, which gives any number of `Link(label, url)` and of model instances.

        An instance stands for its page in the admin that the browser is mounted in: it is linked to where that admin has
        its model and the visitor may view it, and left out elsewhere.

        Args:
            permissions: all are needed.
            obeys_policy: the links are also for visitors whom a policy limits.
        """
        return self._linker("event", permissions, obeys_policy)

    def links_for_stream(self, *, permissions: tuple[str, ...] = (), obeys_policy: bool = False) -> Callable[[F], F]:
        """The same for `function(view, stream)`; `stream` is a Stream, with its `name`."""
        return self._linker("stream", permissions, obeys_policy)

    def links_for_process(self, *, permissions: tuple[str, ...] = (), obeys_policy: bool = False) -> Callable[[F], F]:
        """The same for `function(view, process)`; `process` is a Process, with its `type` and `key`."""
        return self._linker("process", permissions, obeys_policy)

    def navigation_item(self, label: Any, url: Url, *, permissions: tuple[str, ...] = ()) -> None:
        """
        Add a page of the project's to the navigation.

        Args:
            url: the name of a URL, or `function(view)` that gives a URL, or None where there is none.
            permissions: all are needed.
        """
        self.navigation.append(NavigationLink(label, url, permissions))

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Nothing is added at the beginning of the block; what is registered inside is forgotten at its end. For tests."""
        kept = self.panels, self.linkers, self.navigation
        self.panels, self.linkers, self.navigation = {}, {}, []
        try:
            yield
        finally:
            self.panels, self.linkers, self.navigation = kept

    def _linker(self, page: str, permissions: tuple[str, ...], obeys_policy: bool) -> Callable[[F], F]:
        def register(function: F) -> F:
            self.linkers.setdefault(page, []).append(Linker(function, permissions, obeys_policy))
            return function

        return register


extensions = Extensions()
panel = extensions.panel
links_for_event = extensions.links_for_event
links_for_stream = extensions.links_for_stream
links_for_process = extensions.links_for_process
navigation_item = extensions.navigation_item
