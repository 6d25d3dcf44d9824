"""The browser three times: in the admin, in a second admin, and on its own."""

from django.contrib import admin
from django.urls import include, path

import catering.urls
from browser.admin import register

operations = admin.AdminSite(name="operations")
register(operations)

urlpatterns = [
    *catering.urls.urlpatterns,
    path("operations/", operations.urls),
    path("es/", include("browser.urls")),
]
