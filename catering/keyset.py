"""Pages that begin after the row last shown: none counts the rows, or skips over those before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404

M = TypeVar("M", bound=Model)

SEPARATOR = "~"


def page_after(rows: QuerySet[M], order: Sequence[str], *, after: str, size: int) -> tuple[list[M], str]:
    """
    Args:
        order: fields as for `order_by`; the last one is unique, and no row has a null in any of them.
        after: what the page before has given; empty for the first page.
    Returns:
        At most `size` rows, and what the next page comes after; empty where this is the last one.
    Raises:
        Http404: no page has given this `after`.
    """
    if after:
        rows = rows.filter(_beyond(order, _values(rows.model, order, after)))
    found = list(rows.order_by(*order)[: size + 1])
    return found[:size], _written(found[size - 1], order) if len(found) > size else ""


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    beyond, same = Q(), {}
    for each, value in zip(order, values, strict=True):
        name = each.removeprefix("-")
        beyond |= Q(**same, **{f"{name}__{'lt' if each.startswith('-') else 'gt'}": value})
        same[name] = value
    return beyond


def _written(row: Model, order: Sequence[str]) -> str:
    values = [getattr(row, each.removeprefix("-")) for each in order]
    return SEPARATOR.join(each.isoformat() if isinstance(each, datetime) else str(each) for each in values)


def _values(model: type[Model], order: Sequence[str], after: str) -> list[Any]:
    texts = after.split(SEPARATOR, len(order) - 1)
    if len(texts) != len(order) or "\0" in after:
        raise Http404("No page begins here.")
    try:
        return [_value(model, each.removeprefix("-"), text) for each, text in zip(order, texts, strict=True)]
    except (ValidationError, OverflowError, ValueError) as error:
        raise Http404("No page begins here.") from error


def _value(model: type[Model], name: str, text: str) -> Any:
    value = model._meta.get_field(name).to_python(text)
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("a moment without a zone")
    return value.astimezone(UTC)
