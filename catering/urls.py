"""Where the demo site's pages are."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import path

from catering import answer_pages, views

urlpatterns = [
    path("", views.front, name="front"),
    path("favicon.ico", views.favicon),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("orders/", views.Board.as_view(), name="board"),
    path("orders/new/", views.NewOrder.as_view(), name="new_order"),
    path("orders/<slug:order_id>/", views.OrderPage.as_view(), name="order"),
    path("orders/<slug:order_id>/menus/", views.SuggestMenu.as_view(), name="suggest_menu"),
    path("orders/<slug:order_id>/cancel/", views.CancelOrder.as_view(), name="cancel_order"),
    path("kitchen/", views.Kitchen.as_view(), name="kitchen"),
    path("customer/<str:token>/", answer_pages.CustomerPage.as_view(), name="customer"),
    path("caterer/<str:token>/", answer_pages.CatererPage.as_view(), name="caterer"),
    path("admin/", admin.site.urls),
]
