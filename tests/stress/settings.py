"""The tests' settings for the processes of a stress run: the server or the file that it names."""

import os

from catering.settings import postgresql, sqlite
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.stress.app.apps.StressConfig"]
DATABASES = {
    "default": postgresql(os.environ["STRESS_URL"]) if "STRESS_URL" in os.environ else sqlite(os.environ["STRESS_FILE"])
}  # type: ignore[arg-type]
EVENT_STORES = {"default": {"OPTIONS": {"wake_up": "worker"}}}
LOGGING_CONFIG = None
