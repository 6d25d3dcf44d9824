"""The data of one event as one visitor may see it: as a tree, in a line, as text."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from browser.hidden import Hidden
from browser.json_tree import Find, json_text, json_tree, summary, summary_of, value_tree

_AS_STORED = object()


class Payload:
    """JSON text as it is stored, or, with `instead`, what a policy has left of it."""

    def __init__(self, text: str, *, instead: Any = _AS_STORED) -> None:
        self._text = text
        self._instead = instead

    @property
    def is_as_stored(self) -> bool:
        return self._instead is _AS_STORED

    def tree(self, *, find: Find | None = None) -> SafeString:
        """`find`: see `json_tree`."""
        return json_tree(self._text, find=find) if self.is_as_stored else value_tree(self._instead, find=find)

    def line(self) -> str:
        """Up to three plain fields."""
        return summary(self._text) if self.is_as_stored else summary_of(self._instead)

    def text(self) -> str:
        """JSON, digit for digit; hidden values are strings that say so."""
        try:
            return self._text if self.is_as_stored else json_text(self._instead)
        except RecursionError:
            return json_text(Hidden(_("it cannot be shown")))
