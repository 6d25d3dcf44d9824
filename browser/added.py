"""What the project's extensions come to on one page. None of them can break it: what raises is logged and left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from django.db import models, transaction
from django.forms import Media
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from browser.admin_objects import admin_object_url
from browser.extensions import Link, Linker, NavigationLink, Panel
from event_store import RecordedEvent
from event_store.models import StoredEvent

if TYPE_CHECKING:
    from browser.views.base import BrowserView

T = TypeVar("T")
logger = logging.getLogger(__name__)
SCHEMES = ("", "http", "https", "mailto")


@dataclass(frozen=True)
class ShownPanel:
    """`html` is None where the panel failed."""

    title: Any
    html: str | None
    media: Media


def added_to(view: BrowserView, subject: Any) -> dict[str, Any]:
    """The panels and links for a page that shows `subject`, and the files that the panels need."""
    panels = list(_panels(view, subject))
    return {
        "added_panels": panels,
        "added_links": [*_own_link(view, subject), *_links(view, subject)],
        "added_media": sum((each.media for each in panels), Media()),
    }


def navigation_links(view: BrowserView) -> Iterator[Link]:
    for item in view.extensions.navigation:
        if _is_for(view, item.permissions, obeys_policy=True):
            yield from _navigation_link(view, item)


def _panels(view: BrowserView, subject: Any) -> Iterator[ShownPanel]:
    for panel in view.extensions.panels.get(view.about, ()):
        if _is_for(view, panel.permissions, obeys_policy=panel.obeys_policy):
            shown = _shown(view, panel, subject)
            if shown is not None:
                yield shown


def _shown(view: BrowserView, panel: type[Panel], subject: Any) -> ShownPanel | None:
    failed: ShownPanel | None = ShownPanel(panel.title, None, Media())
    what = f"The panel {panel.__module__}.{panel.__qualname__}"
    return _attempt(view, what, lambda: _rendered(view, panel(), subject), failed)


def _rendered(view: BrowserView, panel: Panel, subject: Any) -> ShownPanel | None:
    context = panel.context(view, subject)
    if context is None:
        return None
    context = {"view": view, "subject": subject, "request": view.request, **context}
    html = render_to_string(panel.template_name, context, view.request)
    return ShownPanel(panel.title, html, panel.media)


def _links(view: BrowserView, subject: Any) -> Iterator[Link]:
    for linker in view.extensions.linkers.get(view.about, ()):
        if _is_for(view, linker.permissions, obeys_policy=linker.obeys_policy):
            yield from _links_of(view, linker, subject)


def _links_of(view: BrowserView, linker: Linker, subject: Any) -> list[Link]:
    what = f"The links of {linker.function.__module__}.{linker.function.__qualname__}"
    return _attempt(view, what, lambda: _checked(view, linker.function(view, subject) or ()), [])


def _checked(view: BrowserView, found: Iterable[Any]) -> list[Link]:
    links: list[Link] = []
    for each in found:
        if isinstance(each, models.Model):
            links += _admin_link(view, each, _("Open %(object)s in the admin") % {"object": each})
        elif urlsplit(each.url.strip()).scheme.lower() in SCHEMES:
            links.append(each)
        else:
            raise ValueError(f"A page may not link to {each.url!r}: no path, and none of {SCHEMES[1:]}.")
    return links


def _own_link(view: BrowserView, subject: Any) -> list[Link]:
    # An event is shown as it is read: its row has the same number.
    row = StoredEvent(pk=subject.global_position) if isinstance(subject, RecordedEvent) else subject
    return _admin_link(view, row, _("Open in the admin")) if isinstance(row, models.Model) else []


def _admin_link(view: BrowserView, obj: models.Model, label: str) -> list[Link]:
    url = admin_object_url(view, obj)
    return [Link(label, url)] if url else []


def _navigation_link(view: BrowserView, item: NavigationLink) -> list[Link]:
    def found() -> list[Link]:
        url = item.url(view) if callable(item.url) else reverse(item.url)
        return _checked(view, [Link(item.label, url)] if url else [])

    return _attempt(view, f"The navigation item {item.label!r}", found, [], asks=callable(item.url))


def _is_for(view: BrowserView, permissions: tuple[str, ...], *, obeys_policy: bool) -> bool:
    return all(view.may(each) for each in permissions) and (obeys_policy or not view.sight.is_limited)


def _attempt(view: BrowserView, what: str, do: Callable[[], T], instead: T, *, asks: bool = True) -> T:
    # A query that fails would leave PostgreSQL's transaction, the page's own, unusable.
    is_inside = asks and transaction.get_connection().in_atomic_block
    try:
        with transaction.atomic() if is_inside else nullcontext():
            return do()
    except Exception:
        logger.exception("%s failed on %s.", what, view.request.path)
        return instead
