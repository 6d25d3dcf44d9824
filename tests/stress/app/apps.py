from django.apps import AppConfig


class StressConfig(AppConfig):
    name = "tests.stress.app"
    label = "stress"
    default_auto_field = "django.db.models.BigAutoField"
