"""What people may type."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone

from catering.models import Caterer


class FocusOnError(forms.Form):
    """A form that puts the focus on its first wrong field."""

    def full_clean(self) -> None:
        super().full_clean()
        if wrong := next((name for name in self.fields if name in self.errors), None):
            self.fields[wrong].widget.attrs["autofocus"] = True


class OrderForm(FocusOnError):
    """A new order. `event_id` makes sending it twice harmless."""

    event_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    customer_name = forms.CharField(max_length=200, label="Customer")
    guests = forms.IntegerField(min_value=1, max_value=5000)
    date = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), label="Date of the event")
    conditions = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Diets, allergies, access, times: whatever the caterer has to know.",
    )

    def clean_date(self) -> dt.date:
        date: dt.date = self.cleaned_data["date"]
        if date < timezone.localdate():
            raise forms.ValidationError("This day is in the past.")
        return date


class VersionedForm(FocusOnError):
    """A form about an order as its page has shown it."""

    seen_version = forms.IntegerField(min_value=-1, max_value=2**31, widget=forms.HiddenInput)


class SuggestMenuForm(VersionedForm):
    menu = forms.CharField(max_length=100)
    caterer = forms.ModelChoiceField(Caterer.objects.all(), empty_label="Choose a caterer")
    price_per_guest = forms.DecimalField(
        min_value=0, max_digits=8, decimal_places=2, label="Price per guest (€)",
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.01"}),
    )  # fmt: skip
    details = forms.CharField(
        required=False, max_length=1000, label="What is served", widget=forms.Textarea(attrs={"rows": 2})
    )


class CancelForm(VersionedForm):
    reason = forms.CharField(max_length=500, label="Why is it cancelled?")


class AnswerForm(forms.Form):
    """What customer or caterer says to a menu; no `menu_id` is "any of them"."""

    answer = forms.ChoiceField(choices=[("confirm", "Confirm"), ("decline", "Decline")])
    menu_id = forms.CharField(max_length=200, required=False)
    reason = forms.CharField(max_length=500, required=False)

    @property
    def decision(self) -> dict[str, Any]:
        """As `answer_for_customer` takes it."""
        return {
            "menu_id": self.cleaned_data["menu_id"] or None,
            "confirms": self.cleaned_data["answer"] == "confirm",
            "reason": self.cleaned_data["reason"],
        }
