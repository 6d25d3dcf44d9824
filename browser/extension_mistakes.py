"""What cannot work in what was registered with `browser.extensions`: said by `manage.py check`, not by a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse

from browser.extensions import PANEL_PAGES, Extensions, Panel

Mistake = tuple[str, str]
"""What is wrong, and what to write instead."""


def mistakes_in(extensions: Extensions) -> Iterator[Mistake]:
    for page, panels in extensions.panels.items():
        for panel in panels:
            yield from _of_panel(page, panel)
    for linkers in extensions.linkers.values():
        for linker in linkers:
            yield from _of_permissions(_name(linker.function), linker.permissions)
    for item in extensions.navigation:
        name = f"The navigation item {str(item.label)!r}"
        yield from _of_permissions(name, item.permissions)
        yield from _of_url(name, item.url)


def _of_panel(page: str, panel: Any) -> Iterator[Mistake]:
    name = _name(panel)
    if page not in PANEL_PAGES:
        yield (
            f"{name} is a panel on {page!r}, which is no page that has panels.",
            f"They are on: {', '.join(PANEL_PAGES)}.",
        )
    if not (isinstance(panel, type) and issubclass(panel, Panel)):
        yield (
            f"{name} is registered as a panel and does not extend browser.extensions.Panel.",
            "Write a class that does.",
        )
        return
    try:
        get_template(panel.template_name)
    except TemplateDoesNotExist:
        yield f"{name} has the template_name {panel.template_name!r}, which does not exist.", "Name one that is found."
    except TemplateSyntaxError as error:
        yield f"The template {panel.template_name!r} of {name} is not valid: {error}", "Correct the template."
    if panel.title == "":
        yield f"{name} has no title.", "It is the heading of the panel: title = _(…)."
    yield from _of_permissions(name, panel.permissions)


def _of_permissions(name: str, permissions: Any) -> Iterator[Mistake]:
    if isinstance(permissions, str) or not isinstance(permissions, Iterable):
        yield f"The permissions of {name} are {permissions!r}, not a tuple.", 'Write ("app_label.codename",).'
        return
    labels = {each.label for each in apps.get_app_configs()}
    for each in permissions:
        label, dot, codename = str(each).partition(".")
        if not (dot and codename and label in labels):
            yield f"{name} needs the permission {each!r}, which nobody can have.", 'Write "app_label.codename".'


def _of_url(name: str, url: Any) -> Iterator[Mistake]:
    if callable(url):
        return
    try:
        reverse(url)
    except NoReverseMatch as error:
        yield f"{name} leads nowhere: {error}", "Name a URL that takes no arguments, or give a function of the view."


def _name(registered: Any) -> str:
    return f"{registered.__module__}.{getattr(registered, '__qualname__', registered)}"
