"""`event_store` and `event_stores`: lazy handles on the stores of EVENT_STORES, in the way of Django's caches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from asgiref.local import Local
from django.conf import settings
from django.core.signals import setting_changed
from django.utils.connection import BaseConnectionHandler, ConnectionProxy
from django.utils.module_loading import import_string

from event_store.backends.base import Backend
from event_store.exceptions import InvalidStoreSettings
from event_store.store import EventStore

DEFAULT_BACKEND = "event_store.backends.database.DatabaseBackend"
DEFAULT_STORE = "default"
WAKE_UPS = ("inline", "worker")


def configured_stores() -> dict[str, Any]:
    """EVENT_STORES, or one default store in the default database."""
    stores: dict[str, Any] | None = getattr(settings, "EVENT_STORES", None)
    return {"default": {}} if stores is None else stores


def problems_of(alias: str, configuration: Any) -> list[tuple[str, str]]:
    """(what is wrong, what to do) for one entry of EVENT_STORES; empty when it can be used."""
    if not isinstance(configuration, Mapping):
        return [(f"EVENT_STORES[{alias!r}] is {configuration!r}.", "Make it a dict with BACKEND and OPTIONS.")]
    problems = [
        (f"EVENT_STORES[{alias!r}] has the unknown key {key!r}.", "Its keys are BACKEND and OPTIONS.")
        for key in configuration
        if key not in ("BACKEND", "OPTIONS")
    ]
    options = configuration.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        return [*problems, (f"EVENT_STORES[{alias!r}]['OPTIONS'] is {options!r}.", "Make it a dict.")]
    return problems + _problems_of_backend(alias, configuration) + _problems_of_options(alias, options)


def _problems_of_backend(alias: str, configuration: Mapping[str, Any]) -> list[tuple[str, str]]:
    path = configuration.get("BACKEND", DEFAULT_BACKEND)
    try:
        backend = import_string(path)
    except (ImportError, TypeError, AttributeError) as error:
        return [
            (
                f"EVENT_STORES[{alias!r}]['BACKEND'] cannot be imported: {error}",
                f"The usual one is {DEFAULT_BACKEND!r}.",
            )
        ]
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        return [
            (
                f"EVENT_STORES[{alias!r}]['BACKEND'] is {path!r}, not a Backend.",
                f"The usual one is {DEFAULT_BACKEND!r}.",
            )
        ]
    return []


def _problems_of_options(alias: str, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    where = f"EVENT_STORES[{alias!r}]['OPTIONS']"
    problems = [
        (f"{where} has the unknown key {key!r}.", "Its keys are using and wake_up.")
        for key in options
        if key not in ("using", "wake_up")
    ]
    using, wake_up = options.get("using", "default"), options.get("wake_up", "inline")
    if not isinstance(using, str) or using not in settings.DATABASES:
        problems.append(
            (
                f"{where}['using'] is {using!r}, which is not in DATABASES.",
                f"DATABASES has {', '.join(settings.DATABASES)}.",
            )
        )
    if not _is_wake_up(wake_up):
        hint = f"It is one of {', '.join(WAKE_UPS)}, or the dotted path of a function that takes a Wake."
        problems.append((f"{where}['wake_up'] is {wake_up!r}.", hint))
    return problems


def _is_wake_up(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return value in WAKE_UPS or ("." in value and callable(import_string(value)))
    except ImportError:
        return False


if TYPE_CHECKING:
    _Handler = BaseConnectionHandler[EventStore]
else:
    _Handler = BaseConnectionHandler


class EventStoreHandler(_Handler):
    """`event_stores["name"]`; a store is made once for each thread, its backend once for all of them."""

    settings_name = "EVENT_STORES"
    exception_class = InvalidStoreSettings

    def __init__(self) -> None:
        super().__init__()
        # What one thread has written into memory is there for all.
        self._backends: dict[str, Backend] = {}

    def __getitem__(self, alias: str) -> EventStore:
        if alias not in self.settings:
            raise InvalidStoreSettings(f"EVENT_STORES has no store {alias!r}; it has {', '.join(self.settings)}.")
        store: EventStore = super().__getitem__(alias)
        return store

    def configure_settings(self, settings: Any) -> dict[str, Any]:
        stores = configured_stores()
        if not isinstance(stores, dict):
            raise InvalidStoreSettings(f"EVENT_STORES is {stores!r}: make it a dict of store names, or leave it out.")
        return stores

    def forget(self) -> None:
        """Read EVENT_STORES anew."""
        self.__dict__.pop("settings", None)
        self._connections = Local(self.thread_critical)
        self._backends.clear()

    def create_connection(self, alias: str) -> EventStore:
        configuration = self.settings[alias]
        for what, hint in problems_of(alias, configuration):
            raise InvalidStoreSettings(f"{what} {hint}")
        options = configuration.get("OPTIONS", {})
        backend_class = import_string(configuration.get("BACKEND", DEFAULT_BACKEND))
        backend = self._backends.setdefault(alias, backend_class(using=options.get("using", "default")))
        return EventStore(backend, alias=alias, wake_up=options.get("wake_up", "inline"))


event_stores = EventStoreHandler()
event_store = cast(EventStore, ConnectionProxy(event_stores, "default"))


def _forget_stores(*, setting: str, **_: Any) -> None:
    if setting == "EVENT_STORES":
        event_stores.forget()


setting_changed.connect(_forget_stores)
