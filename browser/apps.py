"""Django wiring."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

DISCOVERED = "event_browser"
"""The module that is imported from every installed app."""


class BrowserConfig(AppConfig):
    name = "browser"
    label = "event_store_browser"
    verbose_name = "Event store browser"

    def ready(self) -> None:
        # It registers itself with Django.
        from browser import checks  # noqa: F401

        autodiscover_modules(DISCOVERED)
