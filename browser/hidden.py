"""What stands in the place of a value that is kept from a visitor."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Hidden:
    """`Hidden("personal data")` is shown as "hidden: personal data"."""

    why: str = ""

    def __str__(self) -> str:
        return _("hidden: %(why)s") % {"why": self.why} if self.why else _("hidden")
