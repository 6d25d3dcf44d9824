"""The office: the front page, the board of orders, one order, the kitchen's list."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, urlencode
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.contrib.auth.views import LoginView
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.views.generic import FormView, ListView, TemplateView, View

from catering import order_desk, signed_links
from catering.events import OrderPlaced
from catering.exceptions import MenuAlreadySuggested, OrderRefused
from catering.forms import CancelForm, OrderForm, SuggestMenuForm, VersionedForm
from catering.history import changes_since, history_of
from catering.keyset import page_after
from catering.models import Caterer, KitchenTicket, MenuOffer, OrderQuerySet, OrderSummary
from catering.orders import Order
from catering.process_managers import CateringMatch
from catering.waiting import STUCK_AFTER, WaitingFor
from event_store import DuplicateEvent, WrongExpectedVersion, event_store
from event_store.models import Process

WAITING_SHOWN = (WaitingFor.CATERER, WaitingFor.CUSTOMER, WaitingFor.BOTH, WaitingFor.MENU)
CLOSED_SHOWN = (OrderSummary.Status.CONFIRMED, OrderSummary.Status.CANCELLED)
STUCK = "stuck"
IS_OPEN = Q(status=OrderSummary.Status.OPEN)


def front(request: HttpRequest) -> HttpResponse:
    """What this site is, and where to click."""
    waiting = OrderSummary.objects.open().filter(waiting_for=WaitingFor.CATERER).order_by("-waiting_since")
    return render(request, "catering/front.html", {"example": waiting.first(), "debug": settings.DEBUG})


def favicon(request: HttpRequest) -> HttpResponse:
    """For programs that ask for this name whatever a page says."""
    return redirect(static("catering/icon.svg"))


class Login(LoginView):
    """For the office. With DEBUG it names the demo user, where there is one."""

    template_name = "catering/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        has_demo = settings.DEBUG and get_user_model().objects.filter(username="demo", is_active=True).exists()
        return super().get_context_data(has_demo=has_demo, **kwargs)


class OfficePage(LoginRequiredMixin, UserPassesTestMixin):
    """For staff: others sign in first, or are told that they may not."""

    request: HttpRequest

    def test_func(self) -> bool:
        return self.request.user.is_staff

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with event_store.metadata(user=request.user.get_username()):
            return super().dispatch(request, *args, **kwargs)


class Board(OfficePage, TemplateView):
    """What each open order waits for, the longest first; the closed ones; or every order that a search finds."""

    template_name = "catering/board.html"
    page_size = 50

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.query and (order := OrderSummary.objects.filter(pk=self.query).first()):
            return redirect(order)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = self._shown_orders().prefetch_related("offers__caterer")
        after = self.request.GET.get("after", "")
        orders, next_after = page_after(rows, self._order(), after=after, size=self.page_size)
        found = self._counts()
        return super().get_context_data(
            orders=orders,
            after=after,
            next_after=next_after,
            shown=self.shown,
            query=self.query,
            caterer=self.caterer,
            lists_all=self.lists_all,
            searches=bool(self.query or self.caterer),
            caterers=Caterer.objects.all(),
            counts=[(show, words, found[show]) for show, words, _ in _numbers()],
            open_fit=found[OrderSummary.Status.OPEN],
            fit_in_words=_fit_in_words({each: found[each] for each in OrderSummary.Status}),
            stuck_before=timezone.now() - STUCK_AFTER,
            stuck_hours=STUCK_AFTER.days * 24,
            filters=urlencode({"q": self.query, "caterer": self.caterer}),
            **kwargs,
        )

    @property
    def query(self) -> str:
        return self.request.GET.get("q", "").replace("\0", "").strip()

    @property
    def caterer(self) -> str:
        return self.request.GET.get("caterer", "").replace("\0", "")

    @property
    def shown(self) -> str:
        asked = self.request.GET.get("show", "")
        return asked if asked in (STUCK, *WAITING_SHOWN, *CLOSED_SHOWN) else ""

    @property
    def lists_all(self) -> bool:
        """Whoever looks for an order need not know that it is closed."""
        return bool(self.query or self.caterer) and not self.shown

    def _shown_orders(self) -> OrderQuerySet:
        matching = self._matching()
        if self.lists_all:
            return matching
        if self.shown in CLOSED_SHOWN:
            return matching.filter(status=self.shown)
        if self.shown == STUCK:
            return matching.stuck(timezone.now())
        return matching.open().filter(waiting_for=self.shown) if self.shown else matching.open()

    def _order(self) -> tuple[str, ...]:
        if self.lists_all:
            # Open, confirmed, cancelled: the alphabet backwards.
            return ("-status", "-placed_at", "order_id")
        return ("-closed_at", "order_id") if self.shown in CLOSED_SHOWN else ("waiting_since", "order_id")

    def _matching(self) -> OrderQuerySet:
        orders: OrderQuerySet = OrderSummary.objects.all()
        if self.query:
            orders = orders.filter(customer_name__icontains=self.query)
        if self.caterer:
            orders = orders.filter(pk__in=MenuOffer.objects.filter(caterer=self.caterer).values("order"))
        return orders

    def _counts(self) -> dict[str, int]:
        """How many match for each number above the table, and how many are open."""
        wanted = {show: each for show, _, each in _numbers()} | {OrderSummary.Status.OPEN.value: IS_OPEN}
        numbers = {f"count_{show}": Count("pk", filter=each) for show, each in wanted.items()}
        found = self._matching().aggregate(**numbers)
        return {show: found[f"count_{show}"] for show in wanted}


class NewOrder(OfficePage, FormView):  # type: ignore[type-arg]
    template_name = "catering/new_order.html"
    form_class = OrderForm

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            order_id = order_desk.place_order(**form.cleaned_data)
        except DuplicateEvent:
            return self._placed_before(form)
        messages.success(self.request, f"Order {order_id} is placed. Suggest a menu next.")
        return redirect("order", order_id)

    def _placed_before(self, form: forms.Form) -> HttpResponse:
        placed = event_store.events.of_type(OrderPlaced).with_ids(form.cleaned_data["event_id"]).first()
        if placed is None:
            form.add_error(None, "This page is out of date. Open “New order” again.")
            return self.form_invalid(form)
        if any(getattr(placed.data, name) != value for name, value in form.cleaned_data.items() if name != "event_id"):
            return self._ask_for_second_order(form, placed.data.order_id)
        messages.info(self.request, f"This was sent twice: it is order {placed.data.order_id}, placed once.")
        return redirect("order", placed.data.order_id)

    def _ask_for_second_order(self, form: forms.Form, placed_before: str) -> HttpResponse:
        fresh = cast(QueryDict, form.data).copy()
        fresh["event_id"] = str(uuid4())
        again = self.form_class(fresh)
        again.add_error(
            None,
            f"This page has placed order {placed_before} already, with other data: it stays as it is, and nothing new was "
            "stored. Send this again to place it as a second order.",
        )
        return self.render_to_response(self.get_context_data(form=again), status=409)


class OrderPage(OfficePage, View):
    """One order: what it waits for, its menus, the links to send, all that happened."""

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        return self.show(order_id)

    def show(self, order_id: str, *, status: int = 200, **context: Any) -> HttpResponse:
        order = get_object_or_404(OrderSummary.objects.prefetch_related("offers__caterer"), pk=order_id)
        process = Process.objects.filter(type=CateringMatch.type, key=order_id).first()
        seen = {"seen_version": _own_version(order_id)}
        shown = {
            "order": order,
            "is_stuck": order.is_stuck(timezone.now()),
            "history": history_of(order_id),
            "process": process,
            "commands": process.commands.all() if process else [],
            "links": _links_to_send(self.request, order),
            "suggest_form": SuggestMenuForm(initial=seen),
            "cancel_form": CancelForm(initial=seen, prefix=CancelOrder.prefix),
        }
        return render(self.request, "catering/order.html", shown | context, status=status)


class ChangeOrder(OrderPage):
    """A form on the order's page: done, wrong, refused, or the order has changed since the page was shown."""

    form_class: type[VersionedForm]
    form_name: str
    prefix: str | None = None
    done: str

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        return redirect("order", order_id)

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        get_object_or_404(OrderSummary, pk=order_id)
        form = self.form_class(request.POST, prefix=self.prefix)
        again: dict[str, Any] = {self.form_name: form}
        if not form.is_valid():
            return self.show(order_id, **again)
        try:
            self.change(order_id, form.cleaned_data)
        except WrongExpectedVersion:
            return self._show_changes(order_id, form)
        except MenuAlreadySuggested as refusal:
            form.add_error("menu", str(refusal))
            return self.show(order_id, status=409, **again)
        except OrderRefused as refusal:
            return self.show(order_id, status=409, refusal=str(refusal), **again)
        messages.success(request, self.done)
        return redirect("order", order_id)

    def change(self, order_id: str, data: dict[str, Any]) -> None:
        raise NotImplementedError

    def _show_changes(self, order_id: str, form: VersionedForm) -> HttpResponse:
        seen = form.cleaned_data["seen_version"]
        # The next attempt is about the order as this answer shows it.
        fresh = cast(QueryDict, form.data).copy()
        fresh[form.add_prefix("seen_version")] = str(_own_version(order_id))
        again: dict[str, Any] = {self.form_name: self.form_class(fresh, prefix=self.prefix)}
        return self.show(order_id, status=409, changes=changes_since(order_id, version=seen), **again)


