"""What is read of an address, however long it is."""

from __future__ import annotations

from django.http import QueryDict

from browser.search import MOST_TERMS


def bounded(parameters: QueryDict) -> QueryDict:
    """The same with only so many values of each parameter: one more than a search takes, so that it can refuse them."""
    most = MOST_TERMS + 1
    if all(len(values) <= most for _name, values in parameters.lists()):
        return parameters
    kept = parameters.copy()
    for name, values in parameters.lists():
        kept.setlist(name, values[:most])
    return kept
