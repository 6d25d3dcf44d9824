"""Django wiring."""

from django.apps import AppConfig


class CateringConfig(AppConfig):
    name = "catering"
    default_auto_field = "django.db.models.BigAutoField"