class SuggestMenu(ChangeOrder):
    form_class = SuggestMenuForm
    form_name = "suggest_form"
    done = "The menu is suggested. Send the links below to the customer and to the caterer."

    def change(self, order_id: str, data: dict[str, Any]) -> None:
        caterer = data.pop("caterer")
        order_desk.suggest_menu(order_id, caterer_id=caterer.key, **data)


class CancelOrder(ChangeOrder):
    form_class = CancelForm
    form_name = "cancel_form"
    prefix = "cancel"
    done = "The order is cancelled."

    def change(self, order_id: str, data: dict[str, Any]) -> None:
        order_desk.cancel_order(order_id, **data)


class Kitchen(OfficePage, ListView):  # type: ignore[type-arg]
    """What the kitchen was told to cook, the next event first."""

    template_name = "catering/kitchen.html"
    context_object_name = "tickets"
    paginate_by = 50

    def get_queryset(self) -> QuerySet[KitchenTicket]:
        coming = KitchenTicket.objects.filter(order__date__gte=timezone.localdate())
        return coming.select_related("order", "caterer").order_by("order__date", "order_id")


def _numbers() -> list[tuple[str, str, Q]]:
    """(value of `show`, words, which orders) for each number above the board's table."""
    return [
        *((each.value, f"wait for {each.label}", IS_OPEN & Q(waiting_for=each)) for each in WAITING_SHOWN),
        (STUCK, "stuck", IS_OPEN & Q(waiting_since__lt=timezone.now() - STUCK_AFTER)),
        *((each.value, str(each.label), Q(status=each)) for each in CLOSED_SHOWN),
    ]


