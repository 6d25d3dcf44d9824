"""A second admin whose browser has a page of the project's own instead of ours, and links of its own."""

from typing import Any

from django.contrib import admin
from django.urls import path

import catering.urls
from browser.admin import register
from browser.extensions import Extensions, Link
from browser.views.stream import StreamView

mine = Extensions()
mine.links_for_stream()(lambda view, stream: [Link("of this admin", "/of-this-admin/")])


class KeptStreamView(StreamView):
    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(kept="seven years", **context)


operations = admin.AdminSite(name="operations")
register(operations, views={"stream": KeptStreamView}, extensions=mine)

urlpatterns = [*catering.urls.urlpatterns, path("operations/", operations.urls)]
