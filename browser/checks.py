"""System checks: whether EVENT_BROWSER can work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from browser.extension_mistakes import mistakes_in
from browser.extensions import extensions
from browser.policy import configured_policy

KEYS = ("POLICY", "ENVIRONMENT")


@register()
def check_event_browser(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [
        Error(what, hint=hint, id="browser.E001") for what, hint in _problems(getattr(settings, "EVENT_BROWSER", {}))
    ]


@register()
def check_extensions(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [Error(what, hint=hint, id="browser.E002") for what, hint in mistakes_in(extensions)]


def _problems(configuration: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(configuration, dict):
        yield f"EVENT_BROWSER is {configuration!r}, not a dict.", "Leave it out, or write EVENT_BROWSER = {}."
        return
    for unknown in configuration.keys() - set(KEYS):
        yield f"EVENT_BROWSER has the unknown key {unknown!r}.", f"It takes {' and '.join(KEYS)}."
    if not isinstance(configuration.get("ENVIRONMENT", ""), str):
        yield "EVENT_BROWSER['ENVIRONMENT'] is not a text.", "Write a word to be shown, such as 'PRODUCTION'."
    try:
        configured_policy()
    except Exception as problem:  # whatever the import of the project's module raises
        yield (
            f"EVENT_BROWSER['POLICY'] is {configuration['POLICY']!r}, which cannot be used: {problem}",
            "Name a class that extends browser.policy.BrowserPolicy, by its dotted path.",
        )
