"""Read models that subscribers keep from events, and the caterers as reference data."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.urls import reverse

from catering.waiting import STUCK_AFTER, Answer, Answers, WaitingFor, waiting_for


class Caterer(models.Model):
    """Somebody who cooks. Reference data, kept in the admin; its stream is `Caterer$<key>`."""

    key = models.SlugField(primary_key=True, max_length=50)
    name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class OrderQuerySet(models.QuerySet["OrderSummary"]):
    def open(self) -> OrderQuerySet:
        return self.filter(status=OrderSummary.Status.OPEN)

    def stuck(self, now: datetime) -> OrderQuerySet:
        """Open orders that have waited for the same thing for longer than STUCK_AFTER."""
        return self.open().filter(waiting_since__lt=now - STUCK_AFTER)


class OrderSummary(models.Model):
    """An order as the board shows it."""

    class Status(models.TextChoices):
        OPEN = "open", "open"
        CONFIRMED = "confirmed", "confirmed"
        CANCELLED = "cancelled", "cancelled"

    order_id = models.CharField(primary_key=True, max_length=64)
    customer_name = models.CharField(max_length=200)
    guests = models.PositiveIntegerField()
    date = models.DateField()
    conditions = models.TextField(blank=True)
    placed_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    waiting_for = models.CharField(max_length=10, choices=WaitingFor.choices, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    takes_any_since = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    confirmed_menu = models.CharField(max_length=200, blank=True)
    cancel_reason = models.TextField(blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "order summaries"
        indexes = [
            models.Index(fields=["status", "waiting_since"], name="catering_order_waiting"),
            models.Index(fields=["status", "waiting_for", "waiting_since"], name="catering_order_waiting_for"),
        ]

    def __str__(self) -> str:
        return f"Order {self.order_id}"

    def get_absolute_url(self) -> str:
        return reverse("order", args=[self.order_id])

    def is_stuck(self, now: datetime) -> bool:
        return self.waiting_since is not None and now - self.waiting_since > STUCK_AFTER

    def offer_of(self, menu_id: str | None) -> MenuOffer | None:
        """The offer of a menu, with its caterer."""
        return self.offers.select_related("caterer").filter(menu_id=menu_id).first()

    def awaited_offers(self) -> list[MenuOffer]:
        """The menus whose answer would move the order on; the newest last."""
        possible = [each for each in self.offers.all() if each.is_possible]
        if self.waiting_for == WaitingFor.CATERER and self.takes_any_since is None:
            return [each for each in possible if each.customer_answer == Answer.CONFIRMED]
        if self.waiting_for == WaitingFor.CUSTOMER:
            return [each for each in possible if each.caterer_answer == Answer.CONFIRMED]
        return possible

    def awaited_caterers(self) -> list[Caterer]:
        """Who cooks the awaited menus, each once."""
        return list(dict.fromkeys(each.caterer for each in self.awaited_offers()))

    def note_waiting(self, at: datetime) -> None:
        """Work out anew what it waits for, from `at` on where that has changed. Saves the order."""
        is_open = self.status == self.Status.OPEN
        menus = [each.answers for each in self.offers.all()]
        now_for = waiting_for(menus, takes_any=self.takes_any_since is not None) if is_open else WaitingFor.NOBODY
        if now_for != self.waiting_for:
            self.waiting_for, self.waiting_since = now_for, at if is_open else None
        self.save()


class MenuOffer(models.Model):
    """A menu suggested for an order, and what customer and caterer said to it."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(OrderSummary, on_delete=models.CASCADE, related_name="offers")
    menu_id = models.CharField(max_length=200)
    menu = models.CharField(max_length=200)
    details = models.TextField(blank=True)
    caterer = models.ForeignKey(Caterer, on_delete=models.PROTECT, related_name="offers")
    price_per_guest = models.DecimalField(max_digits=8, decimal_places=2)
    suggested_at = models.DateTimeField()
    customer_answer = models.CharField(max_length=10, choices=Answer.choices, blank=True)
    customer_answered_at = models.DateTimeField(null=True, blank=True)
    customer_reason = models.TextField(blank=True)
    caterer_answer = models.CharField(max_length=10, choices=Answer.choices, blank=True)
    caterer_answered_at = models.DateTimeField(null=True, blank=True)
    caterer_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "menu_id"], name="catering_offer_unique_menu")]

    def __str__(self) -> str:
        return f"{self.menu} by {self.caterer}"

    @property
    def answers(self) -> Answers:
        return Answers(customer=self.customer_answer, caterer=self.caterer_answer)

    @property
    def caterer_stream(self) -> str:
        return f"Caterer${self.caterer_id}"

    @property
    def is_possible(self) -> bool:
        """Neither has declined it."""
        return Answer.DECLINED not in (self.customer_answer, self.caterer_answer)

    @property
    def total(self) -> Decimal:
        return self.price_per_guest * self.order.guests


class KitchenTicket(models.Model):
    """What the kitchen was told to cook, when it was told."""

    order = models.OneToOneField(OrderSummary, primary_key=True, on_delete=models.CASCADE, related_name="ticket")
    menu = models.CharField(max_length=200, blank=True)
    caterer = models.ForeignKey(Caterer, on_delete=models.PROTECT, null=True, blank=True)
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.order}: {self.menu}"
