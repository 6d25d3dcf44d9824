"""From a page to the same thing in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

if TYPE_CHECKING:
    from browser.views.base import BrowserView


def admin_object_url(view: BrowserView, row: Model) -> str:
    """The page of a row in the admin that the pages are mounted in; "" without one, or where the visitor may not see it."""
    site, model = view.admin_site, type(row)
    if site is None or not site.is_registered(model):
        return ""
    if not site.get_model_admin(model).has_view_or_change_permission(view.request, row):
        return ""
    names = row._meta
    return reverse(f"{site.name}:{names.app_label}_{names.model_name}_change", args=[quote(row.pk)])
