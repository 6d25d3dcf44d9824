"""What people may type."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone

from catering.models import Caterer

LONGEST_AHEAD = dt.timedelta(days=730)

# Control characters (tab and new lines apart), and those that turn the direction of what follows.
_UNSEEN = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def refuse_unseen(text: str) -> None:
    """Raises ValidationError for characters that nobody sees and that garble the page that shows them."""
    if unseen := _UNSEEN.search(text):
        raise forms.ValidationError(
            f"There is a character in it that cannot be seen (U+{ord(unseen[0]):04X}). Please type it anew."
        )


class Text(forms.CharField):
    """What people read again elsewhere."""

    default_validators = [refuse_unseen]


class FocusOnError(forms.Form):
    """A form that puts the focus on its first wrong field."""

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        wrong = [self.fields[name].widget.attrs for name in self.fields if name in self.errors]
        for position, attributes in enumerate(wrong):
            attributes["autofocus"] = position == 0


class OrderForm(FocusOnError):
    """A new order. `event_id` makes sending it twice harmless."""

    event_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    customer_name = Text(max_length=200, label="Customer")
    guests = forms.IntegerField(min_value=1, max_value=5000)
    date = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), label="Date of the event")
    conditions = Text(
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Diets, allergies, access, times: whatever the caterer has to know.",
    )

    def clean_date(self) -> dt.date:
        date: dt.date = self.cleaned_data["date"]
        if date < timezone.localdate():
            raise forms.ValidationError("This day is in the past.")
        if date > timezone.localdate() + LONGEST_AHEAD:
            raise forms.ValidationError("This day is more than two years ahead.")
        return date


class VersionedForm(FocusOnError):
    """A form about an order as its page has shown it."""

    seen_version = forms.IntegerField(min_value=-1, max_value=2**31, widget=forms.HiddenInput)


class SuggestMenuForm(VersionedForm):
    menu = Text(max_length=100)
    caterer = forms.ModelChoiceField(Caterer.objects.all(), empty_label="Choose a caterer")
    price_per_guest = forms.DecimalField(
        min_value=Decimal("0.01"), max_digits=8, decimal_places=2, label="Price per guest (€)",
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.01"}),
    )  # fmt: skip
    details = Text(required=False, max_length=1000, label="What is served", widget=forms.Textarea(attrs={"rows": 2}))


class CancelForm(VersionedForm):
    reason = Text(max_length=500, label="Why is it cancelled?")


class AnswerForm(forms.Form):
    """What customer or caterer says to one menu, or to any of them where the page offers that."""

    answer = forms.ChoiceField(
        choices=[("confirm", "Confirm"), ("decline", "Decline"), ("any", "Any of these is fine")]
    )
    menu_id = forms.CharField(max_length=200, required=False)
    reason = Text(max_length=500, required=False)

    def clean(self) -> None:
        if bool(self.cleaned_data.get("menu_id")) == (self.cleaned_data.get("answer") == "any"):
            raise forms.ValidationError("An answer is about one menu or about any.")

    @property
    def refusal(self) -> str:
        """What to say about an answer that is not valid."""
        if about_reason := self.errors.get("reason"):
            return f"Nothing was stored, because of your reason: {about_reason[0]}"
        return "We did not understand this answer: please use the buttons below."

    @property
    def decision(self) -> dict[str, Any]:
        """As `answer_for_customer` takes it."""
        return {
            "menu_id": self.cleaned_data["menu_id"] or None,
            "confirms": self.cleaned_data["answer"] != "decline",
            "reason": self.cleaned_data["reason"],
        }
