"""Caterers are kept here; what subscribers keep is only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from browser.admin_mixins import EventHistoryMixin
from catering.models import Caterer, KitchenTicket, MenuOffer, OrderSummary
from catering.process_managers import CateringMatch


class ReadOnly:
    """A read model follows from events: there is nothing to add, change or delete by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Caterer)
class CatererAdmin(EventHistoryMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "key", "email", "phone")
    search_fields = ("name", "key")

    def get_readonly_fields(self, request: HttpRequest, obj: Caterer | None = None) -> tuple[str, ...]:
        # The key is in the name of the caterer's stream.
        return ("key",) if obj else ()

    def get_stream_name(self, obj: Caterer) -> str:
        return f"Caterer${obj.key}"


class OfferInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = MenuOffer
    fields = ("menu", "caterer", "price_per_guest", "customer_answer", "caterer_answer")
    extra = 0


@admin.register(OrderSummary)
class OrderSummaryAdmin(ReadOnly, EventHistoryMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order_id", "customer_name", "date", "guests", "status", "waiting_for", "waiting_since")
    list_filter = ("status", "waiting_for")
    search_fields = ("order_id", "customer_name")
    ordering = ("-placed_at",)
    inlines = (OfferInline,)

    def get_stream_name(self, obj: OrderSummary) -> str:
        return f"Order${obj.order_id}"

    def get_process(self, obj: OrderSummary) -> tuple[str, str]:
        return CateringMatch.type, obj.order_id


@admin.register(KitchenTicket)
class KitchenTicketAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order", "menu", "caterer", "told_at")
    list_select_related = ("order", "caterer")
    ordering = ("-told_at",)
