"""Django wiring."""

from django.apps import AppConfig


class BrowserConfig(AppConfig):
    name = "browser"
    label = "event_store_browser"
    verbose_name = "Event store browser"

    def ready(self) -> None:
        # It registers itself with Django.
        from browser import checks  # noqa: F401
