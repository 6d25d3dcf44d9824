"""What `act` may yield, besides commands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Complete:
    """The process has done its work: later events are linked and shown, and not acted on."""
