"""The pages behind signed links, on which customers and caterers answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from catering import order_desk, signed_links
from catering.exceptions import AlreadyAnswered, MenuNotFound, OrderRefused
from catering.forms import AnswerForm
from catering.models import Caterer, MenuOffer, OrderSummary
from catering.orders import CONFIRMED
from event_store import WrongExpectedVersion, event_store


@method_decorator(never_cache, name="dispatch")
class AnswerPage(View):
    """One order for one of the two sides: GET shows it, POST answers. The link is the permission."""

    role: str
    order: OrderSummary

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            self.read_token(kwargs["token"])
        except SignatureExpired:
            return render(request, "catering/link_expired.html", {"days": signed_links.VALID_FOR.days}, status=410)
        except (BadSignature, OrderSummary.DoesNotExist, Caterer.DoesNotExist):
            return render(request, "catering/link_invalid.html", status=404)
        response = super().dispatch(request, *args, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.show()

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self.show(status=400, refusal=form.refusal)
        try:
            # The path itself is the permission: it stays out of what staff can read.
            with event_store.metadata(answered_by=self.role, path=f"/{self.role}/…/"):
                self.answer(form)
        except AlreadyAnswered as answered:
            same = (answered.answer == CONFIRMED) == form.decision["confirms"]
            messages.info(
                request, f"{answered} {'Nothing more to do.' if same else 'If that has changed, please call us.'}"
            )
        except OrderRefused as refusal:
            return self.show(status=409, refusal=str(refusal))
        except WrongExpectedVersion:
            return self.show(
                status=409, refusal="Something changed while you answered. Please look again and repeat it."
            )
        else:
            messages.success(request, "Thank you, your answer has been noted.")
        return redirect(request.path)

    def show(self, *, status: int = 200, refusal: str = "") -> HttpResponse:
        self.order = _order(self.order.pk)
        offers = self.offers()
        context = {
            "order": self.order,
            "offers": offers,
            "refusal": refusal,
            "confirmed": next((each for each in offers if each.menu == self.order.confirmed_menu), None),
            **self.context(offers),
        }
        return render(self.request, f"catering/{self.role}.html", context, status=status)

    def read_token(self, token: str) -> None:
        """Raises BadSignature, OrderSummary.DoesNotExist, Caterer.DoesNotExist."""
        raise NotImplementedError

    def offers(self) -> list[MenuOffer]:
        return list(self.order.offers.all())

    def context(self, offers: list[MenuOffer]) -> dict[str, Any]:
        raise NotImplementedError

    def answer(self, form: AnswerForm) -> None:
        """Raises OrderRefused, WrongExpectedVersion."""
        raise NotImplementedError


class CustomerPage(AnswerPage):
    role = "customer"

    def read_token(self, token: str) -> None:
        self.order = _order(signed_links.read_customer(token))

    def context(self, offers: list[MenuOffer]) -> dict[str, Any]:
        unanswered = [each for each in offers if each.is_possible and not each.customer_answer]
        chosen = any(each.is_possible and each.customer_answer == CONFIRMED for each in offers)
        return {
            "has_chosen": chosen,
            "can_take_any": len(unanswered) > 1 and not chosen and not self.order.takes_any_since,
        }

    def answer(self, form: AnswerForm) -> None:
        decision, order = form.decision, self.order
        if (
            decision["menu_id"] is None
            and not order.takes_any_since
            and not self.context(self.offers())["can_take_any"]
        ):
            raise MenuNotFound("Please answer for one of the menus below.")
        order_desk.answer_for_customer(order.pk, **decision)


class CatererPage(AnswerPage):
    role = "caterer"
    caterer: Caterer

    def read_token(self, token: str) -> None:
        order_id, caterer_id = signed_links.read_caterer(token)
        self.order, self.caterer = _order(order_id), Caterer.objects.get(pk=caterer_id)

    def offers(self) -> list[MenuOffer]:
        return [each for each in self.order.offers.all() if each.caterer_id == self.caterer.pk]

    def context(self, offers: list[MenuOffer]) -> dict[str, Any]:
        return {"caterer": self.caterer}

    def answer(self, form: AnswerForm) -> None:
        decision = form.decision
        order_desk.answer_for_caterer(
            self.order.pk, caterer_id=self.caterer.pk, **(decision | {"menu_id": decision["menu_id"] or ""})
        )


def _order(order_id: str) -> OrderSummary:
    return OrderSummary.objects.prefetch_related("offers__caterer").get(pk=order_id)
