"""
One run is for one database; what cannot run here is deselected and named in the summary, never silently skipped.

With REQUIRE_EVERYTHING=1 a missing Chromium, PgBouncer or nginx, a skipped test or an expected failure fails the run.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import BrowserContext, Page, ViewportSize

from catering.settings import postgresql
from tests import nginx, pgbouncer
from tests.postgresql import running_server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

REQUIRE_EVERYTHING = os.environ.get("REQUIRE_EVERYTHING", "") not in ("", "0")
NOT_RUN = pytest.StashKey[Counter[str]]()
NO_CHROMIUM = "browser tests: no Chromium found (apt-get install chromium)"
NO_PGBOUNCER = "tests need PgBouncer: none found (apt-get install pgbouncer)"
NO_NGINX = "tests need nginx: none found (apt-get install nginx-light)"


# ---- what runs here


def pytest_itemcollected(item: pytest.Item) -> None:
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Playwright leaves an event loop running in this thread, in which no other test could start one: its tests go last.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    reasons = {item: reason for item in items if (reason := _cannot_run(item))}
    config.stash[NOT_RUN] = Counter(reasons.values())
    config.hook.pytest_deselected(items=list(reasons))
    items[:] = [item for item in items if item not in reasons]


def _cannot_run(item: pytest.Item) -> str | None:
    if settings.DATABASE != "postgresql" and item.get_closest_marker("postgresql"):
        return "tests need PostgreSQL: DATABASE=postgresql pytest"
    if settings.DATABASE != "sqlite" and item.get_closest_marker("sqlite"):
        return "tests need SQLite: DATABASE=sqlite pytest"
    if CHROMIUM is None and item.get_closest_marker("browser"):
        return NO_CHROMIUM
    if pgbouncer.PROGRAM is None and item.get_closest_marker("pgbouncer"):
        return NO_PGBOUNCER
    if nginx.PROGRAM is None and item.get_closest_marker("nginx"):
        return NO_NGINX
    return None


def pytest_report_header() -> list[str]:
    programs = {"chromium": CHROMIUM, "pgbouncer": pgbouncer.PROGRAM, "nginx": nginx.PROGRAM}
    return [f"database: {settings.DATABASE}", *(f"{name}: {path or 'not found'}" for name, path in programs.items())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, count in config.stash.get(NOT_RUN, Counter()).items():
        terminalreporter.write_line(f"NOT RUN: {count} {reason}", yellow=True, bold=True)
    for complaint in _missing(terminalreporter):
        terminalreporter.write_line(f"REQUIRE_EVERYTHING: {complaint}", red=True, bold=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    terminalreporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.exitstatus == pytest.ExitCode.OK and _missing(terminalreporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _missing(terminalreporter: pytest.TerminalReporter) -> list[str]:
    if not REQUIRE_EVERYTHING:
        return []
    not_run = terminalreporter.config.stash.get(NOT_RUN, Counter())
    counts = {"browser tests not run": not_run[NO_CHROMIUM], "tests with PgBouncer not run": not_run[NO_PGBOUNCER]}
    counts |= {"tests with nginx not run": not_run[NO_NGINX]}
    counts |= {outcome: len(terminalreporter.stats.get(outcome, [])) for outcome in ("skipped", "xfailed", "xpassed")}
    return [f"{count} {outcome}" for outcome, count in counts.items() if count]


# ---- the database


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[None]:
    if settings.DATABASE != "postgresql" or os.environ.get("DATABASE_URL"):
        yield
        return
    with running_server() as url:
        connections.settings["default"].update(postgresql(url))
        os.environ["DATABASE_URL"] = url
        yield
        del os.environ["DATABASE_URL"]


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a process that a test starts: `manage.py` in it works on the test's own databases."""
    name, archive = (str(connections[alias].settings_dict["NAME"]) for alias in ("default", "archive"))
    return os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_NAME": name, "ARCHIVE_NAME": archive}


# ---- pages in Chromium: `page` and `context` of pytest-playwright, and `open_page`


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    # Playwright's event loop makes Django take every query of these tests for one inside a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any], live_server: Any) -> dict[str, Any]:
    """`page.goto("/admin/")` means the live server."""
    return browser_context_args | {"base_url": live_server.url}


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., BrowserContext]]:
    """Contexts whose pages must not raise, break the content security policy or miss a static file."""
    problems: list[str] = []

    def watched(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.on("weberror", lambda raised: problems.append(str(raised.error)))
        context.on("console", lambda message: _note_error(message.type, message.text))
        context.on("response", lambda response: _note_missing_file(response.status, response.url))
        return context

    def _note_error(kind: str, text: str) -> None:
        # Chromium reports a 403 or 404 page as an error too; tests ask for such pages.
        if kind == "error" and not text.startswith("Failed to load resource"):
            problems.append(text)

    def _note_missing_file(status: int, url: str) -> None:
        if status >= 400 and settings.STATIC_URL in url:
            problems.append(f"{status} for {url}")

    yield watched
    assert problems == []


@pytest.fixture
def open_page(new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """`open_page("/admin/", dark=True, phone=True)`: a page in a context of its own, in the wanted appearance."""

    def open_page(path: str, *, dark: bool = False, phone: bool = False, **options: Any) -> Page:
        appearance = {
            "color_scheme": "dark" if dark else "light",
            "viewport": PHONE if phone else WIDE,
            "has_touch": phone,
            "is_mobile": phone,
        }
        page = new_context(**(appearance | options)).new_page()
        page.goto(path)
        return page

    return open_page
