"""How one visitor wants the pages: three cookies, which hold nothing else."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

ZONE, ROWS, KEYS = "es_zone", "es_rows", "es_keys"
SECONDS = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Preferences:
    """
    Attributes:
        zone: the IANA name of the zone that times are shown in; "" for the one that Django has.
        is_roomy: rows with more space between them.
        has_keys: single keys are shortcuts.
    """

    zone: str = ""
    is_roomy: bool = False
    has_keys: bool = True

    @classmethod
    def of(cls, request: HttpRequest) -> Preferences:
        """What the cookies say; what none of our forms has written there is ignored."""
        return cls._read(request.COOKIES)

    @classmethod
    def sent(cls, request: HttpRequest) -> Preferences:
        """What the form says."""
        return cls._read(request.POST)

    def in_zone(self) -> AbstractContextManager[None]:
        return timezone.override(zoneinfo.ZoneInfo(self.zone)) if self.zone else nullcontext()

    def keep(self, response: HttpResponse, *, path: str, is_secure: bool) -> None:
        """Cookies for what is not the default, for the pages below `path` alone."""
        wanted = {ZONE: self.zone, ROWS: "roomy" if self.is_roomy else "", KEYS: "" if self.has_keys else "off"}
        for name, value in wanted.items():
            if value:
                response.set_cookie(
                    name, value, max_age=SECONDS, path=path, secure=is_secure, httponly=True, samesite="Lax"
                )
            else:
                response.delete_cookie(name, path=path, samesite="Lax")

    @classmethod
    def _read(cls, values: Mapping[str, str]) -> Preferences:
        zone = values.get(ZONE, "")
        return cls(zone if zone in known_zones() else "", values.get(ROWS) == "roomy", values.get(KEYS) != "off")


@cache
def known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def offered_zones() -> list[str]:
    """Those named after a place, in the order of their names."""
    return sorted(each for each in known_zones() if "/" in each and not each.startswith(("Etc/", "SystemV/", "US/")))
