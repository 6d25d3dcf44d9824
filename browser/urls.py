"""The pages on their own: `path("es/", include("browser.urls"))`."""

from browser.site import APP_NAME, BrowserSite

app_name = APP_NAME
urlpatterns = BrowserSite().get_urls()
