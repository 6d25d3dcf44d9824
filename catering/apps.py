"""Django wiring."""

from django.apps import AppConfig


class CateringConfig(AppConfig):
    name = "catering"
    label = "catering"
    verbose_name = "Catering"
    default_auto_field = "django.db.models.BigAutoField"