def _fit_in_words(counts: dict[OrderSummary.Status, int]) -> str:
    """ "1 confirmed one does", "2 confirmed ones do", "1 open, 2 confirmed and 1 cancelled do"; empty for none."""
    *others, last = [f"{number} {status.label}" for status, number in counts.items() if number] or [""]
    if others:
        return f"{', '.join(others)} and {last} do"
    return last and f"{last} {'one does' if sum(counts.values()) == 1 else 'ones do'}"


def _own_version(order_id: str) -> int:
    last = event_store.events.in_stream(Order(order_id).stream).last()
    return -1 if last is None or last.position is None else last.position


def _links_to_send(request: HttpRequest, order: OrderSummary) -> list[dict[str, str]]:
    possible = [each for each in order.offers.all() if each.is_possible]
    if order.status != OrderSummary.Status.OPEN or not possible:
        return []
    caterers = {offer.caterer.key: offer.caterer for offer in possible}
    return [
        _link_to_send(request, signed_links.customer_path(order.pk), to=order.customer_name, role="customer", order=order),
        *(
            _link_to_send(
                request, signed_links.caterer_path(order.pk, caterer_id=key),
                to=caterer.name, role="caterer", email=caterer.email, order=order,
            )
            for key, caterer in caterers.items()
        ),
    ]  # fmt: skip


def _link_to_send(
    request: HttpRequest, path: str, *, to: str, role: str, order: OrderSummary, email: str = ""
) -> dict[str, str]:
    url = request.build_absolute_uri(path)
    subject = f"Order {order.pk}: please confirm your menu for {order.date:%d %B %Y}"
    words = {"subject": subject, "body": f"Please look at the menu and confirm or decline it here:\n\n{url}\n"}
    mail = f"mailto:{quote(email)}?{urlencode(words, quote_via=quote)}"
    return {"to": to, "role": role, "url": url, "mail": mail}
