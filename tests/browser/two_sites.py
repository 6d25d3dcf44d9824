"""Two sites on their own; the second has extensions of its own."""

from django.urls import include, path

import catering.urls
from browser.extensions import Extensions, Link
from browser.site import APP_NAME, BrowserSite

mine = Extensions()
mine.links_for_stream()(lambda view, stream: [Link("of the second", "/of-the-second/")])

urlpatterns = [
    *catering.urls.urlpatterns,
    path("first/", include((BrowserSite().get_urls(), APP_NAME), namespace="first")),
    path("second/", include((BrowserSite(extensions=mine).get_urls(), APP_NAME), namespace="second")),
]
