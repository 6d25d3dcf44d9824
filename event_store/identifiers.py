"""Time-ordered ids for events and commands."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """
    A version 7 uuid: 48 bits of milliseconds, 74 random bits. Neighbours in time are neighbours in the index.

    Source: RFC 9562, section 5.7; `uuid.uuid7` from Python 3.14 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(
        int=(milliseconds << 80) | (7 << 76) | ((random >> 62 & 0xFFF) << 64) | (0b10 << 62) | (random & (2**62 - 1))
    )
