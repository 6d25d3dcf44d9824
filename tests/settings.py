"""The demo site's settings with a database for tests: SQLite, or PostgreSQL with DATABASE=postgresql."""

import os
import tempfile
from pathlib import Path

from catering.settings import *  # noqa: F403
from catering.settings import MIDDLEWARE, postgresql, sqlite

DATABASE = os.environ.get("DATABASE", "sqlite")

# A file, since threads cannot share a database in memory; one for each run, removed by Django at its end.
FILE = Path(tempfile.gettempdir()) / f"event-store-tests-{os.getpid()}.sqlite3"

DATABASES = {
    "default": {
        "sqlite": sqlite(FILE) | {"TEST": {"NAME": str(FILE)}},
        # Without a DATABASE_URL, tests/conftest.py starts a server once a test needs it.
        "postgresql": postgresql(os.environ.get("DATABASE_URL") or "postgresql:///postgres"),
    }[DATABASE]
}
# A second store for the tests that ask for it, always SQLite: beside PostgreSQL it is of another vendor.
ARCHIVE = Path(tempfile.gettempdir()) / f"event-store-tests-archive-{os.getpid()}.sqlite3"
DATABASES["archive"] = sqlite(ARCHIVE) | {"TEST": {"NAME": str(ARCHIVE)}, "ATOMIC_REQUESTS": False}
# How a process that a test starts finds the test's own databases (the fixture `child_environment`).
DATABASES["default"]["NAME"] = os.environ.get("DATABASE_NAME", DATABASES["default"]["NAME"])
DATABASES["archive"]["NAME"] = os.environ.get("ARCHIVE_NAME", DATABASES["archive"]["NAME"])

DEBUG = False
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MIDDLEWARE = [*MIDDLEWARE, "tests.browser.policy.strict_policy"]
