"""Which code has made a state that is kept: so that other code does not go on from it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

_sources: WeakKeyDictionary[type[Any], str] = WeakKeyDictionary()


def code_of(classes: Iterable[type[Any]], *, version: int) -> str:
    """64 hexadecimal digits for the source of these classes and a version; blank where one has no source."""
    sources = [_source_of(each) for each in classes]
    return hashlib.sha256("\0".join([str(version), *sources]).encode()).hexdigest() if all(sources) else ""


def _source_of(one: type[Any]) -> str:
    if one not in _sources:
        try:
            _sources[one] = inspect.getsource(one)
        except (OSError, TypeError):
            _sources[one] = ""
    return _sources[one]
