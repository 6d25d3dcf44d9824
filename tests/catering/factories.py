"""Rows of catering's read models and reference data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone

from catering.models import Caterer, KitchenTicket, MenuOffer, OrderSummary
from catering.waiting import WaitingFor


class StaffFactory(factory.django.DjangoModelFactory[Any]):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda number: f"staff{number}")
    is_staff = True


class CatererFactory(factory.django.DjangoModelFactory[Caterer]):
    class Meta:
        model = Caterer

    key = factory.Sequence(lambda number: f"caterer-{number}")
    name = factory.LazyAttribute(lambda caterer: caterer.key.replace("-", " ").title())


class OrderSummaryFactory(factory.django.DjangoModelFactory[OrderSummary]):
    class Meta:
        model = OrderSummary

    order_id = factory.Sequence(lambda number: str(5000 + number))
    customer_name = factory.Sequence(lambda number: f"Customer {number}")
    guests = 20
    date = dt.date(2030, 5, 17)
    placed_at = factory.LazyFunction(timezone.now)
    waiting_for = WaitingFor.BOTH
    waiting_since = factory.SelfAttribute("placed_at")


class MenuOfferFactory(factory.django.DjangoModelFactory[MenuOffer]):
    class Meta:
        model = MenuOffer

    order = factory.SubFactory(OrderSummaryFactory)
    menu_id = factory.Sequence(lambda number: f"menu-{number}")
    menu = factory.LazyAttribute(lambda offer: offer.menu_id.replace("-", " ").title())
    caterer = factory.SubFactory(CatererFactory)
    price_per_guest = Decimal("24.50")
    suggested_at = factory.LazyFunction(timezone.now)


class KitchenTicketFactory(factory.django.DjangoModelFactory[KitchenTicket]):
    class Meta:
        model = KitchenTicket

    order = factory.SubFactory(OrderSummaryFactory)
    menu = "Vegan"
    told_at = factory.LazyFunction(timezone.now)
